/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadow paging, from outside. A context is one vCPU's paging: the control registers that its guest
 * believes in, the root that hardware uses in their place, and the roots it used before.
 *
 *	mmu_write_regs()   MOV CR0/CR3/CR4, EFER: new role, other root, what the event flushes
 *	mmu_invlpg() ...   the other flush events
 *	mmu_shadow_load()  before an entry: there is a current, usable root
 *	mmu_shadow_enter() publish "in guest"; says what to flush, or that load is needed again
 *	  world switch with mmu_ctx_root(), under role_hw_regs()
 *	mmu_shadow_exit()
 *	mmu_shadow_fault() a #PF that hardware raised: the guest's own, or the shadow's
 *
 * All calls on one context come from one CPU at a time, in host mode, with no lock held; contexts
 * of one VM may be used at the same time. Guest memory is written through mmu_write(),
 * mmu_cmpxchg() or mmu_gpa_ptr() with mmu_wrote(): the shadow follows.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/caps.h"
#include "mmu/mmu.h"
#include "mmu/mutant.h"
#include "mmu/pool.h"
#include "mmu/role.h"
#include "mmu/shadow/rcache.h"
#include "mmu/shadow/root.h"
#include "mmu/tlb.h"
#include "mmu/walk.h"

struct mmu_ctx {
	struct mmu_vm *vm;
	struct mmu_tag *tag;
	struct mmu_ctx *next; /* of the VM */
	struct mmu_regs
		regs; /* the guest's; PDPTEs are latched. pkru, rflags, cpl: of the last fault */
	union cpu_role role;
	union cpu_role last_role; /* the one before, with the same capabilities; word 0 = none */
	u32 caps;                 /* record number of the vCPU's CPUID */
	struct rkey want;         /* the root that role and registers call for */
	struct rcache cache;      /* under mmu_vm.lock, as everything that other CPUs may drop */
	hpa_t hw_root;            /* of the last entry */
	bool flush;               /* the tag must be flushed before the next entry */
	bool synced;              /* the current root was synced since it was installed */
	u32 sync_rounds;          /* loads and faults in a row that have synced a part */
	struct mmu_res res;       /* pages kept ready for the next fault */
	gva_t again_gva;          /* the last fault, and how often it came back unchanged */
	u32 again_error, again_run;
};

/* --- life ------------------------------------------------------------------------------------- */

/* Prepares a VM for shadow paging, with the slots it has and those it will get. -ENOMEM: quota or
 * pool too small. */
int mmu_shadow_init(struct mmu_vm *m) __must_check;
/* Memory for the roots of PAE guests, below 4 GiB: nr frames from base. Once, at boot. */
int mmu_shadow_low_init(hpa_t base, u32 nr) __must_check;

/* What the VM's quota must hold for each context, on top of mmu_vm.used after mmu_shadow_init(), so
 * that every fault can be served: a reserve of 11 pages, a root of four tables with their source
 * words, and one way down of four more. An instruction that touches several pages at once needs 8
 * more for each. */
#define MMU_CTX_MIN_PAGES 27

/* The tag is registered with the VM. The context begins with paging off. -ENOSPC: too many
 * different CPUID records; -ENOMEM. */
int mmu_ctx_init(struct mmu_ctx *c, struct mmu_vm *m, struct mmu_tag *t,
		 const struct mmu_caps *caps) __must_check;
/* The context's tag is not in guest. */
void mmu_ctx_fini(struct mmu_ctx *c);
/* The guest's CPUID has changed. -ENOSPC, -EINVAL: nothing has changed. */
int mmu_ctx_set_caps(struct mmu_ctx *c, const struct mmu_caps *caps) __must_check;

/* --- flush events ----------------------------------------------------------------------------- */

/* How far an event makes the processor forget translations. */
enum flush_scope {
	SCOPE_NONE,  /* nothing need be forgotten */
	SCOPE_PAGE,  /* the page of one address, and every cached pointer to a table */
	SCOPE_SPACE, /* all but global pages, of the current PCID */
	SCOPE_ALL,   /* everything */
};

/* What the guest's events oblige a processor to forget. X(id, "name", scope). The same table drives
 * the simulated processor of the tests. Source: Intel SDM 3A "Invalidation of TLBs and
 * Paging-Structure Caches"; AMD APM 2 "TLB Management". */
#define MMU_FLUSH_EVENTS(X)                                   \
	X(CR3, "mov cr3", SCOPE_SPACE)                        \
	X(CR3_NOFLUSH, "mov cr3, bit 63", SCOPE_NONE)         \
	X(CR0_PG, "cr0.pg", SCOPE_ALL)                        \
	X(CR4_PGE, "cr4.pge", SCOPE_ALL)                      \
	X(CR4_PAE, "cr4.pae", SCOPE_ALL)                      \
	X(CR4_PSE, "cr4.pse", SCOPE_ALL)                      \
	X(CR4_PCIDE_OFF, "cr4.pcide cleared", SCOPE_ALL)      \
	X(CR4_SMEP_ON, "cr4.smep set", SCOPE_ALL)             \
	X(ROLE, "cr0.wp, efer.nxe, other rights", SCOPE_NONE) \
	X(INVLPG, "invlpg", SCOPE_PAGE)                       \
	X(INVPCID_ADDR, "invpcid 0", SCOPE_PAGE)              \
	X(INVPCID_SPACE, "invpcid 1", SCOPE_SPACE)            \
	X(INVPCID_ALL, "invpcid 2", SCOPE_ALL)                \
	X(INVPCID_NONGLOBAL, "invpcid 3", SCOPE_SPACE)        \
	X(PF, "#PF delivered", SCOPE_PAGE)

enum mmu_event {
#define X(id, name, scope) MMU_EV_##id,
	MMU_FLUSH_EVENTS(X)
#undef X
	MMU_EV_NR,
};

static __always_inline enum flush_scope mmu_event_scope(enum mmu_event ev)
{
	static const u8 scopes[MMU_EV_NR] = {
#define X(id, name, scope) [MMU_EV_##id] = scope,
		MMU_FLUSH_EVENTS(X)
#undef X
	};

	return MUTANT_EVENT(ev) ? SCOPE_NONE : (enum flush_scope)scopes[ev];
}

/* Which register was written. The events follow from old and new values. */
enum mmu_reg_write {
	MMU_WROTE_CR0,
	MMU_WROTE_CR3,
	MMU_WROTE_CR3_NOFLUSH, /* bit 63 was set and CR4.PCIDE is on */
	MMU_WROTE_CR4,
	MMU_WROTE_EFER,
	MMU_WROTE_ALL, /* reset, task switch: everything is flushed */
};

/* The guest has written a control register; r is the state after it (legal: regs_valid() of
 * vm/regs.h); its pdpte[] and CPUID fields are ignored. False: PAE's PDPTEs have reserved bits set;
 * nothing has changed, the write is a #GP. Loads no root and cannot run out of memory. */
bool mmu_write_regs(struct mmu_ctx *c, const struct mmu_regs *r,
		    enum mmu_reg_write what) __must_check;
/* The same, shorter, where only CR0, CR4 or EFER changes, or only CR3, without bit 63. */
bool mmu_write_reg(struct mmu_ctx *c, enum mmu_reg_write what, u64 val) __must_check;
bool mmu_write_cr3(struct mmu_ctx *c, u64 val, bool flush) __must_check;

/* INVLPG, also INVPCID of one address of the current PCID. True: flushing that address of the
 * context's hardware tag now is enough; false: the next entry flushes it all anyway. */
bool mmu_invlpg(struct mmu_ctx *c, gva_t gva);
/* INVPCID. False: #GP (unknown type, reserved PCID bits, non-canonical address). */
bool mmu_invpcid(struct mmu_ctx *c, u64 type, u64 pcid, gva_t gva);
/* A #PF for gva is delivered to the guest by somebody else than mmu_shadow_fault(). */
void mmu_pf_delivered(struct mmu_ctx *c, gva_t gva);

/* --- entry and exit --------------------------------------------------------------------------- */

/* The context has a root that is not obsolete. Lock-free. */
static inline bool mmu_shadow_rooted(const struct mmu_ctx *c)
{
	const struct shadow_root *root = READ_ONCE(c->cache.cur);

	return root && root->gen == READ_ONCE(c->vm->shadow.gen);
}

/* There is nothing to do for mmu_shadow_load(). */
static inline bool mmu_shadow_ready(const struct mmu_ctx *c)
{
	return mmu_shadow_rooted(c) && c->synced;
}

/* Makes the wanted root the current one and builds it if need be. FIXED: ready. RETRY: again, after
 * looking for interrupts. NOMEM, KILL_VM: as for faults. */
enum mmu_verdict mmu_shadow_load(struct mmu_ctx *c, struct mmu_result *r);

/* As mmu_enter(). False: the context is not ready, or no more: call mmu_shadow_load() (the tag is
 * out of the guest). */
static __always_inline bool __must_check mmu_shadow_enter(struct mmu_ctx *c, enum mmu_flush *flush)
{
	const struct shadow_root *root;

	*flush = mmu_enter(c->vm, c->tag);
	/* After the tag was published: whoever takes the root away from now on waits for us before
	 * it is freed. */
	root = READ_ONCE(c->cache.cur);
	if (unlikely(!root || root->gen != READ_ONCE(c->vm->shadow.gen) || !c->synced)) {
		mmu_exit(c->tag);
		return false;
	}
	c->hw_root = root->hw;
	if (c->flush)
		*flush = MMU_FLUSH_TAG;
	return true;
}

/* After mmu_exit() and mmu_flushed() of the tag: the entry did the flush that was asked for. */
static inline void mmu_shadow_flushed(struct mmu_ctx *c)
{
	c->flush = false;
}

/* After the world switch. flushed: it did the flush that was asked for. */
static inline void mmu_shadow_exit(struct mmu_ctx *c, bool flushed)
{
	mmu_exit(c->tag);
	if (!flushed)
		return;
	mmu_flushed(c->tag);
	mmu_shadow_flushed(c);
}

/* For hardware's CR3, between enter and exit. */
static inline hpa_t mmu_ctx_root(const struct mmu_ctx *c)
{
	return c->hw_root;
}

/* --- faults ----------------------------------------------------------------------------------- */

struct mmu_shadow_fault {
	gva_t gva;
	u32 access;   /* MMU_R, W, X, U, IMPLICIT: what the access needed */
	u32 hw_error; /* as hardware gave it */
	u32 pkru;
	bool ac; /* RFLAGS.AC */
};

/* INJECT: r->fault; what the delivery of a #PF flushes is done. MMIO: r->dev, dev_base, gpa.
 * EMULATE: the instruction must be emulated. r->may_unshadow: mmu_unshadow() of the frame and
 * running it again do as well. That is not so for a table of its own walk or of a vCPU's current
 * root, which would be shadowed again at once, nor where the reason is another one than a shadowed
 * table. */
enum mmu_verdict mmu_shadow_fault(struct mmu_ctx *c, const struct mmu_shadow_fault *f,
				  struct mmu_result *r);

/* --- guest tables ----------------------------------------------------------------------------- */

/* gfn is the frame of a guest table that is shadowed; for the shell and for tests. */
bool mmu_is_shadowed(struct mmu_vm *m, gfn_t gfn);
/* Nothing shadows gfn any more, so the guest may write to it until its next use as a table. For an
 * instruction that cannot be emulated. */
void mmu_unshadow(struct mmu_vm *m, gfn_t gfn);
/* All tables of the VM are obsolete: no CPU uses them after return. */
void mmu_shadow_zap_all(struct mmu_vm *m);
/* A vCPU without paging is about to run on the direct map of a VM with shadows; it has ceased to.
 * In between, by any vCPU, the direct map lets nobody write to a table that is shadowed. */
void mmu_shadow_unpaged_begin(struct mmu_vm *m);
void mmu_shadow_unpaged_end(struct mmu_vm *m);

/* Takes effect with the next fault; roots above the limit are dropped. */
void mmu_shadow_tune(struct mmu_vm *m, const struct mmu_tune *t);
