/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "lib/types.h"

/* Sets tsc_khz and the local APIC timer's rate; takes 10 ms. -EIO when the PIT does not count. */
int tsc_calibrate(void);
/* Busy wait. */
void udelay(u64 us);
