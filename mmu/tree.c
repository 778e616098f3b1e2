/* SPDX-License-Identifier: BSD-2-Clause */
/* Trees of hardware tables. */
#include "mmu/tree.h"

#include "mmu/mmu.h"

struct tree_pos tree_find(const struct mmu_vm *m, gfn_t gfn, u32 level)
{
	struct tree_pos p = { .sp = m->root.sp, .level = m->root.level };

	for (;;) {
		p.idx = level_index(gfn, p.level);
		p.e = env_spte_read(&sp_table(p.sp)[p.idx]);
		if (p.level == level || !spte_is_table(p.e))
			return p;
		p.sp = sp_of_hpa(spte_hpa(p.e));
		p.level--;
	}
}

static void write_entry(spx_t x, u32 idx, u64 old, u64 new)
{
	env_spte_write(&sp_table(x)[idx], new);
	sp_get(x)->nr_present = (u16)(sp_get(x)->nr_present + (new != 0) - (old != 0));
}

static void split(struct mmu_vm *m, const struct tree_pos *p, spx_t x)
{
	for (u32 i = 0; i < MMU_ENTRIES; i++)
		sp_table(x)[i] = spte_part(p->e, p->level, i);
	sp_get(x)->nr_present = MMU_ENTRIES;
	mmu_stat_inc(m, MMU_STAT_SPLIT);
	mmu_trace(m, MMU_SPLIT, tree_gfn(p).v, p->level, spte_is_leaf(p->e));
}

void tree_down(struct mmu_vm *m, struct tree_pos *p, gfn_t gfn, struct mmu_res *r)
{
	spx_t x = res_take(r, SP_LIVE);
	struct sp *sp = sp_get(x);

	sp->gfn = tree_gfn(p);
	sp->role = role_child(sp_get(p->sp)->role);
	sp->parent = spte_id(p->sp, p->idx);
	if (p->e)
		split(m, p, x);
	/* The table becomes reachable with this: it is filled before. */
	write_entry(p->sp, p->idx, p->e, spte_table(sp_hpa(x)));
	mmu_stat_inc(m, MMU_STAT_TABLE_ALLOC);
	*p = (struct tree_pos){ .sp = x,
				.idx = level_index(gfn, p->level - 1),
				.level = p->level - 1 };
	p->e = env_spte_read(&sp_table(x)[p->idx]);
}

/* The leaf new allows all that the entries of table x allow, to the same frames. */
static bool leaf_covers(spx_t x, u32 level, u64 new)
{
	const u64 *table = sp_table(x);

	for (u32 i = 0; i < MMU_ENTRIES; i++) {
		u64 e = env_spte_read(&table[i]);

		if (spte_is_table(e))
			return false;
		if (spte_change(e, spte_part(new, level, i)).cls != FLUSH_NONE)
			return false;
	}
	return true;
}

/* The tables above an entry that has become empty hold nothing any more, up to one that does. */
static void prune(struct mmu_vm *m, spx_t x)
{
	while (sp_get(x)->nr_present == 0 && x != m->root.sp) {
		spteid_t up = sp_get(x)->parent;

		write_entry(spte_id_page(up), spte_id_index(up), SPTE_TABLE, 0);
		pool_zap(m, x);
		x = spte_id_page(up);
	}
}

flushneed_t tree_set(struct mmu_vm *m, const struct tree_pos *p, u64 new)
{
	flushneed_t need = spte_change(p->e, new);
	spx_t child = 0;

	if (p->e == new)
		return flush_need(FLUSH_NONE);
	if (spte_is_table(p->e)) {
		child = sp_of_hpa(spte_hpa(p->e));
		need = flush_need(leaf_covers(child, p->level, new) ? FLUSH_REUSE : FLUSH_SYNC);
		if (spte_is_leaf(new))
			mmu_stat_inc(m, MMU_STAT_COLLAPSE);
	}
	mmu_trace(m, MMU_SPTE, tree_gfn(p).v, p->e, new);
	write_entry(p->sp, p->idx, p->e, new);
	if (child)
		pool_zap(m, child);
	if (new == 0)
		prune(m, p->sp);
	return need;
}

bool tree_zap(struct mmu_vm *m, u32 max)
{
	for (; max && m->zap_list; max--) {
		spx_t x = pool_zap_next(m);
		const u64 *table = sp_table(x);

		/* The entries stay as they are: hardware may use them until the next flush. */
		for (u32 i = 0; i < MMU_ENTRIES && sp_get(x)->role.level > 1; i++) {
			u64 e = env_spte_read(&table[i]);

			if (spte_is_table(e))
				pool_zap(m, sp_of_hpa(spte_hpa(e)));
		}
		pool_quarantine(m, x);
		mmu_stat_inc(m, MMU_STAT_TABLE_FREE);
	}
	return m->zap_list == 0;
}
