/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-frame data. */
#include "mmu/farray.h"

u32 farray_needs(const struct farray *a, u64 i, u32 per_page)
{
	return farray_page(a, i, per_page) ? 0 : a->index ? 1 : 2;
}

spx_t farray_extend(struct farray *a, u64 i, u32 per_page, struct mmu_res *r)
{
	spx_t *index;

	if (!a->index)
		a->index = res_take(r, SP_DATA);
	index = (spx_t *)(void *)sp_table(a->index);
	if (!index[i >> per_page])
		index[i >> per_page] = res_take(r, SP_DATA);
	return index[i >> per_page];
}

void farray_free(struct mmu_vm *m, struct farray *a)
{
	const spx_t *index;

	if (!a->index)
		return;
	index = (const void *)sp_table(a->index);
	for (u32 i = 0; i < FARRAY_INDEX_NR; i++)
		if (index[i])
			pool_free(m, index[i]);
	pool_free(m, a->index);
	a->index = 0;
}
