/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All entries of a VM's tables in address order, tables before what they contain. Resumable at any
 * point: an iterator holds a place, not a lock, so a renderer may take its time between two steps;
 * each step sees the tables as they are then.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct mmu_vm;

struct mmu_iter {
	/* The entry that mmu_iter_next() has found. */
	gfn_t gfn; /* first frame it covers */
	u64 spte;  /* not 0; mmu/spte.h takes it apart */
	u8 level;
	hpa_t table; /* that the entry is in */
	/* The rest is iter.c's. */
	const struct mmu_vm *m;
	gfn_t pos, end;
	u8 pos_level;
};

/* Over frames [first, end). */
void mmu_iter_init(struct mmu_iter *it, const struct mmu_vm *m, gfn_t first, gfn_t end);
/* Moves to the next entry that is not empty; false at the end. Lock-free. */
bool mmu_iter_next(struct mmu_iter *it);
