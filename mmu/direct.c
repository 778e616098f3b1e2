/* SPDX-License-Identifier: BSD-2-Clause */
/* The direct map: what each entry should be, and making it so. */
#include "mmu/direct.h"

#include <errno.h>

#include "mmu/mmu.h"
#include "mmu/mutant.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/sp.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

/* Entries refitted, and tables unlinked, under one hold of the lock. */
#define SLICE_ENTRIES 512
#define SLICE_ZAP     64

static u32 max_leaf_level(const struct mmu_vm *m, const struct slot *s)
{
	/*
	 * All RAM is executable: on processors with the page-size-change erratum that means 4 KiB.
	 */
	if (s->dirty_log || (mmu_hw.multihit && !MUTANT(MULTIHIT_LARGE)))
		return 1;
	/* Beside shadows it may have to give way to tables and come back in one fault. */
	return mmu_hw.has_1g && !m->shadow.on ? 3 : 2;
}

bool direct_shadowed(struct mmu_vm *m, gfn_t gfn, u64 nr)
{
	return m->shadow.nr_unpaged && sp_any_of(m, gfn, nr);
}

/* One entry of this level around gfn stays inside [first, end). */
static bool inside(gfn_t gfn, u32 level, const struct slot_place *p)
{
	return level_first(gfn, level).v >= p->first && level_next(gfn, level).v <= p->end;
}

static bool leaf_fits(struct mmu_vm *m, const struct slot_place *p, gfn_t gfn, u32 level)
{
	const struct slot *s = p->slot;
	u64 first = level_first(gfn, level).v;

	return inside(gfn, level, p) && IS_ALIGNED(s->hfn.v - s->gfn.v, level_frames(level)) &&
	       !track_any(s, first - s->gfn.v, level_frames(level)) &&
	       (!direct_shadowed(m, GFN(first), level_frames(level)) || MUTANT(UNPAGED_LARGE));
}

static u64 leaf_spte(struct mmu_vm *m, const struct slot *s, gfn_t gfn, u32 level)
{
	gfn_t first = level_first(gfn, level);
	u64 i = gfn.v - s->gfn.v;
	u32 access = (MMU_R | MMU_W | MMU_X) & ~track_withheld(s, i);
	u64 soft = access & MMU_W ? SPTE_MMU_W : 0, e;

	if (s->kind == SLOT_RAM)
		soft |= SPTE_SLOT_W;
	if (s->kind != SLOT_RAM || direct_shadowed(m, gfn, 1))
		access &= ~MMU_W;
	e = spte_leaf(hfn_to_hpa(slot_hfn(s, first)), level, access, soft);
	return s->dirty_log && !dirty_test(s, i) ? spte_log(e) : e;
}

struct direct_want direct_want(struct mmu_vm *m, gfn_t gfn)
{
	struct slot_place p = slot_place(m, gfn);
	struct direct_want w = { .level = m->root.level };

	if (p.slot && slot_has_memory(p.slot)) {
		w.level = max_leaf_level(m, p.slot);
		while (w.level > 1 && !leaf_fits(m, &p, gfn, w.level))
			w.level--;
		w.spte = leaf_spte(m, p.slot, gfn, w.level);
		return w;
	}
	while (w.level > 1 && !inside(gfn, w.level, &p))
		w.level--;
	if (p.slot)
		w.spte = spte_trap(slot_index(m, p.slot), m->slots.gen);
	return w;
}

static u32 needs(const struct tree_pos *p, const struct direct_want *w)
{
	return p->e == 0 && w->spte == 0 ? 0 : p->level - w->level;
}

u32 direct_needs(const struct mmu_vm *m, gfn_t gfn, const struct direct_want *w)
{
	struct tree_pos p = tree_find(m, gfn, w->level);

	return needs(&p, w);
}

flushneed_t direct_fit(struct mmu_vm *m, gfn_t gfn, const struct direct_want *w, struct mmu_res *r)
{
	struct tree_pos p = tree_find(m, gfn, w->level);

	if (needs(&p, w) == 0 && p.level > w->level)
		return flush_need(FLUSH_NONE);
	while (p.level > w->level)
		tree_down(m, &p, gfn, r);
	return tree_set(m, &p, w->spte);
}

bool direct_withdraw(struct mmu_vm *m, gfn_t gfn)
{
	struct tree_pos p;

	if (!m->shadow.nr_unpaged || MUTANT(UNPAGED_UNSEEN))
		return false;
	p = tree_find(m, gfn, 1);
	if (!(spte_access(p.e) & MMU_W))
		return false;
	/* It may be a large one: the next access makes what is right then. */
	(void)tree_set(m, &p, 0);
	(void)tree_zap(m, p.level);
	return true;
}

/* Refits [*gfn, end) up to the slice's length. Stops before a frame for which the reserve is too
 * small and returns how many pages it takes; with skip such frames are left as they are. */
static u32 refit_slice(struct mmu_vm *m, gfn_t *gfn, u64 end, struct mmu_res *r, bool skip)
{
	flushneed_t need = flush_need(FLUSH_NONE);
	u32 lack = 0;

	for (u32 n = 0; n < SLICE_ENTRIES && gfn->v < end; n++) {
		struct direct_want w = direct_want(m, *gfn);
		u32 pages = direct_needs(m, *gfn, &w);

		if (pages > r->nr && !skip) {
			lack = pages;
			break;
		}
		if (pages <= r->nr)
			flush_join(&need, direct_fit(m, *gfn, &w, r));
		flush_join(&need, rmap_refit(m, *gfn, level_next(*gfn, w.level).v - gfn->v));
		*gfn = level_next(*gfn, w.level);
	}
	tlb_commit(m, need);
	return lack;
}

static int refit(struct mmu_vm *m, gfn_t gfn, u64 end, bool skip)
{
	struct mmu_res r = { .nr = 0 };
	bool zapped = true;
	u32 lack = 0;
	int rc = 0;

	while (gfn.v < end || !zapped) {
		rc = lack ? res_fill(m, &r, lack) : 0;
		if (rc == -ENOMEM)
			break;
		env_lock(&m->lock);
		lack = refit_slice(m, &gfn, end, &r, skip);
		zapped = tree_zap(m, SLICE_ZAP);
		env_unlock(&m->lock);
	}
	res_drop(m, &r);
	return rc;
}

int direct_refit(struct mmu_vm *m, gfn_t first, u64 nr)
{
	return refit(m, first, first.v + nr, false);
}

void direct_refit_existing(struct mmu_vm *m, gfn_t first, u64 nr)
{
	/* Takes no pages, so there is nothing that can fail. */
	(void)refit(m, first, first.v + nr, true);
}
