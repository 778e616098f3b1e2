/* SPDX-License-Identifier: BSD-2-Clause */
/* Invariants of one shadow page. Reads only. */
#include "mmu/audit_priv.h"
#include "mmu/gfmt.h"
#include "mmu/mmu.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/rights.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/sp.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

struct at {
	struct mmu_vm *m;
	struct mmu_audit *a;
	spx_t x;
	u32 idx;
	const struct sp *sp;
	u64 e;
};

static void bad(const struct at *p, const char *inv, const char *text)
{
	audit_bad_entry(p->a, inv, text, p->x, p->idx);
}

/* In the map that the level has. */
static bool bit(const struct sp *sp, u32 idx)
{
	return sp->unsync_map[idx / 64] >> (idx % 64) & 1;
}

/* --- links ------------------------------------------------------------------------------------ */

static bool role_follows(const struct sp *up, u32 idx, const struct sp *sp)
{
	/* What a large leaf allows is more than its table without CR0.WP: no look at access. */
	if (sp->role.direct) {
		return sp->role.word ==
		       role_split_child(up->role, sp->role.access, sp->role.pkey, sp->role.quadrant)
			       .word;
	}
	return sp->role.word == role_indirect_child(up->role, idx, sp->role.access).word &&
	       !(sp->role.access & ~up->role.access & (MMU_W | MMU_U | MMU_X));
}

static void check_link(const struct at *p)
{
	spx_t y = sp_of_hpa(sspte_hpa(p->e));
	const struct sp *ch = sp_get(y);

	if (!y || ch->state != SP_LIVE || ch->vm != p->m->id || !ch->gen)
		return bad(p, "I2", "entry points to no live shadow page of this VM");
	if (!idlist_has(ch->parents, spte_id(p->x, p->idx)))
		bad(p, "I8", "shadow page does not name the entry that points to it");
	if (!role_follows(p->sp, p->idx, ch))
		bad(p, "I9", "role does not follow from the parent's");
	if (p->sp->xlat && !ch->role.direct && src_gfn(sp_xlat(p->sp)[p->idx]).v != ch->gfn.v)
		bad(p, "I9", "frame is not the one in the guest's entry");
	if ((ch->flags & SP_UNSYNC || ch->nr_unsync) && !bit(p->sp, p->idx))
		bad(p, "I11", "an unsync page is below an entry without mark");
	if (ch->gen != p->sp->gen)
		bad(p, "I31", "a page of another generation is linked");
}

/* --- leaves ----------------------------------------------------------------------------------- */

static void check_tracks(const struct at *p, const struct slot *s, gfn_t gfn)
{
	u32 level = p->sp->role.level, withheld = track_withheld(s, gfn.v - s->gfn.v);

	if (level > 1 && track_any(s, gfn.v - s->gfn.v, level_frames(level)))
		bad(p, "I16", "a large leaf covers a tracked frame");
	if (withheld & MMU_R || (withheld & MMU_W && sspte_writable(p->e)) ||
	    (withheld & MMU_X && !(p->e & GPTE_NX)))
		bad(p, "I3", "a leaf allows what a track withholds");
}

/* The guest may write this frame, so nothing may rely on its being frozen. */
static void check_writable(const struct at *p, const struct slot *s, gfn_t gfn)
{
	u64 i = gfn.v - s->gfn.v, nr = level_frames(p->sp->role.level);

	if (s->kind != SLOT_RAM)
		bad(p, "I3", "a leaf lets the guest write what its slot forbids");
	if (s->dirty_log && (nr > 1 || !dirty_test(s, i)))
		bad(p, "I17", "a writable leaf in a logged slot has no dirty bit");
	if (nr > 1 && sp_any_of(p->m, gfn, nr))
		bad(p, "I16", "a large leaf covers a shadowed frame");
	for (spx_t y = 0; nr == 1 && (y = sp_next_of(p->m, gfn, y));)
		if (!(sp_get(y)->flags & SP_UNSYNC) && !sp_obsolete(p->m, sp_get(y)))
			bad(p, "I14", "the guest can write a table that is taken for frozen");
}

/* What the guest's entry, as it was, allows; W may be the supervisor's without CR0.WP. */
static void check_rights(const struct at *p)
{
	const struct slot *table = slot_place(p->m, p->sp->gfn).slot;
	union page_role role = p->sp->role;
	u32 most = role.access;
	u64 src;

	if (p->sp->xlat) {
		src = sp_xlat(p->sp)[p->idx];
		/* A walk cannot set A in ROM, and goes on without. */
		if ((!(src & GPTE_A) && table && table->kind == SLOT_RAM) ||
		    ((p->e & GPTE_W) && !(src & GPTE_D)))
			bad(p, "I22", "a leaf without the guest's accessed or dirty bit");
		most = rights_of_leaf(role, role.access,
				      (src & SRC_FLAGS) | (src & SRC_NX ? GPTE_NX : 0));
	}
	if (!role.wp && !(p->e & GPTE_U))
		most |= MMU_W;
	if ((p->e & (GPTE_W | GPTE_U) & ~most) || (!(p->e & GPTE_NX) && !(most & MMU_X)))
		bad(p, "I3", "a leaf allows more than the guest's entries");
	if (!(p->e & GPTE_A) || ((p->e & GPTE_W) && !(p->e & GPTE_D)))
		bad(p, "I4", "hardware would have to write the entry");
}

static void check_leaf(const struct at *p)
{
	gfn_t gfn = sp_leaf_gfn(p->sp, p->idx);
	struct slot *s = slot_of(p->m, gfn);
	u32 level = p->sp->role.level;

	if (!s || !slot_has_memory(s) || gfn.v + level_frames(level) > s->gfn.v + s->nr)
		return bad(p, "I1", "a leaf maps what is no memory of this VM");
	if (sspte_hpa(p->e).v != hfn_to_hpa(slot_hfn(s, gfn)).v)
		bad(p, "I1", "a leaf maps another frame than its slot says");
	if (!idlist_has(*rmap_head(p->m, gfn, level), spte_id(p->x, p->idx)))
		bad(p, "I5", "a leaf is not in the reverse map");
	if ((level > 1) != ((p->e & GPTE_PS) != 0))
		bad(p, "I4", "page size bit and level disagree");
	check_rights(p);
	check_tracks(p, s, gfn);
	if (sspte_writable(p->e))
		check_writable(p, s, gfn);
}

/* --- against the guest's table ---------------------------------------------------------------- */

/* A table in sync: our word is the guest's entry now, but for accessed and dirty bits set since. */
static void check_source(const struct at *p)
{
	const struct gfmt *f = role_gfmt(p->sp->role);
	u64 gpte = 0, now, was = sp_xlat(p->sp)[p->idx];
	gfn_t gfn;

	if (mmu_read(p->m, sp_source(p->sp, p->idx), &gpte, sp_source_size(p->sp->role)))
		return;
	gfn = sspte_is_table(p->e) && src_gfn(was).v == (gpte & f->addr) >> PAGE_SHIFT
		      ? src_gfn(was)
		      : level_first(gpa_to_gfn(GPA(gfmt_leaf_gpa(f, gpte, p->sp->role.level))), 1);
	now = src_word(gpte, gfn);
	if ((now ^ was) & SRC_FLAGS & ~(GPTE_A | GPTE_D))
		bad(p, "I18", "the guest's entry has changed and the shadow has not");
	if (p->sp->role.level == 1 && src_gfn(now).v != src_gfn(was).v)
		bad(p, "I18", "the guest's entry maps another frame than the shadow");
}

void audit_shadow_page(struct mmu_vm *m, struct mmu_audit *a, spx_t x)
{
	struct at p = { .m = m, .a = a, .x = x, .sp = sp_get(x) };
	bool leaves = p.sp->role.level == 1;
	u32 present = 0, bits = 0;

	a->tables++;
	for (p.idx = 0; p.idx < MMU_ENTRIES; p.idx++) {
		p.e = sp_table(x)[p.idx];
		bits += bit(p.sp, p.idx);
		if (leaves && bit(p.sp, p.idx) != (p.e != 0))
			bad(&p, "I13", "an entry is not marked as what it is");
		if (p.e == 0)
			continue;
		present++;
		a->entries++;
		if (sspte_is_table(p.e))
			check_link(&p);
		else
			check_leaf(&p);
		if (p.sp->xlat && !(p.sp->flags & SP_UNSYNC) && !a->untrapped &&
		    !sp_obsolete(m, p.sp))
			check_source(&p);
	}
	if (present != p.sp->nr_present)
		audit_bad(a, "I13", "a shadow page's count of entries is wrong");
	if ((leaves ? 0 : bits) != p.sp->nr_unsync)
		audit_bad(a, "I10", "a shadow page's count of unsync entries is wrong");
	if (p.sp->flags & SP_UNSYNC && (p.sp->role.level > 1 || p.sp->role.direct))
		audit_bad(a, "I12", "a page is unsync that must not be");
	if (p.sp->flags & (SP_INPVEC | SP_INWORK))
		audit_bad(a, "I35", "a page is in a list of an operation that has ended");
	if (p.sp->role.direct != (p.sp->xlat == 0))
		audit_bad(a, "I9", "direct pages have no source, all others have");
	if (!sp_obsolete(m, p.sp) && sp_find(m, p.sp->gfn, p.sp->role) != x)
		audit_bad(a, "I31", "a shadow page is not found by its identity");
}
