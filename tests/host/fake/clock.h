/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time on the host: it stands still until the test moves it, so every run is the same. tsc_khz is
 * 1000000, that is one tick a nanosecond. Link tests/host/fake/clock.c.
 */
#pragma once

#include "lib/types.h"

extern u64 fake_tsc; /* what rdtsc() returns */

/* Moves time to until, firing the timers of arch/timer.h on the way, each at its deadline. */
void fake_clock_run(u64 until);
/* When the next timer fires; UINT64_MAX if none is armed. */
u64 fake_clock_next(void);
