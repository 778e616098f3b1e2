/* SPDX-License-Identifier: BSD-2-Clause */
/* Marks and collection of unsync pages. */
#include "mmu/shadow/unsync.h"

#include "mmu/mutant.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/sp.h"

/* --- marks ------------------------------------------------------------------------------------ */

static bool set_bit(struct sp *sp, u32 idx)
{
	if (sp->unsync_map[idx / 64] >> (idx % 64) & 1)
		return false;
	sp->unsync_map[idx / 64] |= BIT(idx % 64);
	sp->nr_unsync++;
	return true;
}

void unsync_clear_bit(struct sp *sp, u32 idx)
{
	if (!(sp->unsync_map[idx / 64] >> (idx % 64) & 1) && !MUTANT(S4_11_DOUBLE_DECREMENT))
		return;
	sp->unsync_map[idx / 64] &= ~BIT(idx % 64);
	sp->nr_unsync--;
}

/*
 * Work: tables whose parents are to be marked; linked by sp.next, which a live page does not use.
 */
static void work_add(spx_t *work, spx_t x)
{
	struct sp *sp = sp_get(x);

	if (sp->flags & SP_INWORK)
		return;
	sp->flags |= SP_INWORK;
	sp->next = *work;
	*work = x;
}

/* Marks every entry that points to x, and so on upwards. */
static void propagate(spx_t x)
{
	spx_t work = 0;

	work_add(&work, x);
	while (work) {
		struct sp *sp = sp_get(work);
		struct idlist_iter it = idlist_begin(sp->parents);
		spteid_t id;

		work = sp->next;
		sp->next = 0;
		sp->flags &= (u8)~SP_INWORK;
		while ((id = idlist_next(&it)))
			/* Its own parents knew already if it had a bit before. */
			if (set_bit(sp_get(spte_id_page(id)), spte_id_index(id)) &&
			    sp_get(spte_id_page(id))->nr_unsync == 1)
				work_add(&work, spte_id_page(id));
	}
}

void unsync_mark(struct mmu_vm *m, spx_t x)
{
	if (sp_get(x)->flags & SP_UNSYNC)
		return;
	sp_get(x)->flags |= SP_UNSYNC;
	mmu_stat_inc(m, MMU_STAT_UNSYNC);
	mmu_trace(m, SHADOW_UNSYNC, sp_get(x)->gfn.v, x, sp_get(x)->role.level);
	propagate(x);
}

void unsync_mark_parent(spx_t x, u32 idx)
{
	if (set_bit(sp_get(x), idx) && sp_get(x)->nr_unsync == 1)
		propagate(x);
}

bool unsync_try(struct mmu_vm *m, gfn_t gfn)
{
	if (!m->shadow.tune.unsync)
		return false;
	for (spx_t x = 0; (x = sp_next_of(m, gfn, x));)
		if ((sp_get(x)->role.level > 1 && !MUTANT(S4_05_INTERIOR_UNSYNC)) ||
		    sp_get(x)->flags & SP_INPVEC)
			return false;
	for (spx_t x = 0; (x = sp_next_of(m, gfn, x)) && !MUTANT(UNSYNC_D_NOT_MARKED);)
		unsync_mark(m, x);
	return true;
}

/* --- collection ------------------------------------------------------------------------------- */

/* Room is looked for before anything changes: a bit is cleared only for a page that is covered. */
static bool pvec_add(struct pvec *pv, spx_t x)
{
	struct sp *sp = sp_get(x);

	if (sp->flags & SP_INPVEC && !MUTANT(S4_10_NO_DEDUP))
		return true;
	if (pv->nr == PVEC_NR)
		return false;
	sp->flags |= SP_INPVEC;
	pv->sp[pv->nr++] = x;
	return true;
}

/* Where the walk is in the table of each level. */
struct place {
	spx_t sp;
	u32 idx;
};

/* What is below entry p->idx is covered (it is in a vector) or needs nothing: on to the next. */
static void pass(struct place *p, bool covered)
{
	if (!MUTANT(S4_02_BITS_KEPT) && (covered || !MUTANT(S4_06_STALE_BIT_KEPT)))
		unsync_clear_bit(sp_get(p->sp), p->idx);
	p->idx++;
}

enum collect unsync_collect_and_clear(spx_t x, struct pvec *pv)
{
	struct place at[MMU_MAX_LEVEL + 1] = { { .sp = x } };
	u32 depth = 0;

	for (;;) {
		struct place *p = &at[depth];
		spx_t ch;

		p->idx = sp_next_bit(sp_get(p->sp)->unsync_map, p->idx);
		if (p->idx == MMU_ENTRIES) {
			if (depth == 0)
				return COLLECT_DONE;
			/* All below is covered, so the way to it is clear. */
			pass(&at[--depth], true);
			continue;
		}
		MMU_HOOK(IN_COLLECT);
		ch = sp_child(p->sp, p->idx);
		if (ch && sp_get(ch)->nr_unsync) {
			at[++depth] = (struct place){ .sp = ch };
			continue;
		}
		if (MUTANT(S4_04_CLEAR_BEFORE_ADD))
			unsync_clear_bit(sp_get(p->sp), p->idx);
		if (ch && sp_get(ch)->flags & SP_UNSYNC && !pvec_add(pv, ch)) {
			while (MUTANT(S4_08_WAY_CLEARED) && depth--)
				unsync_clear_bit(sp_get(at[depth].sp), at[depth].idx);
			return COLLECT_MORE;
		}
		pass(p, ch && sp_get(ch)->flags & SP_UNSYNC);
	}
}
