/* SPDX-License-Identifier: BSD-2-Clause */
/* Filling the shadow: the walk down, and the leaf. */
#include "mmu/shadow/fetch.h"

#include "lib/bug.h"

#include "mmu/gfmt.h"
#include "mmu/mutant.h"
#include "mmu/shadow/events.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/rights.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/root_priv.h"
#include "mmu/shadow/sp.h"
#include "mmu/shadow/unsync.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

static inline struct mmu_vm *vm_of(const struct fetch *f)
{
	return f->ctx->vm;
}

/* --- how large the leaf may be ---------------------------------------------------------------- */

static u32 max_level(const struct fetch *f)
{
	bool lm = f->ctx->role.page.fmt == ROLE_LM;

	if (!vm_of(f)->shadow.tune.huge || f->slot->dirty_log ||
	    (mmu_hw.multihit && !MUTANT(MULTIHIT_LARGE)))
		return 1;
	return lm && mmu_hw.has_1g ? 3 : 2;
}

static bool large_fits(const struct fetch *f, u32 level)
{
	const struct slot *s = f->slot;
	u64 first = level_first(f->gfn, level).v, nr = level_frames(level);

	if (first < s->gfn.v || first + nr > s->gfn.v + s->nr ||
	    !IS_ALIGNED(s->hfn.v - s->gfn.v, nr))
		return false;
	if (MUTANT(I16_LARGE_OVER_SHADOWED))
		return true;
	return !track_any(s, first - s->gfn.v, nr) && !sp_any_of(vm_of(f), GFN(first), nr);
}

/* Level of the leaf in the guest's tables; above all levels without paging. */
static u32 guest_level(const struct fetch *f)
{
	return f->walk->top ? f->walk->level : MMU_MAX_LEVEL + 1;
}

u32 fetch_level(const struct fetch *f)
{
	u32 level = MIN(guest_level(f), max_level(f));

	while (level > 1 && (!large_fits(f, level) || MUTANT(LARGE_NEVER)))
		level--;
	return level;
}

/* --- comparing -------------------------------------------------------------------------------- */

/* The guest's entry at this level is what the walk saw. x, frozen or unsync, shadows its table. */
static bool gpte_still(const struct fetch *f, spx_t x, u32 idx, struct line *line)
{
	struct mmu_vm *m = vm_of(f);
	const struct sp *sp = sp_get(x);
	u32 level = sp->role.level;
	u64 now;

	if (level < guest_level(f))
		return true; /* below a large leaf: no entry of its own */
	if (MUTANT(S3_03_NO_COMPARE) ||
	    (MUTANT(S3_06_LEAF_NOT_COMPARED) && level == guest_level(f)))
		return true;
	if (MUTANT(S3_04_FRESHLY_FROZEN_TRUSTED) && sp->nr_present == 0)
		return true;
	if (MUTANT(S3_03_NEIGHBOUR_COMPARED) && level < f->walk->top)
		level++;
	if (level == 1 && line_find(f, x, idx, line))
		return line_entry(line, x, idx) == f->walk->gpte[level];
	mmu_stat_inc(m, MMU_STAT_GUEST_READ);
	now = gpte_read(m, f->walk->gpte_gpa[level].v, sp_source_size(sp->role));
	return now == f->walk->gpte[level];
}

/* --- the way down ----------------------------------------------------------------------------- */

/* Identity of the table below entry idx of x. */
static union page_role child_role(const struct fetch *f, spx_t x, u32 idx, gfn_t *gfn)
{
	const struct sp *sp = sp_get(x);
	u32 level = sp->role.level, top = guest_level(f);
	u64 leaf;

	if (level > top) {
		*gfn = gpa_to_gfn(f->walk->gpte_gpa[level - 1]);
		if (MUTANT(TABLE_RIGHTS_NOT_INHERITED))
			return role_indirect_child(sp->role, idx, MMU_R | MMU_W | MMU_U | MMU_X);
		return role_indirect_child(sp->role, idx, MMU_R | f->walk->access_in[level - 1]);
	}
	*gfn = level_first(f->gfn, level);
	if (top > MMU_MAX_LEVEL)
		return role_split_child(sp->role, sp->role.access, 0, false);
	leaf = f->walk->gpte[top];
	/* D: a supervisor's write may make leaves writable whatever access says, but not before. */
	return role_split_child(
		sp->role, MMU_R | rights_of_leaf(f->ctx->role.page, f->walk->access_in[top], leaf),
		gpte_pkey(leaf), leaf & GPTE_D);
}

spx_t table_get(struct mmu_vm *m, gfn_t gfn, union page_role role, struct mmu_res *res)
{
	spx_t x = sp_find(m, gfn, role);

	if (x)
		return x;
	x = sp_new(m, gfn, role, res);
	if (!role.direct)
		rmap_freeze(m, gfn);
	return x;
}

/*
 * The table below entry idx of x, linked; 0: there was more to sync than one hold of the lock does.
 */
static spx_t descend(const struct fetch *f, spx_t x, u32 idx)
{
	struct mmu_vm *m = vm_of(f);
	u32 level = sp_get(x)->role.level;
	gfn_t gfn;
	union page_role role = child_role(f, x, idx, &gfn);
	spx_t ch = sp_child(x, idx);

	if (ch && (sp_get(ch)->gfn.v == gfn.v || MUTANT(S3_08_CHILD_FRAME_IGNORED)) &&
	    (sp_get(ch)->role.word == role.word || MUTANT(CVE_2026_53359_ROLE_IGNORED)))
		return ch;
	sp_drop(m, x, idx);
	ch = table_get(m, gfn, role, &f->ctx->res);
	/* What is linked is not flushed by the guest: it must be right before. */
	if (!MUTANT(UNSYNC_A_LINK_WITHOUT_SYNC) && !sync_slice(m, &ch, 1, &f->ctx->sync_rounds))
		return 0;
	/* The flush above may have let others run; they cannot have written a frozen table. */
	MMU_HOOK(BETWEEN_GET_AND_COMPARE);
	sp_link(m, x, idx, ch, level >= guest_level(f) ? f->walk->gpte[level] : 0);
	return ch;
}

/* --- the leaf --------------------------------------------------------------------------------- */

/* The frame holds a table that the access itself is translated by. */
static bool is_own_table(const struct fetch *f)
{
	const struct mmu_ctx *c = f->ctx;
	bool own = c->role.pg && c->regs.cr3 >> PAGE_SHIFT == f->gfn.v;
	spx_t x = root_table(c->cache.cur, f->gva);

	while (!own && x && !sp_get(x)->role.direct) {
		const struct sp *sp = sp_get(x);

		own = sp->gfn.v == f->gfn.v;
		x = sp->role.level > 1 ? sp_child(x, gva_index(f->gva, sp->role.level)) : 0;
	}
	return own;
}

/* The write needs its target mapped writable although it holds a guest table. */
static bool may_write_table(const struct fetch *f, struct mmu_result *r)
{
	if (unsync_try(vm_of(f), f->gfn))
		return true;
	r->may_unshadow = (MUTANT(ROOT_UNSHADOWED) || !root_is_current(vm_of(f), f->gfn)) &&
			  (MUTANT(OWN_TABLE_UNSEEN) || !is_own_table(f));
	r->reason = "write to a guest page table";
	return false;
}

u32 frame_rights(struct mmu_vm *m, const struct slot *s, gfn_t gfn, u32 rights, bool tables)
{
	u64 i = gfn.v - s->gfn.v;

	if (unlikely(s->nr_tracked))
		rights &= ~track_withheld(s, i);
	if (s->kind != SLOT_RAM || (s->dirty_log && !dirty_test(s, i)) ||
	    (tables && sp_count_of(m, gfn)))
		return rights & ~MMU_W;
	return rights;
}

/* A supervisor's write that the guest allows for want of CR0.WP alone. */
static bool is_nwp_write(const struct fetch *f)
{
	const struct mmu_walk *w = f->walk;

	return w->top && !f->ctx->role.wp && (f->access & (MMU_W | MMU_U)) == MMU_W &&
	       (w->access & (MMU_W | MMU_U)) == MMU_U && (w->gpte[w->level] & GPTE_D);
}

/* What the guest's entries allow, for this access and those after it. */
static u32 guest_rights(const struct fetch *f, union page_role role)
{
	u32 rights = role.access;

	if (!role.direct)
		rights = rights_of_leaf(role, role.access, f->walk->gpte[role.level]);
	return is_nwp_write(f) ? rights_for_nwp_write(role, rights) : rights;
}

static u32 leaf_pkey(const struct fetch *f, union page_role role)
{
	if (role.direct)
		return role.pkey;
	if (MUTANT(KEYS_ONLY_WITH_PKE) && !f->ctx->role.pke)
		return 0;
	return gpte_pkey(f->walk->gpte[role.level]);
}

static enum mmu_verdict set_leaf(const struct fetch *f, spx_t x, u32 idx, struct mmu_result *r)
{
	struct mmu_vm *m = vm_of(f);
	union page_role role = sp_get(x)->role;
	gfn_t first = level_first(f->gfn, role.level);
	u32 rights = guest_rights(f, role);
	/* A write to a table has been allowed when the leaf is made; a large leaf covers none. */
	bool tables = role.level == 1 && !(f->access & MMU_W);
	u64 *p = &sp_table(x)[idx], e, src = 0;

	if (f->access & MMU_W && !(rights & MMU_W)) {
		r->reason = "the guest's entry is in memory that cannot take its dirty bit";
		return MMU_EMULATE;
	}
	if (f->access & MMU_W && sp_count_of(m, f->gfn) &&
	    !(MUTANT(LOST_WRITE_PROTECTION) && sspte_writable(*p)) && !may_write_table(f, r))
		return MMU_EMULATE;
	e = sspte_leaf(hfn_to_hpa(slot_hfn(f->slot, first)), role.level,
		       frame_rights(m, f->slot, f->gfn, rights, tables), leaf_pkey(f, role));
	if (!role.direct)
		src = src_word(f->walk->gpte[role.level], first);
	if (*p == e && (role.direct || sp_xlat(sp_get(x))[idx] == src)) {
		r->reason = "the shadow allows it already";
		return MMU_SPURIOUS;
	}
	/* Drop before overwrite: the old leaf may be for another frame, or a table. */
	if (*p && (sspte_is_table(*p) || sp_leaf_gfn(sp_get(x), idx).v != first.v) &&
	    !MUTANT(CVE_2026_23401_NO_DROP))
		sp_drop(m, x, idx);
	sp_set_leaf(m, x, idx, e, src);
	r->reason = "shadow entry filled";
	return MMU_FIXED;
}

enum mmu_verdict fetch_leaf(const struct fetch *f, spx_t x, u32 idx, struct line *line,
			    struct mmu_result *r)
{
	enum mmu_verdict v = set_leaf(f, x, idx, r);

	if (v == MMU_FIXED && sp_get(x)->role.level == 1)
		prefetch(f, x, idx, line);
	return v;
}

/* --- all of it -------------------------------------------------------------------------------- */

enum mmu_verdict fetch(const struct fetch *f, struct mmu_result *r)
{
	struct mmu_vm *m = vm_of(f);
	u32 level, target, idx;
	spx_t x = root_table(f->ctx->cache.cur, f->gva);
	struct line line = { .at = NULL };

	/* A current root was built from the latched PDPTEs that the walk has used, too. */
	BUG_ON(!x);
	idlist_reserve(&m->shadow.ids, &f->ctx->res);
	target = fetch_level(f);
	for (level = sp_get(x)->role.level;; level--) {
		idx = gva_index(f->gva, level);
		sp_touch(x);
		if (level == target)
			MMU_HOOK(BEFORE_LEAF);
		if (!gpte_still(f, x, idx, &line)) {
			r->reason = "the guest changed its tables meanwhile";
			return MMU_RETRY;
		}
		if (level == target)
			break;
		x = descend(f, x, idx);
		if (!x) {
			r->reason = "more tables have to be synced";
			return MMU_RETRY;
		}
		/* Freezing a table may have made a large leaf over it impossible. */
		if (target > 1)
			target = MIN(target, fetch_level(f));
	}
	return fetch_leaf(f, x, idx, &line, r);
}
