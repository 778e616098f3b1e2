/* SPDX-License-Identifier: BSD-2-Clause */
/* The invariants of docs/mmu.md as code. Reads only; every check stands alone. */
#include "mmu/audit.h"

#include "mmu/audit_priv.h"
#include "mmu/direct.h"
#include "mmu/mmu.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

static void report(struct mmu_audit *a, const char *inv, const char *text, u32 level, gfn_t gfn,
		   u64 e)
{
	if (a->errors < MMU_AUDIT_KEEP)
		a->err[a->errors] = (struct mmu_audit_error){ inv, text, level, gfn, e };
	a->errors++;
}

void audit_bad_entry(struct mmu_audit *a, const char *inv, const char *text, spx_t x, u32 idx)
{
	report(a, inv, text, sp_get(x)->role.level, sp_get(x)->gfn, sp_table(x)[idx]);
}

void audit_bad(struct mmu_audit *a, const char *inv, const char *text)
{
	report(a, inv, text, 0, GFN(0), 0);
}

static void bad_entry(struct mmu_audit *a, const char *inv, const char *text,
		      const struct tree_pos *p)
{
	report(a, inv, text, p->level, tree_gfn(p), p->e);
}

/* --- one table -------------------------------------------------------------------------------- */

static void check_link(const struct mmu_vm *m, struct mmu_audit *a, const struct tree_pos *p)
{
	spx_t x = sp_of_hpa(spte_hpa(p->e));
	const struct sp *child = sp_get(x);

	if (!x || child->state != SP_LIVE || child->vm != m->id)
		return bad_entry(a, "I2", "table entry points to no live table of this VM", p);
	if (child->parent != spte_id(p->sp, p->idx))
		bad_entry(a, "I8", "table does not name the entry that points to it", p);
	if (child->role.word != role_child(sp_get(p->sp)->role).word)
		bad_entry(a, "I9", "role does not follow from the parent's", p);
	if (child->gfn.v != tree_gfn(p).v)
		bad_entry(a, "I9", "frame does not follow from the parent's", p);
}

/* One of an older generation is ignored by its reader, but a slot keeps its number. */
static void check_trap(struct mmu_audit *a, const struct tree_pos *p, const struct direct_want *w)
{
	if (!spte_is_trap(w->spte) || spte_trap_slot(p->e) != spte_trap_slot(w->spte))
		return bad_entry(a, "I21", "MMIO entry does not name the slot it is in", p);
	if (p->level > w->level)
		bad_entry(a, "I21", "MMIO entry larger than its slot", p);
}

/* inside: bytes from the start of the wanted leaf to this one, which may be smaller. */
static void check_leaf(struct mmu_audit *a, const struct tree_pos *p, const struct direct_want *w,
		       u64 inside)
{
	u64 soft = (p->e ^ w->spte) & (SPTE_SLOT_W | SPTE_MMU_W);

	if (!spte_is_leaf(w->spte))
		return bad_entry(a, "I1", "leaf where no slot has memory, or all is withheld", p);
	if (p->level > w->level)
		return bad_entry(a, "I16", "leaf larger than slot, log or tracking allow", p);
	if (spte_hpa(p->e).v != spte_hpa(w->spte).v + inside)
		bad_entry(a, "I1", "leaf maps another frame than its slot says", p);
	/* Too much because of the slot or tracking, which the software bits show, or of the log. */
	if (spte_access(p->e) & ~spte_access(w->spte))
		bad_entry(a, soft ? "I3" : "I17", "leaf allows more than slot, log and tracking",
			  p);
	if (soft)
		bad_entry(a, "I17", "software bits do not match slot and tracking", p);
}

static void check_entry(struct mmu_vm *m, struct mmu_audit *a, const struct tree_pos *p)
{
	gfn_t gfn = tree_gfn(p);
	struct direct_want w;

	a->entries++;
	if (spte_illegal(p->e, p->level))
		return bad_entry(a, "I4", "bits that hardware or L1TF protection forbid", p);
	if (spte_is_table(p->e))
		return check_link(m, a, p);
	if (m->refitting)
		return;
	w = direct_want(m, gfn);
	if (spte_is_trap(p->e))
		check_trap(a, p, &w);
	else
		check_leaf(a, p, &w, (gfn.v - level_first(gfn, w.level).v) << PAGE_SHIFT);
}

static void check_place(const struct mmu_vm *m, struct mmu_audit *a, spx_t x)
{
	const struct sp *sp = sp_get(x);
	spx_t up = spte_id_page(sp->parent);

	if (sp->role.word != role_direct(sp->role.level).word || sp->role.level < 1 ||
	    sp->role.level > m->root.level)
		audit_bad(a, "I9", "a table's role is no role");
	if (x == m->root.sp) {
		if (sp->parent || sp->role.level != m->root.level || sp->gfn.v)
			audit_bad(a, "I9", "the root is not a root");
		return;
	}
	if (!up || up > mmu_pool.nr || sp_get(up)->state != SP_LIVE || sp_get(up)->vm != m->id ||
	    spte_hpa(sp_table(up)[spte_id_index(sp->parent)]).v != sp_hpa(x).v)
		audit_bad(a, "I8", "a live table is not linked where it says");
}

static void check_table(struct mmu_vm *m, struct mmu_audit *a, spx_t x)
{
	const struct sp *sp = sp_get(x);
	u32 present = 0;

	a->tables++;
	check_place(m, a, x);
	for (u32 i = 0; i < MMU_ENTRIES; i++) {
		struct tree_pos p = {
			.sp = x,
			.idx = i,
			.level = sp->role.level,
			.e = env_spte_read(&sp_table(x)[i]),
		};

		if (p.e == 0)
			continue;
		present++;
		check_entry(m, a, &p);
	}
	if (present != sp->nr_present)
		audit_bad(a, "I13", "a table's count of entries is wrong");
	if (present == 0 && x != m->root.sp)
		audit_bad(a, "I13", "an empty table is linked");
}

/* --- the books -------------------------------------------------------------------------------- */

static u32 list_length(spx_t x, enum sp_state state)
{
	u32 n = 0;

	for (; x && n <= mmu_pool.nr && sp_get(x)->state == state; x = sp_get(x)->next)
		n++;
	return n;
}

u32 audit_farray_pages(const struct farray *a)
{
	const spx_t *index;
	u32 n = 1;

	if (!a->index)
		return 0;
	index = (const void *)sp_table(a->index);
	for (u32 i = 0; i < FARRAY_INDEX_NR; i++)
		n += index[i] && sp_get(index[i])->state == SP_DATA;
	return n;
}

static void check_tracking(struct mmu_audit *a, const struct slot *s)
{
	u32 tracked;

	if (!farray_check(&s->tracks, s->nr, &tracked))
		audit_bad(a, "I15", "count of tracked frames in a page or block is wrong");
	if (tracked != s->nr_tracked)
		audit_bad(a, "I15", "a slot's count of tracked frames is wrong");
}

/* Returns the data pages that the slots hold. */
static u32 check_slots(const struct mmu_vm *m, struct mmu_audit *a)
{
	const struct slot *s;
	u32 pages = 0, logged = 0;
	u64 end = 0;

	for (u32 i = 0; (s = mmu_slot_nth(m, i)); i++) {
		if (s->gfn.v < end || s->nr == 0 || s->kind == SLOT_NONE)
			audit_bad(a, "I1", "slots overlap, are out of order or empty");
		if (slot_has_memory(s) && s->hfn.v <= hpa_to_hfn(sp_hpa(mmu_pool.nr)).v &&
		    s->hfn.v + s->nr > hpa_to_hfn(sp_hpa(1)).v)
			audit_bad(a, "I1", "a slot's memory overlaps the page pool");
		end = s->gfn.v + s->nr;
		logged += s->dirty_log;
		pages += audit_farray_pages(&s->dirty) + audit_farray_pages(&s->tracks);
		check_tracking(a, s);
	}
	if (logged != m->nr_logged)
		audit_bad(a, "I17", "count of logged slots is wrong");
	return pages;
}

static void check_epochs(const struct mmu_vm *m, struct mmu_audit *a)
{
	if (m->flush_floor > m->epoch || m->drain_stamp > m->epoch)
		audit_bad(a, "I34", "flush floor or drain stamp lie in the future");
	for (const struct mmu_tag *t = m->tags; t; t = t->next)
		if (READ_ONCE(t->flushed_epoch) > m->epoch || READ_ONCE(t->entry_epoch) > m->epoch)
			audit_bad(a, "I34", "a tag was flushed in the future");
	for (spx_t x = m->quarantine; x && sp_get(x)->state == SP_QUARANTINE; x = sp_get(x)->next)
		if (sp_get(x)->stamp > m->epoch)
			audit_bad(a, "I29", "a page was unlinked in the future");
}

/* Under both locks nothing moves, so the sums must be exact. */
static void check_pool(const struct mmu_vm *m, struct mmu_audit *a, u32 data_pages)
{
	u32 count[SP_STATE_NR] = { 0 }, mine = 0, free = 0;

	for (spx_t x = 1; x <= mmu_pool.nr; x++) {
		const struct sp *sp = sp_get(x);

		free += sp->state == SP_FREE;
		if (sp->state == SP_FREE || sp->vm != m->id)
			continue;
		mine++;
		if (sp->state < SP_STATE_NR)
			count[sp->state]++;
		else
			audit_bad(a, "I30", "a page is in no state");
	}
	if (free != mmu_pool.nr_free || list_length(mmu_pool.free_list, SP_FREE) != free)
		audit_bad(a, "I32", "the free list does not hold the free pages");
	if (mine != m->used || m->used > m->quota)
		audit_bad(a, "I32", "pages held and quota do not add up");
	if (list_length(m->zap_list, SP_ZAPPING) != count[SP_ZAPPING])
		audit_bad(a, "I30", "the zap list does not hold the zapped pages");
	if (list_length(m->quarantine, SP_QUARANTINE) != count[SP_QUARANTINE])
		audit_bad(a, "I30", "the quarantine does not hold the quarantined pages");
	if (count[SP_DATA] != data_pages)
		audit_bad(a, "I30", "a data page belongs to no slot");
}

static void check_books(struct mmu_vm *m, struct mmu_audit *a)
{
	u32 data_pages = check_slots(m, a) + audit_shadow_books(m, a);

	check_epochs(m, a);
	env_lock(&mmu_pool.lock);
	check_pool(m, a, data_pages);
	env_unlock(&mmu_pool.lock);
	if (m->root.kind != RK_DIRECT || m->root.hw.v != sp_hpa(m->root.sp).v ||
	    sp_get(m->root.sp)->state != SP_LIVE)
		audit_bad(a, "I9", "the root is not live");
}

void mmu_audit_begin(struct mmu_audit *a)
{
	*a = (struct mmu_audit){ .next = 1 };
}

bool mmu_audit_step(struct mmu_vm *m, struct mmu_audit *a, u32 max)
{
	bool done;

	env_lock(&m->lock);
	for (; a->next <= mmu_pool.nr && max; a->next++) {
		const struct sp *sp = sp_get(a->next);

		if (sp->state != SP_LIVE || sp->vm != m->id)
			continue;
		if (sp->gen)
			audit_shadow_page(m, a, a->next);
		else
			check_table(m, a, a->next);
		max--;
	}
	done = a->next > mmu_pool.nr;
	if (done)
		check_books(m, a);
	env_unlock(&m->lock);
	return done;
}
