/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before the world switch (vmx/enter.S); vmx/exit.c goes on behind it. Every instruction of this
 * way is paid at every exit, and an access to the VMCS costs more than one to memory. So what
 * seldom changes is compared with a copy, or prepared behind the one test for a flush.
 */
#include "arch/regs.h"
#include "vmx/backend.h"
#include "vmx/insn.h"
#include "vmx/tlb.h"

static_assert(offsetof(struct vmx_vcpu, host_rsp) == 0, "vmx/enter.S");
static_assert(offsetof(struct vmx_vcpu, launched) == 8, "vmx/enter.S");
static_assert(VMCS_HOST_RSP == 0x6c14, "vmx/enter.S");

enum exit_reason vmx_switch(struct vcpu *v, struct vmx_vcpu *s);

static __always_inline enum exit_reason run(struct vcpu *v, struct vmx_vcpu *s)
{
	if (v->regs.rip != s->rip)
		vmwrite(VMCS_GUEST_RIP, v->regs.rip);
	if (unlikely(v->regs.gpr[R_SP] != s->rsp))
		vmwrite(VMCS_GUEST_RSP, v->regs.gpr[R_SP]);
	if (unlikely(v->regs.rflags != s->rflags))
		vmwrite(VMCS_GUEST_RFLAGS, v->regs.rflags);
	return vmx_switch(v, s);
}

static __noinline enum exit_reason run_flushing(struct vcpu *v, struct vmx_vcpu *s)
{
	vmx_tlb_flush(s);
	if (v->mmu)
		mmu_shadow_flushed(v->mmu);
	return run(v, s);
}

enum exit_reason vmx_enter(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);
	enum mmu_flush flush = mmu_enter(s->mmu, &s->tag);

	if (unlikely(flush == MMU_FLUSH_TAG || s->flush))
		return run_flushing(v, s);
	return run(v, s);
}

static __always_inline enum exit_reason enter_paged(struct vcpu *v, struct vmx_vcpu *s)
{
	enum mmu_flush flush;
	u64 root;

	if (unlikely(!mmu_shadow_enter(v->mmu, &flush)))
		return EXIT_NONE;
	root = mmu_ctx_root(v->mmu).v;
	if (s->cr3 != root) {
		s->cr3 = root;
		vmwrite(VMCS_GUEST_CR3, root);
	}
	if (unlikely(flush == MMU_FLUSH_TAG || s->flush))
		return run_flushing(v, s);
	return run(v, s);
}

enum exit_reason vmx_enter_paged(struct vcpu *v)
{
	return enter_paged(v, vmx_of(v));
}

enum exit_reason vmx_enter_shadow(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);

	if (unlikely(s->ept | s->real))
		return s->ept ? vmx_enter(v) : vmx_enter_real(v);
	return enter_paged(v, s);
}
