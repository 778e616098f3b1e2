/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI fixed hardware: PM1a event and control blocks, PM timer, SCI. Source: ACPI specification
 * "ACPI Hardware Specification".
 */
#pragma once

#include "lib/types.h"

struct vm;

#define VPM_PM1_EVT  0x600 /* status, enable */
#define VPM_PM1_CNT  0x604
#define VPM_TIMER    0x608
#define VPM_TIMER_HZ 3579545ULL
#define VPM_SCI      9
#define VPM_SLP_S5   5 /* SLP_TYP of \_S5 in vm/acpi/dsdt.asl */

int vpm_create(struct vm *vm) __must_check;
/* Chipset lock held. */
void vpm_reset(struct vm *vm);
void vpm_quiesce(struct vm *vm);
void vpm_destroy(struct vm *vm);
