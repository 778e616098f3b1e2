/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One-shot timers on the TSC. Each CPU has a queue, driven by its local APIC timer. A timer lives
 * on the queue of the CPU that armed it last. Callbacks run with interrupts off on that CPU, with
 * no lock held, so they may take any; they may arm their own timer again.
 */
#pragma once

#include "lib/list.h"
#include "lib/types.h"

struct cpu;

struct timer {
	struct list node;
	u64 deadline; /* TSC */
	void (*fn)(struct timer *t);
	struct cpu *volatile cpu; /* queue it is on; NULL = not armed */
};

extern u64 tsc_khz;  /* host TSC frequency */
extern u64 tsc_boot; /* TSC at the hypervisor's first instruction */

void timer_init(struct timer *t, void (*fn)(struct timer *t));
/* (Re)arms; a deadline in the past fires at the next interrupt window. Takes RANK_TIMER. */
void timer_set(struct timer *t, u64 deadline_tsc);
/* After return the timer is not queued; its callback may be in progress on another CPU. */
void timer_cancel(struct timer *t);

/* Unit conversions that do not overflow before about 500 years of uptime. */
static inline u64 tsc_to_ns(u64 tsc)
{
	return (u64)(((unsigned __int128)tsc * 1000000) / tsc_khz);
}

static inline u64 ns_to_tsc(u64 ns)
{
	return (u64)(((unsigned __int128)ns * tsc_khz) / 1000000);
}
