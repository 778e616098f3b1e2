/* SPDX-License-Identifier: BSD-2-Clause */
/* Clock and CMOS memory. Source: Motorola "MC146818A Real-Time Clock Plus RAM" datasheet. */
#pragma once

#include "lib/types.h"

struct vm;

/* Takes the time from the host's clock. */
int vrtc_create(struct vm *vm) __must_check;
/* The battery keeps time and memory; interrupts are turned off. Chipset lock held. */
void vrtc_reset(struct vm *vm);
void vrtc_quiesce(struct vm *vm);
void vrtc_destroy(struct vm *vm);
