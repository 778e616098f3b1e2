/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's firmware configuration device: selector and data ports. Source: QEMU "QEMU Firmware
 * Configuration (fw_cfg) Device" specification. */
#pragma once

#include "lib/types.h"

struct vm;

int vfwcfg_create(struct vm *vm) __must_check;
/* Chipset lock held. */
void vfwcfg_reset(struct vm *vm);
void vfwcfg_destroy(struct vm *vm);
