/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of memory slots. */
#include "mmu/slot.h"

#include <errno.h>
#include <string.h>

#include "mmu/direct.h"
#include "mmu/farray.h"
#include "mmu/mmu.h"
#include "mmu/shadow/reclaim.h"
#include "mmu/slot_priv.h"

/* How many slots start at or before gfn. */
static u32 position(const struct slot_table *t, gfn_t gfn)
{
	u32 lo = 0, hi = MIN(READ_ONCE(t->nr), (u32)MMU_MAX_SLOTS);

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (t->slot[READ_ONCE(t->order[mid])].gfn.v <= gfn.v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const struct slot *lookup(const struct slot_table *t, gfn_t gfn)
{
	u32 pos = position(t, gfn);
	const struct slot *s;

	if (pos == 0)
		return NULL;
	s = &t->slot[READ_ONCE(t->order[pos - 1])];
	return gfn.v - s->gfn.v < s->nr ? s : NULL;
}

const struct slot *mmu_slot_find(const struct mmu_vm *m, gfn_t gfn)
{
	const struct slot_table *t = &m->slots;
	const struct slot *s;
	u32 seq;

	if (likely(ram_holds(m, gfn_to_gpa(gfn).v)))
		return m->ram.slot;
	do {
		while ((seq = __atomic_load_n(&t->seq, __ATOMIC_ACQUIRE)) & 1)
			env_relax();
		s = lookup(t, gfn);
		/* Pairs with the release fences in table_change(). */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&t->seq, __ATOMIC_RELAXED) != seq);
	return s;
}

const struct slot *mmu_slot_nth(const struct mmu_vm *m, u32 i)
{
	const struct slot_table *t = &m->slots;

	return i < READ_ONCE(t->nr) ? &t->slot[READ_ONCE(t->order[i])] : NULL;
}

struct slot_place slot_place(struct mmu_vm *m, gfn_t gfn)
{
	struct slot_table *t = &m->slots;
	u32 pos = position(t, gfn);
	struct slot_place p = { .first = 0, .end = ~0ULL };

	if (pos < t->nr)
		p.end = t->slot[t->order[pos]].gfn.v;
	if (pos > 0) {
		struct slot *s = &t->slot[t->order[pos - 1]];

		p.first = s->gfn.v + s->nr;
		if (gfn.v < p.first)
			p = (struct slot_place){ .slot = s, .first = s->gfn.v, .end = p.first };
	}
	return p;
}

/* Moves order[] behind pos by one place up (add) or down. Lock-free readers try again meanwhile. */
static void table_change(struct slot_table *t, u32 pos, bool add, u32 idx)
{
	__atomic_store_n(&t->seq, t->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (add) {
		memmove(&t->order[pos + 1], &t->order[pos], t->nr - pos);
		t->order[pos] = (u8)idx;
		t->nr++;
	} else {
		t->nr--;
		memmove(&t->order[pos], &t->order[pos + 1], t->nr - pos);
	}
	__atomic_store_n(&t->seq, t->seq + 1, __ATOMIC_RELEASE);
}

/* [first, first + nr) lies below limit. */
static bool in_range(u64 first, u64 nr, u64 limit)
{
	return first < limit && nr <= limit - first;
}

static bool overlaps_pool(hfn_t hfn, u64 nr)
{
	u64 first = hpa_to_hfn(mmu_pool.base).v + 1;

	return hfn.v < first + mmu_pool.nr && first < hfn.v + nr;
}

static bool valid(const struct mmu_vm *m, const struct slot *s)
{
	u64 limit = 1ULL << (mmu_hw.maxphyaddr - PAGE_SHIFT);

	if (s->nr == 0 || !in_range(s->gfn.v, s->nr, m->gfn_limit))
		return false;
	if (s->kind == SLOT_MMIO)
		return true;
	return slot_has_memory(s) && s->nr <= MMU_SLOT_MAX_FRAMES - s->gfn.v % MMU_ENTRIES &&
	       !s->dirty_log && in_range(s->hfn.v, s->nr, limit) && !overlaps_pool(s->hfn, s->nr);
}

static int insert(struct mmu_vm *m, const struct slot *s)
{
	struct slot_table *t = &m->slots;
	struct slot_place p = slot_place(m, s->gfn);
	u32 idx = 0;

	if (p.slot || p.end < s->gfn.v + s->nr)
		return -EEXIST;
	while (idx < MMU_MAX_SLOTS && t->slot[idx].kind != SLOT_NONE)
		idx++;
	if (idx == MMU_MAX_SLOTS)
		return -ENOSPC;
	t->slot[idx] = (struct slot){
		.gfn = s->gfn,
		.nr = s->nr,
		.hfn = s->hfn,
		.kind = s->kind,
		.dev = s->dev,
	};
	table_change(t, position(t, s->gfn), true, idx);
	return 0;
}

int mmu_slot_add(struct mmu_vm *m, const struct slot *s)
{
	int rc;

	if (!valid(m, s))
		return -EINVAL;
	env_lock(&m->lock);
	rc = insert(m, s);
	env_unlock(&m->lock);
	if (rc)
		return rc;
	mmu_trace(m, MMU_SLOT, s->gfn.v, s->nr, s->kind);
	rc = shadow_slot_added(m, s->gfn);
	if (rc == 0 && m->prebuilt)
		rc = direct_refit(m, s->gfn, s->nr);
	/* Removal needs no memory. */
	return rc && mmu_slot_remove(m, s->gfn) == 0 ? rc : 0;
}

/* What was cached about MMIO slots is void from now on. Entries in the tables are refitted, so the
 * generation only has to tell old from new until then; but words in the lookaside stay, and must be
 * gone before their generation comes round. */
static void next_generation(struct mmu_vm *m)
{
	m->slots.gen = (m->slots.gen + 1) & SPTE_TRAP_GEN_MASK;
	for (u32 i = 0; m->slots.gen == 0 && i < ARRAY_SIZE(m->lookaside); i++)
		WRITE_ONCE(m->lookaside[i], 0);
}

int mmu_slot_remove(struct mmu_vm *m, gfn_t gfn)
{
	struct slot_table *t = &m->slots;
	struct slot_place p;

	shadow_slot_leaving(m, gfn);
	env_lock(&m->lock);
	p = slot_place(m, gfn);
	if (!p.slot || p.first != gfn.v) {
		env_unlock(&m->lock);
		return -ENOENT;
	}
	if (slot_has_memory(p.slot) && m->ram.gpa == gfn_to_gpa(gfn).v)
		m->ram = (struct mmu_ram){ 0 };
	shadow_slot_gone(m, p.slot);
	table_change(t, position(t, gfn) - 1, false, 0);
	next_generation(m);
	slot_set_log(m, p.slot, false);
	farray_free(m, &p.slot->dirty);
	farray_free(m, &p.slot->tracks);
	p.slot->kind = SLOT_NONE;
	slot_change_begin(m);
	env_unlock(&m->lock);
	mmu_trace(m, MMU_SLOT, gfn.v, p.end - p.first, SLOT_NONE);
	if (m->shadow.on && !MUTANT(SLOT_GONE_TABLES_STAY))
		reclaim_obsolete(m);
	direct_refit_existing(m, gfn, p.end - p.first);
	slot_change_end(m);
	return 0;
}
