/* SPDX-License-Identifier: BSD-2-Clause */
/* Conversion between host TSC cycles and the ticks of a device's clock, without division. */
#pragma once

#include "lib/types.h"

#include "arch/timer.h"

/* Fraction bits of the ratios: relative error below 1e-8 for clocks from 1 MHz to 1 GHz on a TSC of
 * up to 10 GHz. */
#define VCLOCK_SHIFT 40

struct vclock {
	u64 ticks_per_cycle;
	u64 cycles_per_tick;
};

static inline void vclock_init(struct vclock *c, u64 hz)
{
	u64 tsc_hz = tsc_khz * 1000;

	c->ticks_per_cycle = (u64)((((unsigned __int128)hz << VCLOCK_SHIFT) + tsc_hz / 2) / tsc_hz);
	c->cycles_per_tick = (u64)((((unsigned __int128)tsc_hz << VCLOCK_SHIFT) + hz / 2) / hz);
}

static inline u64 vclock_ticks(const struct vclock *c, u64 cycles)
{
	return (u64)(((unsigned __int128)cycles * c->ticks_per_cycle) >> VCLOCK_SHIFT);
}

/* Rounds up: after so many cycles the ticks have passed. */
static inline u64 vclock_cycles(const struct vclock *c, u64 ticks)
{
	return (u64)(((unsigned __int128)ticks * c->cycles_per_tick) >> VCLOCK_SHIFT) + 1;
}
