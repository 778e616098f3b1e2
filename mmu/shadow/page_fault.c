/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page fault under shadow paging, from the hardware's report to a verdict:
 *
 *	by_links()    the tables are linked down to level 1 -------> any but RETRY, NOMEM
 *	mmu_walk()    the guest's tables do not allow it ---------------------> INJECT
 *	mapped()      no memory there ----------------------------------------> MMIO
 *	              ROM, or hardware cannot express what is allowed --------> EMULATE
 *	fill()        reserve, reclaim; lock, validate the root --------------> RETRY
 */
#include <errno.h>

#include "mmu/gfmt.h"
#include "mmu/mutant.h"
#include "mmu/shadow/ctx.h"
#include "mmu/shadow/events.h"
#include "mmu/shadow/fetch.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/reclaim.h"
#include "mmu/shadow/root_priv.h"
#include "mmu/shadow/sp.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

/* How often one fault may come back before the guest's progress is in doubt. */
#define AGAIN_FLUSH 2
#define AGAIN_LIMIT 10000

/* --- devices ---------------------------------------------------------------------------------- */

static enum mmu_verdict to_device(const struct slot *s, gpa_t gpa, struct mmu_result *r)
{
	r->gpa = gpa;
	r->dev = s ? s->dev : MMU_DEV_NONE;
	r->dev_base = s ? gfn_to_gpa(s->gfn) : GPA(0);
	r->reason = s ? "MMIO slot" : "no slot here";
	return MMU_MMIO;
}

/* --- what hardware cannot express ------------------------------------------------------------- */

/*
 * Hardware runs with CR0.WP set. Where the guest has it clear, a supervisor's write to a user page
 * may be allowed by rules that no entry can carry: SMAP and protection keys would not be looked at
 * in a page made the supervisor's, and keys that forbid writing only count with WP.
 */
static bool inexpressible(const struct mmu_ctx *c, const struct mmu_shadow_fault *f,
			  const struct mmu_walk *w)
{
	u32 key;

	if (!w->top || !c->role.page.emul_nwp || (f->access & (MMU_W | MMU_U)) != MMU_W ||
	    !(w->access & MMU_U))
		return false;
	if (!(w->access & MMU_W))
		return !MUTANT(NWP_SMAP_MAPPED);
	key = gpte_pkey(w->gpte[w->level]);
	return c->role.pke && (f->pkru >> (2 * key) & 3);
}

/* --- under the lock --------------------------------------------------------------------------- */

static __noinline bool withheld(const struct fetch *f, const struct slot *s, struct mmu_result *r)
{
	r->reason = "access to a tracked frame";
	/* No leaf lets the guest execute what it must not read. */
	return track_withheld(s, f->gfn.v - s->gfn.v) & (f->access | MMU_R);
}

/* Tracking lets the access through, and the dirty log has it. */
static __always_inline bool unlogged(const struct fetch *f, struct slot *s, struct mmu_result *r)
{
	u64 i = f->gfn.v - s->gfn.v;

	if (unlikely(s->nr_tracked) && withheld(f, s, r) && !MUTANT(READ_TRACK_FILLED))
		return false;
	if ((f->access & MMU_W) && (s->dirty_log || MUTANT(XSA_427_LOG_ASSUMED)) &&
	    !dirty_test(s, i)) {
		mmu_stat_inc(f->ctx->vm, MMU_STAT_FAULT_DIRTY);
		if (!MUTANT(DIRTY_NOT_SET))
			dirty_set(s, i);
	}
	return true;
}

/* With everything at hand. The slot is looked up again: the first time was without the lock. */
static enum mmu_verdict locked(struct fetch *f, struct mmu_result *r)
{
	struct mmu_vm *m = f->ctx->vm;
	struct slot *s = slot_of(m, f->gfn);

	if (m->broken) {
		r->reason = m->broken;
		return MMU_KILL_VM;
	}
	if ((!mmu_shadow_rooted(f->ctx) && !MUTANT(CVE_2026_64561_ROOT_NOT_VALIDATED)) ||
	    s != f->slot || !slot_has_memory(s) ||
	    (!slot_mappable(s) && !MUTANT(SLOT_MAPPED_EARLY))) {
		r->reason = "root or slot changed meanwhile";
		return MMU_RETRY;
	}
	return unlogged(f, s, r) ? fetch(f, r) : MMU_TRACKED;
}

static enum mmu_verdict fill(struct fetch *f, struct mmu_result *r)
{
	struct mmu_vm *m = f->ctx->vm;
	enum mmu_verdict v = reclaim_reserve(m, &f->ctx->res, FETCH_PAGES, r);

	if (v != MMU_FIXED)
		return v;
	if (MUTANT(S2_04_LOW_IN_FAULT))
		(void)low_alloc();
	MMU_HOOK(BEFORE_LOCK);
	env_lock(&m->lock);
	v = locked(f, r);
	env_unlock(&m->lock);
	if (MUTANT(S3_10_RESERVE_LOST) && v == MMU_RETRY)
		f->ctx->res.nr = 0;
	MMU_HOOK(AFTER_FETCH);
	return v;
}

/* --- by links --------------------------------------------------------------------------------- */

/*
 * A link of the shadow stands for a guest entry that was compared after it was frozen, and is gone
 * once that is written. So under the lock the shadow's own way down says what a walk of the guest's
 * upper levels would say; the last entry alone has to be read. What is not as simple as that is
 * left to the walk.
 */

/* The leaf table has no source: what its role allows to every access is enough. Keys are not. */
static bool direct_entry(const struct fetch *f, struct mmu_walk *w, spx_t x, u32 idx)
{
	union page_role role = sp_get(x)->role;
	u32 rights = role.access, need = f->access & (MMU_W | MMU_U | MMU_X);

	w->level = 2; /* or above: fetch_level() says the same */
	w->access = rights & 15;
	w->gpa = GPA(gfn_to_gpa(sp_leaf_gfn(sp_get(x), idx)).v | f->gva.v % PAGE_SIZE);
	return !(need & ~rights) && !(~need & rights & MMU_U) && (role.wp || !role.split) &&
	       (!(f->ctx->role.pke && rights & MMU_U) || MUTANT(S3_07_KEY_FORGOTTEN));
}

/* The frame that the walk has come to, and its entry. False: not so simple. */
static bool leaf(struct fetch *f, spx_t x, struct line *line, struct mmu_result *r,
		 enum mmu_verdict *v)
{
	struct slot *s;

	f->gfn = gpa_to_gfn(f->walk->gpa);
	s = slot_of(f->ctx->vm, f->gfn);
	f->slot = s;
	if (!s || s->kind != SLOT_RAM) {
		if (!s || s->kind != SLOT_MMIO)
			return false;
		*v = to_device(s, f->walk->gpa, r);
		return true;
	}
	if (!slot_mappable(s) || f->ctx->role.page.emul_nwp ||
	    (sp_get(x)->role.direct && fetch_level(f) > 1))
		return false;
	r->gpa = f->walk->gpa;
	*v = unlogged(f, s, r) ? fetch_leaf(f, x, gva_index(f->gva, 1), line, r) : MMU_TRACKED;
	return true;
}

/* A and D of the last entry, as a walk sets them. False: it takes a walk. */
static bool marked(const struct fetch *f, struct mmu_walk *w, spx_t x, u32 idx)
{
	u64 old = w->gpte[1], new = old | GPTE_A | (f->access & MMU_W ? GPTE_D : 0);
	const struct sp *sp = sp_get(x);

	if (new == old || MUTANT(S3_07_ACCESSED_NOT_SET))
		return true;
	w->gpte[1] = new;
	/* A log would be told under the lock that we hold. */
	return !f->ctx->vm->nr_logged && gmem_set_bits(f->ctx->vm, sp_source(sp, idx), &old, new,
						       (u8)sp_source_size(sp->role)) == 1;
}

/* Under the lock. */
static bool follow(struct fetch *f, struct mmu_walk *w, struct mmu_result *r, enum mmu_verdict *v)
{
	struct mmu_vm *m = f->ctx->vm;
	u32 idx = gva_index(f->gva, 1), inherited;
	struct line line = { .at = NULL };
	spx_t x;

	if (m->broken || idlist_wants(&m->shadow.ids) ||
	    (!mmu_shadow_rooted(f->ctx) && !MUTANT(CVE_2026_64561_ROOT_NOT_VALIDATED)))
		return false;
	x = root_way_down(f->ctx->cache.cur, f->gva, true);
	if (!x)
		return false;
	w->top = f->ctx->role.page.level;
	w->fault.gva = f->gva;
	if (sp_get(x)->role.direct)
		return direct_entry(f, w, x, idx) && leaf(f, x, &line, r, v);
	if (!line_find(f, x, idx, &line))
		return false;
	inherited = sp_get(x)->role.access;
	if (MUTANT(S3_07_RIGHTS_OF_LAST_ENTRY))
		inherited = MMU_R | MMU_W | MMU_U | MMU_X;
	if (!mmu_walk_last(role_gfmt(sp_get(x)->role), &f->ctx->regs, f->access, inherited,
			   line_entry(&line, x, idx), w)) {
		*v = MMU_INJECT;
		return true;
	}
	return marked(f, w, x, idx) && leaf(f, x, &line, r, v);
}

static bool by_links(struct fetch *f, struct mmu_walk *w, struct mmu_result *r, enum mmu_verdict *v)
{
	struct env_lock *lock = &f->ctx->vm->lock;
	bool done;

	if (!f->ctx->vm->shadow.tune.by_links || MUTANT(LINKS_NOT_FOLLOWED))
		return false;
	MMU_HOOK(BEFORE_LOCK);
	if (!MUTANT(S3_07_LINKS_WITHOUT_LOCK))
		env_lock(lock);
	done = follow(f, w, r, v);
	if (!MUTANT(S3_07_LINKS_WITHOUT_LOCK))
		env_unlock(lock);
	if (done)
		MMU_HOOK(AFTER_FETCH);
	return done;
}

/* --- the same fault again and again ----------------------------------------------------------- */

/* Progress is somebody else's in the end: count what comes back unchanged. */
static enum mmu_verdict progress(struct mmu_ctx *c, const struct mmu_shadow_fault *f,
				 enum mmu_verdict v, struct mmu_result *r)
{
	if (v != MMU_SPURIOUS) {
		c->again_run = 0;
		return v;
	}
	if (c->again_gva.v != f->gva.v || c->again_error != f->hw_error)
		c->again_run = 0;
	c->again_gva = f->gva;
	c->again_error = f->hw_error;
	if (++c->again_run >= AGAIN_LIMIT && !MUTANT(SPURIOUS_FOR_EVER)) {
		c->vm->broken = "an address faults for ever although the shadow allows the access";
		r->reason = c->vm->broken;
		return MMU_KILL_VM;
	}
	if (c->again_run >= AGAIN_FLUSH)
		c->flush = true;
	return v;
}

static void trace_fault(const struct mmu_vm *m, const struct mmu_shadow_fault *f,
			enum mmu_verdict v, const struct mmu_result *r)
{
	mmu_trace(m, SHADOW_FAULT, f->gva.v, f->hw_error, mmu_verdict_name(v));
	if (v != MMU_FIXED && r->reason)
		mmu_trace(m, SHADOW_WHY, f->gva.v, r->gpa.v, r->reason);
}

static void count(struct mmu_vm *m, enum mmu_verdict v)
{
	static const u8 stat[] = {
		[MMU_FIXED] = MMU_STAT_SHADOW_FIXED,     [MMU_SPURIOUS] = MMU_STAT_SHADOW_SPURIOUS,
		[MMU_RETRY] = MMU_STAT_SHADOW_RETRY,     [MMU_MMIO] = MMU_STAT_SHADOW_DEVICE,
		[MMU_EMULATE] = MMU_STAT_SHADOW_EMULATE, [MMU_TRACKED] = MMU_STAT_FAULT_TRACKED,
		[MMU_INJECT] = MMU_STAT_SHADOW_GUEST
	};

	if (v < ARRAY_SIZE(stat))
		mmu_stat_inc(m, stat[v]);
}

/* --- the way of a fault ----------------------------------------------------------------------- */

static enum mmu_verdict mapped(struct fetch *fetch, const struct mmu_shadow_fault *f,
			       struct mmu_result *r)
{
	struct mmu_ctx *c = fetch->ctx;
	const struct mmu_walk *w = fetch->walk;

	fetch->gfn = gpa_to_gfn(w->gpa);
	if (MUTANT(XSA_173_FRAME_TRUNCATED))
		fetch->gfn = GFN((u32)fetch->gfn.v);
	r->gpa = w->gpa;
	fetch->slot = mmu_slot_find(c->vm, fetch->gfn);
	if (!fetch->slot || !slot_has_memory(fetch->slot))
		return to_device(fetch->slot, w->gpa, r);
	if ((f->access & MMU_W) && fetch->slot->kind == SLOT_ROM) {
		r->reason = "write to ROM";
		return MMU_EMULATE;
	}
	if (inexpressible(c, f, w)) {
		r->reason = "a write that only CR0.WP = 0 allows, and hardware has WP set";
		return MMU_EMULATE;
	}
	return fill(fetch, r);
}

enum mmu_verdict mmu_shadow_fault(struct mmu_ctx *c, const struct mmu_shadow_fault *f,
				  struct mmu_result *r)
{
	struct mmu_walk w;
	struct fetch fetch = { .ctx = c, .walk = &w, .gva = f->gva, .access = f->access };
	enum mmu_verdict v;

	*r = (struct mmu_result){ 0 };
	mmu_stat_inc(c->vm, MMU_STAT_SHADOW_FAULT);
	c->regs.cpl = f->access & MMU_U ? 3 : 0;
	c->regs.pkru = f->pkru;
	c->regs.rflags = f->ac ? RFLAGS_AC : 0;
	if (!by_links(&fetch, &w, r, &v)) {
		v = MMU_INJECT;
		if (mmu_walk(c->vm, &c->regs, f->gva, f->access, &w)) {
			MMU_HOOK(AFTER_WALK);
			v = mapped(&fetch, f, r);
		}
	}
	if (v == MMU_INJECT) {
		r->fault = w.fault;
		r->reason = w.reason;
		event_pf(c, f->gva);
	} else {
		v = progress(c, f, v, r);
	}
	count(c->vm, v);
	if (unlikely(trace_on))
		trace_fault(c->vm, f, v, r);
	return v;
}
