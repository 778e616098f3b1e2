/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lock-free readers of hardware tables. Between begin and end no table that was reachable at begin
 * is given to another use. Short, not nested, no lock and no yield inside.
 */
#pragma once

#include "lib/types.h"

#include "mmu/mmu_env.h"

struct mmu_reader {
	u32 reading __aligned(64);
};

extern struct mmu_reader mmu_readers[ENV_MAX_CPUS];

static __always_inline struct mmu_reader *mmu_read_begin(void)
{
	struct mmu_reader *r = &mmu_readers[env_cpu()];

	/* The fence pairs with the one in pool_drain(): who misses this store unlinked before. */
	env_publish(&r->reading, 1);
	return r;
}

static __always_inline void mmu_read_end(struct mmu_reader *r)
{
	__atomic_store_n(&r->reading, 0, __ATOMIC_RELEASE);
}
