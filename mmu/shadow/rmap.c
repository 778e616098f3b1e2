/* SPDX-License-Identifier: BSD-2-Clause */
/* Reverse map. */
#include "mmu/shadow/rmap.h"

#include "mmu/direct.h"
#include "mmu/farray.h"
#include "mmu/mutant.h"
#include "mmu/shadow/sp.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

/* Frames whose 4 KiB lists one index page reaches; a slot may have twice as many. */
#define HALF ((u64)FARRAY_INDEX_NR << FARRAY_U32)

_Static_assert(2 * HALF >= MMU_SLOT_MAX_FRAMES, "two halves hold a slot");

/* Which array of the slot, and which element of it. */
static struct farray *place(struct slot *s, gfn_t gfn, u32 level, u64 *i)
{
	u32 shift = MMU_LEVEL_BITS * (level - 1);

	*i = (gfn.v >> shift) - (s->gfn.v >> shift);
	if (level > 1)
		return &s->rmap[level];
	if (*i < HALF)
		return &s->rmap[0];
	*i -= HALF;
	return &s->rmap[1];
}

idlist_t *rmap_head(struct mmu_vm *m, gfn_t gfn, u32 level)
{
	struct slot *s = slot_of(m, gfn);
	const struct farray *a;
	spx_t page;
	u64 i;

	if (!s || !s->shadowed)
		return NULL;
	i = gfn.v - s->gfn.v;
	/* What nearly every call is for. */
	if (level == 1 && i < HALF)
		a = &s->rmap[0];
	else
		a = place(s, gfn, level, &i);
	page = farray_page(a, i, FARRAY_U32);
	return page ? (idlist_t *)(void *)sp_table(page) + i % (1U << FARRAY_U32) : NULL;
}

void rmap_remove(struct mmu_vm *m, gfn_t gfn, u32 level, spteid_t id)
{
	idlist_remove(&m->shadow.ids, rmap_head(m, gfn, level), id);
}

/* Takes W from every 4 KiB leaf of the frame. */
static bool protect_small(struct mmu_vm *m, const idlist_t *head)
{
	struct idlist_iter it = idlist_begin(*head);
	bool any = false;
	spteid_t id;

	while ((id = idlist_next(&it)))
		any |= sp_protect(m, spte_id_page(id), spte_id_index(id));
	return any;
}

static bool drop_all(struct mmu_vm *m, const idlist_t *head)
{
	bool any = *head != 0;
	spteid_t id;

	while ((id = idlist_first(*head)))
		sp_drop(m, spte_id_page(id), spte_id_index(id));
	return any;
}

/* A frame that is mapped very often would make each removal of one leaf a long search under the
 * lock. Then all go: those still in use come back one by one. */
void rmap_add(struct mmu_vm *m, gfn_t gfn, u32 level, spteid_t id)
{
	idlist_t *head = rmap_head(m, gfn, level);

	if (unlikely(idlist_crowded(*head)) && !MUTANT(RMAP_UNBOUNDED)) {
		mmu_stat_inc(m, MMU_STAT_CROWD);
		(void)drop_all(m, head);
	}
	idlist_add(&m->shadow.ids, head, id);
}

bool rmap_protect(struct mmu_vm *m, gfn_t gfn)
{
	const idlist_t *head = rmap_head(m, gfn, 1);
	bool any;

	if (!head)
		return false;
	any = protect_small(m, head);
	for (u32 level = 2; level <= RMAP_LEVELS; level++)
		any |= drop_all(m, rmap_head(m, gfn, level));
	return any;
}

void rmap_freeze(struct mmu_vm *m, gfn_t gfn)
{
	bool owed = rmap_protect(m, gfn);

	owed |= direct_withdraw(m, gfn);
	mmu_stat_inc(m, MMU_STAT_FREEZE);
	/* Nothing to clear does not mean that no TLB has W: it may have been dropped without a
	 * flush. */
	if ((owed || m->shadow.lazy_w > m->synced_stamp) && !MUTANT(S3_05_FREEZE_WITHOUT_FLUSH))
		tlb_sync(m);
}

bool rmap_unmap(struct mmu_vm *m, gfn_t gfn)
{
	bool any = false;

	for (u32 level = 1; level <= RMAP_LEVELS && rmap_head(m, gfn, level); level++)
		any |= drop_all(m, rmap_head(m, gfn, level));
	return any;
}

static flushneed_t refit_frame(struct mmu_vm *m, const struct slot *s, gfn_t gfn)
{
	u64 i = gfn.v - s->gfn.v;
	u32 withheld = track_withheld(s, i);
	bool any;

	if (MUTANT(REFIT_FORGOTTEN) || (!withheld && !(s->dirty_log && !dirty_test(s, i))))
		return flush_need(FLUSH_NONE);
	/* No leaf here is without R; whether one with X was dropped unflushed is not known. */
	if (withheld & ~MMU_W && !MUTANT(READ_TRACK_PROTECTS))
		any = rmap_unmap(m, gfn) || !MUTANT(READ_TRACK_UNFLUSHED);
	else
		any = rmap_protect(m, gfn);
	if (MUTANT(REFIT_UNFLUSHED))
		return flush_need(FLUSH_NONE);
	return flush_need(any || m->shadow.lazy_w > m->synced_stamp ? FLUSH_SYNC : FLUSH_NONE);
}

flushneed_t rmap_refit(struct mmu_vm *m, gfn_t gfn, u64 nr)
{
	struct slot *s = slot_of(m, gfn);
	flushneed_t need = flush_need(FLUSH_NONE);

	if (!m->shadow.on || !s || s->kind != SLOT_RAM || (!s->nr_tracked && !s->dirty_log))
		return need;
	for (u64 end = MIN(gfn.v + nr, s->gfn.v + s->nr); gfn.v < end; gfn.v++)
		flush_join(&need, refit_frame(m, s, gfn));
	return need;
}

/* --- arrays of a slot ------------------------------------------------------------------------- */

/* One more page for one of the arrays; false: all are complete. */
static bool extend_one(struct slot *s, u64 *frame, struct mmu_res *r)
{
	while (slot_has_memory(s) && *frame < s->nr) {
		gfn_t gfn = GFN(s->gfn.v + *frame);

		if (farray_needs(&s->shadows, sp_count_index(s, gfn), FARRAY_U16)) {
			farray_extend(&s->shadows, sp_count_index(s, gfn), FARRAY_U16, r);
			return true;
		}
		for (u32 level = 1; level <= RMAP_LEVELS; level++) {
			u64 i;
			struct farray *a = place(s, gfn, level, &i);

			if (farray_needs(a, i, FARRAY_U32)) {
				farray_extend(a, i, FARRAY_U32, r);
				return true;
			}
		}
		/* No array's element changes page within less than this. */
		*frame = *frame + 1 == s->nr ? s->nr : MIN(*frame + (1U << FARRAY_U32), s->nr - 1);
	}
	return false;
}

int rmap_slot_init(struct mmu_vm *m, gfn_t gfn)
{
	return farray_build(m, gfn, extend_one);
}

void rmap_slot_fini(struct mmu_vm *m, struct slot *s)
{
	farray_free(m, &s->shadows);
	for (u32 i = 0; i < ARRAY_SIZE(s->rmap); i++)
		farray_free(m, &s->rmap[i]);
}
