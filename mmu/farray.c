/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-frame data. */
#include "mmu/farray.h"

#include <errno.h>

#include "mmu/slot_priv.h"

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

int farray_build(struct mmu_vm *m, gfn_t gfn,
		 bool (*step)(struct slot *s, u64 *frame, struct mmu_res *r))
{
	struct mmu_res r = { .nr = 0 };
	bool more = true;
	u64 frame = 0;
	int rc = 0;

	while (more) {
		struct slot *s;

		rc = res_fill(m, &r, 2);
		if (rc == -EAGAIN)
			continue;
		if (rc)
			break;
		env_lock(&m->lock);
		s = slot_at(m, gfn);
		more = s && step(s, &frame, &r);
		env_unlock(&m->lock);
	}
	res_drop(m, &r);
	return rc;
}

/* Counters of a large leaf's frames, and how many of them are not zero. A page of data has no other
 * use for the place. */
#define BLOCK MMU_ENTRIES

static u64 *block(spx_t page, u64 i)
{
	return &sp_get(page)->unsync_map[i % (1U << FARRAY_U16) / BLOCK];
}

bool farray_any(const struct farray *a, u64 i, u64 nr)
{
	u64 end = i + nr, stop;

	for (; i < end; i = stop) {
		spx_t x = farray_page(a, i, FARRAY_U16);

		if (!x || !sp_get(x)->nr_present) {
			stop = (i | ((1U << FARRAY_U16) - 1)) + 1;
			continue;
		}
		stop = MIN(end, (i | (BLOCK - 1)) + 1);
		if (*block(x, i) && stop - i == BLOCK)
			return true;
		for (u64 j = i; *block(x, i) && j < stop; j++)
			if (farray_count(a, j))
				return true;
	}
	return false;
}

int farray_add(const struct farray *a, u64 i, int by)
{
	spx_t page = farray_page(a, i, FARRAY_U16);
	u16 *counter = (u16 *)(void *)sp_table(page) + i % (1U << FARRAY_U16), old = *counter;
	int change;

	*counter = (u16)(old + by);
	change = (*counter != 0) - (old != 0);
	sp_get(page)->nr_present = (u16)(sp_get(page)->nr_present + change);
	*block(page, i) += (u64)(s64)change;
	return change;
}

bool farray_check(const struct farray *a, u64 nr, u32 *all)
{
	u32 in_page = 0;
	bool ok = true;

	*all = 0;
	for (u64 i = 0, end; i < nr; i = end) {
		spx_t x = farray_page(a, i, FARRAY_U16);
		u32 in_block = 0;

		end = i + (1U << FARRAY_U16);
		if (!x)
			continue;
		end = MIN(nr, i + BLOCK);
		for (u64 j = i; j < end; j++)
			in_block += farray_count(a, j) != 0;
		in_page += in_block;
		ok &= *block(x, i) == in_block;
		if (end < nr && end % (1U << FARRAY_U16))
			continue;
		ok &= sp_get(x)->nr_present == in_page;
		*all += in_page;
		in_page = 0;
	}
	return ok;
}
