/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before the world switch (svm/enter.S); svm/exit.c goes on behind it. Every instruction of this
 * way is paid at every exit. So it makes no call but the jumps into and out of the switch, and what
 * seldom changes is prepared by svm_load() or behind the one test for a flush.
 */
#include "arch/regs.h"
#include "svm/backend.h"
#include "svm/tlb.h"

enum exit_reason svm_switch(struct vcpu *v, u64 vmcb, u64 host_vmcb);

static __always_inline enum exit_reason run(struct vcpu *v, const struct svm_vcpu *s,
					    struct vmcb *b)
{
	struct vmcb_save *g = &b->save;

	g->rax = v->regs.gpr[R_AX];
	g->rsp = v->regs.gpr[R_SP];
	g->rip = v->regs.rip;
	g->rflags = v->regs.rflags;
	return svm_switch(v, s->vmcb_hpa, s->host_hpa);
}

enum exit_reason svm_enter_shadow(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);
	struct mmu_ctx *c = v->mmu;
	struct vmcb *b = s->vmcb;
	enum mmu_flush flush;
	u64 root;

	if (unlikely(!mmu_shadow_enter(c, &flush)))
		return EXIT_NONE;
	root = mmu_ctx_root(c).v;
	if (b->save.cr3 != root) {
		b->save.cr3 = root;
		vmcb_dirty(b, CLEAN_CR);
	}
	if (flush == MMU_FLUSH_TAG || s->flush)
		svm_tlb_flush(s);
	return run(v, s, b);
}

static __noinline enum exit_reason run_flushing(struct vcpu *v, struct svm_vcpu *s)
{
	svm_tlb_flush(s);
	return run(v, s, s->vmcb);
}

enum exit_reason svm_enter(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);
	enum mmu_flush flush = mmu_enter(s->mmu, &s->tag);

	if (unlikely(flush == MMU_FLUSH_TAG || s->flush))
		return run_flushing(v, s);
	return run(v, s, s->vmcb);
}
