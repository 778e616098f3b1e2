/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading the guest's entries to fill the shadow; counted. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/mmu.h"
#include "mmu/vm.h"

/* One entry of 4 or 8 bytes, naturally aligned. Outside memory: ones, as the walker sees it. */
static inline u64 gpte_read(struct mmu_vm *m, gpa_t gpa, u32 size)
{
	u64 e = 0;

	mmu_stat_inc(m, MMU_STAT_GUEST_READ);
	if (mmu_read(m, gpa, &e, size))
		e = size == 4 ? 0xffffffff : ~0ULL;
	return e;
}
