/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket spinlock. The hypervisor runs with interrupts off, so there is no irq-save form. Locks
 * are taken in rising rank; a DEBUG build stops on a violation.
 */
#pragma once

#include "lib/bug.h"
#include "lib/types.h"

#include "arch/lock_rank.h"
#include "arch/percpu.h"
#include "arch/x86.h"

struct spinlock {
	u16 next, owner;
	u8 rank; /* enum lock_rank */
};

#define SPINLOCK(r)         \
	{                   \
		.rank = (r) \
	}

static inline void spin_init(struct spinlock *l, enum lock_rank rank)
{
	*l = (struct spinlock){ .rank = (u8)rank };
}

static inline void spin_lock(struct spinlock *l)
{
#ifdef DEBUG
	struct cpu *c = this_cpu();

	BUG_ON(c->locks_held >> l->rank); /* the order is static: see enum lock_rank */
	c->locks_held |= BIT32(l->rank);
#endif
	u16 t = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	/* Acquire: pairs with the release in spin_unlock(). */
	while (__atomic_load_n(&l->owner, __ATOMIC_ACQUIRE) != t)
		cpu_pause();
}

static inline void spin_unlock(struct spinlock *l)
{
#ifdef DEBUG
	this_cpu()->locks_held &= ~BIT32(l->rank);
#endif
	__atomic_store_n(&l->owner, (u16)(l->owner + 1), __ATOMIC_RELEASE);
}
