/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arrays with an element for each frame of a slot, made of pool pages that exist only where they
 * are needed: an index page of 1024 page numbers, and the data pages. Under mmu_vm.lock.
 */
#pragma once

#include "lib/types.h"

#include "mmu/pool.h"
#include "mmu/slot.h"

/* Elements of a data page, as a power of two. nr_present of a page of counters (u16) says how many
 * of them are not zero. */
#define FARRAY_BITS 15
#define FARRAY_U16  11
#define FARRAY_U32  10

#define FARRAY_INDEX_NR (PAGE_SIZE / sizeof(spx_t))

_Static_assert(MMU_SLOT_MAX_FRAMES >> FARRAY_U16 <= FARRAY_INDEX_NR, "a slot fits the index page");

/* The data page of element i, or 0. */
static inline spx_t farray_page(const struct farray *a, u64 i, u32 per_page)
{
	const spx_t *index;

	if (!a->index)
		return 0;
	index = (const void *)sp_table(a->index);
	return index[i >> per_page];
}

/* Pages that farray_extend() will take from the reserve. */
u32 farray_needs(const struct farray *a, u64 i, u32 per_page);
/* The data page of element i, made if there is none. */
spx_t farray_extend(struct farray *a, u64 i, u32 per_page, struct mmu_res *r);
void farray_free(struct mmu_vm *m, struct farray *a);

/* Makes arrays of the slot that starts at gfn: calls step() under the lock, with at least two pages
 * in reserve and what it has left in *frame (0 at first), until it returns false. No lock held.
 * -ENOMEM: some of it is made. */
int farray_build(struct mmu_vm *m, gfn_t gfn,
		 bool (*step)(struct slot *s, u64 *frame, struct mmu_res *r)) __must_check;

/* Of an array of counters; without data page: 0. */
static inline u32 farray_count(const struct farray *a, u64 i)
{
	spx_t x = farray_page(a, i, FARRAY_U16);

	return x ? ((const u16 *)(const void *)sp_table(x))[i % (1U << FARRAY_U16)] : 0;
}

/* One of the counters [i, i + nr) is not zero. */
bool farray_any(const struct farray *a, u64 i, u64 nr);
/* Adds to a counter, whose data page exists. Returns 1 if it was zero, -1 if it has become zero. */
int farray_add(const struct farray *a, u64 i, int by);
/* I15: the counts of counters that are not zero hold. *all: how many of the first nr are not. */
bool farray_check(const struct farray *a, u64 nr, u32 *all);
