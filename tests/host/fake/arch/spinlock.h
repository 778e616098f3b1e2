/* SPDX-License-Identifier: BSD-2-Clause */
/* Host tests run one thread: a lock only checks that it is not taken twice and that ranks rise. */
#pragma once

#include <assert.h>

#include "lib/types.h"

#include "arch/lock_rank.h"

struct spinlock {
	u8 rank, held;
};

extern u32 fake_locks_held; /* ranks; defined with __attribute__((weak)) so that no file owns it */
__attribute__((weak)) u32 fake_locks_held;

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
	assert(!l->held && !(fake_locks_held >> l->rank));
	l->held = 1;
	fake_locks_held |= BIT32(l->rank);
}

static inline void spin_unlock(struct spinlock *l)
{
	assert(l->held);
	l->held = 0;
	fake_locks_held &= ~BIT32(l->rank);
}
