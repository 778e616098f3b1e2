/* SPDX-License-Identifier: BSD-2-Clause */
/* Shadow paging of one VM: begin, end, and everything at once. */
#include <errno.h>

#include "mmu/mutant.h"
#include "mmu/shadow/ctx.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/reclaim.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/root_priv.h"
#include "mmu/shadow/sp.h"
#include "mmu/slot_priv.h"

/* Frames of a slot that goes that are unmapped under one hold of the lock. */
#define SLICE_FRAMES 512

static const struct mmu_tune default_tune = {
	.unsync = true,
	.huge = true,
	.by_links = true,
	.prefetch = 4,
	.roots = RCACHE_NR + 1,
	.flood = 3,
};

int mmu_shadow_init(struct mmu_vm *m)
{
	struct mmu_res r = { .nr = 0 };
	const struct slot *s;
	int rc = res_fill(m, &r, 1);

	for (u32 i = 0; rc == 0 && (s = mmu_slot_nth(m, i)); i++)
		rc = rmap_slot_init(m, s->gfn);
	if (rc) {
		res_drop(m, &r);
		return rc;
	}
	env_lock(&m->lock);
	for (u32 i = 0; i < MMU_MAX_SLOTS; i++)
		m->slots.slot[i].shadowed = slot_has_memory(&m->slots.slot[i]);
	m->shadow.hash = res_take(&r, SP_DATA);
	m->shadow.tune = default_tune;
	m->shadow.gen = 1;
	m->shadow.on = true;
	env_unlock(&m->lock);
	vm_choose_ram(m);
	return 0;
}

/* Under the lock: nobody may use the tables any more, and after return nobody does. */
static void obsolete(struct mmu_vm *m)
{
	__atomic_store_n(&m->shadow.gen, m->shadow.gen + 1, __ATOMIC_RELAXED);
	root_drop_obsolete(m);
	/* Running CPUs leave, and see that they have no root when they want to enter again. */
	if (!MUTANT(ZAP_ALL_WITHOUT_FLUSH))
		tlb_sync(m);
	root_drop_unowned(m);
}

void mmu_shadow_zap_all(struct mmu_vm *m)
{
	env_lock(&m->lock);
	obsolete(m);
	env_unlock(&m->lock);
	reclaim_obsolete(m);
}

/* What is shadowed already may be written through the direct map, so it has to go. */
void mmu_shadow_unpaged_begin(struct mmu_vm *m)
{
	env_lock(&m->lock);
	slot_change_begin(m);
	if (m->shadow.nr_unpaged++ == 0 && !MUTANT(UNPAGED_FINDS_SHADOWS))
		obsolete(m);
	env_unlock(&m->lock);
	reclaim_obsolete(m);
	slot_change_end(m);
}

void mmu_shadow_unpaged_end(struct mmu_vm *m)
{
	env_lock(&m->lock);
	m->shadow.nr_unpaged--;
	env_unlock(&m->lock);
}

int shadow_slot_added(struct mmu_vm *m, gfn_t gfn)
{
	struct slot *s;
	int rc;

	if (!m->shadow.on)
		return 0;
	rc = rmap_slot_init(m, gfn);
	if (rc)
		return rc;
	/* Tables that were outside memory until now are neither counted nor frozen. */
	env_lock(&m->lock);
	s = slot_of(m, gfn);
	if (s)
		s->shadowed = slot_has_memory(s);
	if (!MUTANT(SLOT_ADDED_UNSEEN))
		obsolete(m);
	env_unlock(&m->lock);
	reclaim_obsolete(m);
	return 0;
}

void shadow_slot_leaving(struct mmu_vm *m, gfn_t gfn)
{
	u64 slice = MUTANT(SLOT_GONE_ONE_HOLD) ? MMU_SLOT_MAX_FRAMES : SLICE_FRAMES;

	for (u64 i = 0, nr = 1; m->shadow.on && i < nr; i += slice) {
		struct slot *s;

		env_lock(&m->lock);
		s = slot_at(m, gfn);
		nr = s && slot_has_memory(s) ? s->nr : 0;
		if (nr)
			s->leaving = true;
		for (u64 frame = i; frame < MIN(nr, i + slice); frame++)
			(void)rmap_unmap(m, GFN(gfn.v + frame));
		env_unlock(&m->lock);
	}
}

void shadow_slot_gone(struct mmu_vm *m, struct slot *s)
{
	spx_t x;

	if (!m->shadow.on)
		return;
	if (!MUTANT(SLOT_GONE_ROOT_STAYS))
		obsolete(m);
	for (x = m->shadow.lru_first; x; x = sp_get(x)->lru_next)
		if (sp_get(x)->gfn.v - s->gfn.v < s->nr)
			sp_get(x)->flags &= (u8)~SP_COUNTED;
	rmap_slot_fini(m, s);
	if (!MUTANT(ZAP_ALL_WITHOUT_FLUSH))
		tlb_sync(m);
}

void shadow_fini(struct mmu_vm *m)
{
	if (!m->shadow.on)
		return;
	env_lock(&m->lock);
	obsolete(m);
	while (m->shadow.lru_first)
		sp_zap(m, m->shadow.lru_first);
	idlist_trim(m, &m->shadow.ids);
	while (m->shadow.root_pages) {
		spx_t page = m->shadow.root_pages;

		m->shadow.root_pages = sp_get(page)->next;
		pool_free(m, page);
	}
	pool_free(m, m->shadow.hash);
	m->shadow.on = false;
	for (u32 i = 0; i < MMU_MAX_SLOTS; i++)
		rmap_slot_fini(m, &m->slots.slot[i]);
	env_unlock(&m->lock);
}

void mmu_shadow_tune(struct mmu_vm *m, const struct mmu_tune *t)
{
	u32 limit = MIN(MAX(t->roots, 1u), RCACHE_NR + 1u) - 1u;

	env_lock(&m->lock);
	m->shadow.tune = *t;
	if (!MUTANT(ROOTS_UNBOUNDED))
		m->shadow.tune.roots = (u8)(limit + 1);
	for (struct mmu_ctx *c = m->shadow.ctxs; c; c = c->next) {
		for (; c->cache.limit > limit; c->cache.limit--)
			if (c->cache.mru[c->cache.limit - 1])
				root_put(m, rcache_pop(&c->cache));
		c->cache.limit = limit;
	}
	env_unlock(&m->lock);
	if (!t->huge)
		mmu_shadow_zap_all(m);
}
