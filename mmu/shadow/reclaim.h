/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadow pages given back when quota or pool are used up: obsolete ones, those that no table points
 * to, roots that are nobody's current one, and then the least recently used. Never what a current
 * root points to itself. Always before a fault validates its root, never after. No lock held.
 */
#pragma once

#include "lib/types.h"

#include "mmu/mmu.h"
#include "mmu/pool.h"

/* The reserve has nr pages: FIXED. RETRY: freed pages are held back for a moment. NOMEM: nothing is
 * left to take. */
enum mmu_verdict reclaim_reserve(struct mmu_vm *m, struct mmu_res *res, u32 nr,
				 struct mmu_result *r);
/* Drops tables of former generations, all of them in slices. */
void reclaim_obsolete(struct mmu_vm *m);
