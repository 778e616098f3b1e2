/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page fault under shadow paging, from the hardware's report to a verdict:
 *
 *	device()      the address is a device page in the lookaside ----------> MMIO
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
#include "mmu/shadow/root_priv.h"
#include "mmu/shadow/sp.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

/* How often one fault may come back before the guest's progress is in doubt. */
#define AGAIN_FLUSH 2
#define AGAIN_LIMIT 10000

/* --- devices ---------------------------------------------------------------------------------- */

static struct ctx_device *device_slot(struct mmu_ctx *c, gva_t gva)
{
	return &c->device[(gva.v >> PAGE_SHIFT) % CTX_DEVICES];
}

static enum mmu_verdict to_device(struct mmu_ctx *c, const struct slot *s, gpa_t gpa,
				  struct mmu_result *r)
{
	mmu_stat_inc(c->vm, MMU_STAT_SHADOW_DEVICE);
	r->gpa = gpa;
	r->dev = s ? s->dev : MMU_DEV_NONE;
	r->dev_base = s ? gfn_to_gpa(s->gfn) : GPA(0);
	r->reason = s ? "MMIO slot" : "no slot here";
	return MMU_MMIO;
}

/* A recent access of the same kind went to a device. */
static bool device(struct mmu_ctx *c, const struct mmu_shadow_fault *f, struct mmu_result *r)
{
	const struct ctx_device *d = device_slot(c, f->gva);
	gpa_t gpa = GPA(gfn_to_gpa(d->gfn).v | f->gva.v % PAGE_SIZE);

	if (d->page != (f->gva.v >> PAGE_SHIFT) + 1 || d->access != f->access ||
	    d->pkru != f->pkru || d->ac != f->ac ||
	    (d->gen != READ_ONCE(c->vm->slots.gen) && !MUTANT(MMIO_GEN_UNCHECKED)))
		return false;
	to_device(c, mmu_slot_find(c->vm, d->gfn), gpa, r);
	return true;
}

static void remember_device(struct mmu_ctx *c, const struct mmu_shadow_fault *f, u32 gen, gfn_t gfn)
{
	*device_slot(c, f->gva) = (struct ctx_device){
		.page = (f->gva.v >> PAGE_SHIFT) + 1,
		.access = f->access,
		.pkru = f->pkru,
		.ac = f->ac,
		.gen = gen,
		.gfn = gfn,
	};
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

/* With everything at hand. The slot is looked up again: the first time was without the lock. */
static enum mmu_verdict locked(struct fetch *f, struct mmu_result *r)
{
	struct mmu_vm *m = f->ctx->vm;
	struct slot *s = slot_of(m, f->gfn);
	u64 i;

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
	i = f->gfn.v - s->gfn.v;
	if (f->access & MMU_W) {
		if (track_count(s, i)) {
			r->reason = "write to a tracked frame";
			return MMU_EMULATE;
		}
		if ((s->dirty_log || MUTANT(XSA_427_LOG_ASSUMED)) && !dirty_test(s, i)) {
			mmu_stat_inc(m, MMU_STAT_FAULT_DIRTY);
			if (!MUTANT(DIRTY_NOT_SET))
				dirty_set(s, i);
		}
	}
	return fetch(f, r);
}

static enum mmu_verdict fill(struct fetch *f, struct mmu_result *r)
{
	struct mmu_vm *m = f->ctx->vm;
	enum mmu_verdict v = reclaim_reserve(f->ctx, FETCH_PAGES, r);

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
	if (v == MMU_FIXED)
		mmu_stat_inc(m, MMU_STAT_SHADOW_FIXED);
	else if (v == MMU_INJECT)
		mmu_stat_inc(m, MMU_STAT_SHADOW_GUEST);
	else if (v == MMU_SPURIOUS)
		mmu_stat_inc(m, MMU_STAT_SHADOW_SPURIOUS);
	else if (v == MMU_RETRY)
		mmu_stat_inc(m, MMU_STAT_SHADOW_RETRY);
	else if (v == MMU_EMULATE)
		mmu_stat_inc(m, MMU_STAT_SHADOW_EMULATE);
}

/* --- the way of a fault ----------------------------------------------------------------------- */

static enum mmu_verdict mapped(struct mmu_ctx *c, const struct mmu_shadow_fault *f,
			       const struct mmu_walk *w, u64 seq, struct mmu_result *r)
{
	u32 gen = READ_ONCE(c->vm->slots.gen);
	struct fetch fetch = {
		.ctx = c,
		.walk = w,
		.gva = f->gva,
		.access = f->access,
		.seq = seq,
		.gfn = gpa_to_gfn(w->gpa),
	};

	if (MUTANT(XSA_173_FRAME_TRUNCATED))
		fetch.gfn = GFN((u32)fetch.gfn.v);
	r->gpa = w->gpa;
	fetch.slot = mmu_slot_find(c->vm, fetch.gfn);
	if (!fetch.slot || !slot_has_memory(fetch.slot)) {
		/* A hole may become memory without a new generation. */
		if (fetch.slot)
			remember_device(c, f, gen, fetch.gfn);
		return to_device(c, fetch.slot, w->gpa, r);
	}
	if ((f->access & MMU_W) && fetch.slot->kind == SLOT_ROM) {
		r->reason = "write to ROM";
		return MMU_EMULATE;
	}
	if (inexpressible(c, f, w)) {
		r->reason = "a write that only CR0.WP = 0 allows, and hardware has WP set";
		return MMU_EMULATE;
	}
	return fill(&fetch, r);
}

enum mmu_verdict mmu_shadow_fault(struct mmu_ctx *c, const struct mmu_shadow_fault *f,
				  struct mmu_result *r)
{
	struct mmu_walk w;
	enum mmu_verdict v;
	u64 seq;

	*r = (struct mmu_result){ 0 };
	mmu_stat_inc(c->vm, MMU_STAT_SHADOW_FAULT);
	if (device(c, f, r)) {
		if (unlikely(trace_on))
			trace_fault(c->vm, f, MMU_MMIO, r);
		return MMU_MMIO;
	}
	c->regs.cpl = f->access & MMU_U ? 3 : 0;
	c->regs.pkru = f->pkru;
	c->regs.rflags = f->ac ? RFLAGS_AC : 0;
	seq = __atomic_load_n(&c->vm->shadow.seq, __ATOMIC_ACQUIRE);
	if (mmu_walk(c->vm, &c->regs, f->gva, f->access, &w)) {
		MMU_HOOK(AFTER_WALK);
		v = progress(c, f, mapped(c, f, &w, seq, r), r);
	} else {
		r->fault = w.fault;
		r->reason = w.reason;
		event_pf(c, f->gva);
		v = MMU_INJECT;
	}
	count(c->vm, v);
	if (unlikely(trace_on))
		trace_fault(c->vm, f, v, r);
	return v;
}
