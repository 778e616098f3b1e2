/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arrays with an element for each frame of a slot, made of pool pages that exist only where they
 * are needed: an index page of 1024 page numbers, and the data pages. Under mmu_vm.lock.
 */
#pragma once

#include "lib/types.h"

#include "mmu/pool.h"
#include "mmu/slot.h"

/* Elements of a data page, as a power of two. */
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
