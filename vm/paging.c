/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/paging.h"

#include <errno.h>

#include "arch/mem.h"
#include "arch/regs.h"
#include "mmu/shadow/ctx.h"
#include "vm/cpuid.h"
#include "vm/cr.h"
#include "vm/vm.h"

/* --- life ------------------------------------------------------------------------------------- */

int paging_create(struct vcpu *v)
{
	const struct guest_caps *g = &v->vm->cpuid->caps;
	const struct mmu_caps caps = {
		.maxphyaddr = g->maxphyaddr,
		.has_nx = g->nx,
		.has_1g = g->has_1g,
		.has_pse36 = g->pse36,
	};
	struct mmu_ctx *c;
	int ret;

	if (!v->vm->mmu.shadow.on)
		return 0;
	c = kzalloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	ret = mmu_ctx_init(c, &v->vm->mmu, hv->tag(v), &caps);
	if (ret) {
		kfree(c, sizeof(*c));
		return ret;
	}
	v->mmu = c;
	v->guard.needed = hv->loses_task_switches();
	return 0;
}

void paging_destroy(struct vcpu *v)
{
	if (!v->mmu)
		return;
	mmu_ctx_fini(v->mmu);
	kfree(v->mmu, sizeof(*v->mmu));
	v->mmu = NULL;
}

/* Source: AMD APM 2 "Processor Initialization State". */
void paging_reset(struct vcpu *v)
{
	static const struct mmu_regs regs = { .cr0 = CR0_CD | CR0_NW | CR0_ET };

	/* Without paging there are no PDPTEs, so it cannot fail. */
	if (v->mmu && mmu_write_regs(v->mmu, &regs, MMU_WROTE_ALL))
		hv->set_paging(v);
	task_guard_update(v);
}

/* --- registers -------------------------------------------------------------------------------- */

static bool write_nested(struct vcpu *v, enum vcpu_sreg reg, u64 val)
{
	if (reg == SR_CR3 && (hv->get_sreg(v, SR_CR4) & CR4_PCIDE))
		val &= ~CR3_NOFLUSH;
	if (hv->refuses_pdptes(v, reg, val))
		return false;
	if (reg == SR_CR0)
		hv->set_sreg(v, SR_EFER, cr0_efer(hv->get_sreg(v, SR_EFER), val));
	hv->set_sreg(v, reg, val);
	return true;
}

/* Paging goes on or off, and LMA with it. */
static __noinline bool switch_paging(struct mmu_ctx *c, u64 cr0)
{
	struct mmu_regs r = c->regs;

	r.cr0 = cr0;
	r.efer = cr0_efer(r.efer, cr0);
	return mmu_write_regs(c, &r, MMU_WROTE_CR0);
}

static __always_inline bool write_shadow(struct vcpu *v, enum vcpu_sreg reg, u64 val)
{
	struct mmu_ctx *c = v->mmu;
	bool ok;

	switch (reg) {
	case SR_CR0:
		ok = unlikely((c->regs.cr0 ^ val) & CR0_PG) ? switch_paging(c, val)
							    : mmu_write_reg(c, MMU_WROTE_CR0, val);
		break;
	case SR_CR3:
		ok = likely(!(c->regs.cr4 & CR4_PCIDE))
			     ? mmu_write_cr3(c, val, true)
			     : mmu_write_cr3(c, val & ~CR3_NOFLUSH, !(val & CR3_NOFLUSH));
		break;
	case SR_CR4:
		ok = mmu_write_reg(c, MMU_WROTE_CR4, val);
		break;
	default:
		ok = mmu_write_reg(c, MMU_WROTE_EFER, val);
		break;
	}
	if (!ok)
		return false;
	if (reg != SR_CR3)
		hv->set_paging(v);
	if (unlikely(task_guard_stale(&v->guard, c->regs.efer)))
		task_guard_update(v);
	return true;
}

bool paging_write(struct vcpu *v, enum vcpu_sreg reg, u64 val)
{
	return v->mmu ? write_shadow(v, reg, val) : write_nested(v, reg, val);
}

/* --- entry ------------------------------------------------------------------------------------ */

/* False: killed. */
static __noinline bool load(struct vcpu *v)
{
	struct mmu_result r;
	enum mmu_verdict verdict;

	/* The rounds are bounded: what cannot be synced in some of them is dropped. */
	do {
		verdict = mmu_shadow_load(v->mmu, &r);
	} while (verdict == MMU_RETRY);
	if (verdict == MMU_FIXED)
		return true;
	hv->cancel(v);
	vcpu_kill(v, "its page tables cannot be shadowed: %s", r.reason);
	return false;
}

static __noinline enum exit_reason load_and_enter(struct vcpu *v)
{
	enum exit_reason reason;

	do {
		if (!load(v)) {
			v->exit.reason = EXIT_NONE;
			return EXIT_NONE;
		}
		reason = hv->enter_shadow(v);
	} while (unlikely(reason == EXIT_NONE));
	return reason;
}

enum exit_reason paging_enter(struct vcpu *v)
{
	enum exit_reason reason = hv->enter_shadow(v);

	return likely(reason != EXIT_NONE) ? reason : load_and_enter(v);
}
