/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Behind the world switch: the guest's registers go to struct vcpu; exit code, EXITINFO1 and
 * EXITINFO2 become the words of vm/exit.h. The usual exits take no call here.
 */
#include "arch/regs.h"
#include "arch/x86.h"
#include "svm/backend.h"
#include "svm/tlb.h"
#include "vm/page_fault.h"

/* Exits that say all by their code; 0 = see detail(). */
static const u8 plain[] = {
	[VMEXIT_NMI] = EXIT_NMI,           [VMEXIT_SMI] = EXIT_SMI,
	[VMEXIT_INIT] = EXIT_INIT,         [VMEXIT_VINTR] = EXIT_IRQ_WINDOW,
	[VMEXIT_RDPMC] = EXIT_RDPMC,       [VMEXIT_CPUID] = EXIT_CPUID,
	[VMEXIT_INVD] = EXIT_INVD,         [VMEXIT_PAUSE] = EXIT_PAUSE,
	[VMEXIT_HLT] = EXIT_HLT,           [VMEXIT_INVLPGA] = EXIT_VIRT_INSN,
	[VMEXIT_SHUTDOWN] = EXIT_TRIPLE,   [VMEXIT_VMRUN] = EXIT_VIRT_INSN,
	[VMEXIT_VMMCALL] = EXIT_HYPERCALL, [VMEXIT_VMLOAD] = EXIT_VIRT_INSN,
	[VMEXIT_VMSAVE] = EXIT_VIRT_INSN,  [VMEXIT_STGI] = EXIT_VIRT_INSN,
	[VMEXIT_CLGI] = EXIT_VIRT_INSN,    [VMEXIT_SKINIT] = EXIT_VIRT_INSN,
	[VMEXIT_WBINVD] = EXIT_WBINVD,     [VMEXIT_MONITOR] = EXIT_MONITOR,
	[VMEXIT_MWAIT] = EXIT_MWAIT,       [VMEXIT_MWAIT_ARMED] = EXIT_MWAIT,
	[VMEXIT_XSETBV] = EXIT_XSETBV,     [VMEXIT_RDPRU] = EXIT_VIRT_INSN,
	[VMEXIT_INVLPGB] = EXIT_VIRT_INSN, [VMEXIT_INVLPGB_ILLEGAL] = EXIT_VIRT_INSN,
	[VMEXIT_INVPCID] = EXIT_INVPCID,   [VMEXIT_LTR] = EXIT_LTR,
	[VMEXIT_MCOMMIT] = EXIT_VIRT_INSN, [VMEXIT_TLBSYNC] = EXIT_VIRT_INSN,
};

static_assert(EXIT_IRQ == 0, "plain[] takes it for none, so VMEXIT_INTR goes through detail()");

static __always_inline enum exit_reason pio(struct vcpu *v, const struct vmcb_ctl *c)
{
	u32 info = (u32)c->exit_info1;

	v->exit.pio.port = IOIO_PORT(info);
	v->exit.pio.size = IOIO_SIZE(info);
	v->exit.pio.in = info & IOIO_IN;
	v->exit.pio.string = info & IOIO_STRING;
	/* The one exit whose next RIP every CPU saves. */
	v->exit.insn_len = (u8)(c->exit_info2 - v->regs.rip);
	return EXIT_PIO;
}

static __always_inline enum exit_reason npf(struct vcpu *v, const struct vmcb_ctl *c)
{
	struct mmu_fault *f = &v->exit.npf;
	u32 error = (u32)c->exit_info1;

	f->gpa = GPA(c->exit_info2);
	f->access = error & NPF_FETCH ? MMU_X : error & NPF_W ? MMU_W : MMU_R;
	f->table_walk = c->exit_info1 & NPF_TABLE;
	f->present = error & NPF_P;
	f->hw_error = error;
	return EXIT_NPF;
}

static __always_inline enum exit_reason cr_access(struct vcpu *v, u32 code, u64 info)
{
	v->exit.cr.nr = code & 15;
	v->exit.cr.write = code >= VMEXIT_CR_WRITE;
	/* Source: AMD APM 2 "MOV CRx": bit 63 tells MOV from LMSW, CLTS and SMSW. */
	v->exit.cr.gpr = svm_has(SVM_DECODE) && (info & BIT(63)) ? info & 15 : 0xff;
	return EXIT_CR;
}

static __always_inline enum exit_reason page_fault(struct vcpu *v, const struct vmcb_ctl *c)
{
	const struct vmcb_save *g = &vmcb_of(v)->save;

	return page_fault_exit(v, c->exit_info2, (u32)c->exit_info1, g->cpl,
			       g->cr4 & CR4_PKE ? rdpkru() : 0);
}

static __always_inline enum exit_reason invlpg_exit(struct vcpu *v, const struct vmcb_ctl *c)
{
	/* Source: AMD APM 2 "Decode Assists": the linear address. */
	if (svm_has(SVM_DECODE))
		v->exit.gva = GVA(c->exit_info1);
	else
		v->exit.insn_len = 0;
	return EXIT_INVLPG;
}

static enum exit_reason exception(struct vcpu *v, u32 vector, const struct vmcb_ctl *c)
{
	if (vector == EXC_MC) {
		raise_mc();
		return EXIT_NMI;
	}
	v->exit.exc.vector = (u8)vector;
	v->exit.exc.error = (u32)c->exit_info1;
	v->exit.exc.cr2 = c->exit_info2;
	return EXIT_EXCEPTION;
}

static enum exit_reason intr(struct vcpu *v, const struct vmcb_ctl *c)
{
	if (unlikely(c->int_shadow & INT_SHADOW))
		svm_shadow_lost(v);
	return EXIT_IRQ;
}

/*
 * QUIRK: QEMU TCG leaves the guest with the code of a refused VMRUN, where it should raise #GP,
 * when the guest writes a reserved bit of CR3 or CR4. After a refused VMRUN it has stored the
 * host's RIP.
 */
static enum exit_reason invalid(struct vcpu *v)
{
	if (!svm_facts.is_tcg || v->regs.rip == (u64)svm_vmrun)
		return EXIT_FAIL;
	v->exit.exc.vector = EXC_GP;
	v->exit.exc.error = 0;
	return EXIT_EXCEPTION;
}

static enum exit_reason task_switch(struct vcpu *v, const struct vmcb_ctl *c)
{
	u64 info = c->exit_info2;

	v->exit.task.selector = (u16)c->exit_info1;
	v->exit.task.source = info & TASK_IS_IRET                 ? TASK_IRET
			      : info & TASK_IS_JMP                ? TASK_JMP
			      : c->exit_int_info & EVENTINJ_VALID ? TASK_GATE
								  : TASK_CALL;
	v->exit.task.has_error = info & TASK_HAS_ERROR;
	v->exit.task.error = TASK_ERROR(info);
	v->regs.rflags = (v->regs.rflags & ~RFLAGS_RF) | (info & TASK_RF ? RFLAGS_RF : 0);
	return EXIT_TASK_SWITCH;
}

static enum exit_reason rare_reason(struct vcpu *v, u32 code, const struct vmcb_ctl *c)
{
	switch (code) {
	case VMEXIT_INTR:
		return intr(v, c);
	case VMEXIT_IRET:
		svm_nmi_iret(v);
		return EXIT_NMI_WINDOW;
	case VMEXIT_DR_READ ... VMEXIT_DR_WRITE + 15:
		svm_dr_own(v);
		return EXIT_DR;
	case VMEXIT_EXCEPTION ... VMEXIT_EXCEPTION + 31:
		return exception(v, code - VMEXIT_EXCEPTION, c);
	case VMEXIT_TASK_SWITCH:
		return task_switch(v, c);
	case VMEXIT_INVALID:
		return invalid(v);
	default:
		return EXIT_UNKNOWN;
	}
}

static __noinline enum exit_reason rare(struct vcpu *v, u64 code, const struct vmcb_ctl *c)
{
	enum exit_reason reason = rare_reason(v, (u32)code, c);

	v->exit.reason = reason;
	return reason;
}

/* The hot ones call nothing. */
static enum exit_reason detail(struct vcpu *v, u64 code, const struct vmcb_ctl *c)
{
	enum exit_reason reason;

	if (code <= VMEXIT_CR_WRITE + 15)
		reason = cr_access(v, (u32)code, c->exit_info1);
	else if (code == VMEXIT_EXCEPTION + EXC_PF && v->mmu)
		reason = page_fault(v, c);
	else if (code == VMEXIT_IOIO)
		reason = pio(v, c);
	else if (code == VMEXIT_NPF)
		reason = npf(v, c);
	else if (code == VMEXIT_MSR)
		reason = c->exit_info1 & 1 ? EXIT_WRMSR : EXIT_RDMSR;
	else if (code == VMEXIT_INVLPG)
		reason = invlpg_exit(v, c);
	else
		return rare(v, code, c);
	v->exit.reason = reason;
	return reason;
}

static __always_inline enum exit_reason decode(struct vcpu *v, const struct vmcb_ctl *c)
{
	u64 code = c->exit_code;

	v->exit.code = code;
	/* 0 where the CPU does not save it, and for exits that are no instruction's. */
	v->exit.insn_len = c->next_rip ? (u8)(c->next_rip - v->regs.rip) : 0;
	if (code >= ARRAY_SIZE(plain) || !plain[code])
		return detail(v, code, c);
	v->exit.reason = plain[code];
	return (enum exit_reason)plain[code];
}

static __always_inline void flushed(struct vcpu *v, struct svm_vcpu *s)
{
	bool ran = (u32)s->vmcb->ctl.exit_code != VMEXIT_INVALID;

	svm_tlb_flushed(s, ran);
	if (ran && v->mmu)
		mmu_shadow_flushed(v->mmu);
}

static __always_inline bool interrupted(const struct vmcb *b)
{
	return b->ctl.exit_int_info & EVENTINJ_VALID;
}

static __noinline enum exit_reason exited_busy(struct vcpu *v, struct svm_vcpu *s)
{
	const struct vmcb_ctl *c = &s->vmcb->ctl;

	if (s->busy & BUSY_FLUSHING)
		flushed(v, s);
	if (s->busy & BUSY_VIRQ)
		svm_virq_ended(v);
	/*
	 * QUIRK: after a VMRUN with the guest's IF = 0 physical interrupts of Bochs wait without an
	 * exit until the guest changes its IF. So they are taken at any exit.
	 */
	if ((s->busy & BUSY_POLL) && !(v->regs.rflags & RFLAGS_IF)) {
		take_irqs();
		vcpu_request_self(v, VREQ_RESCHED);
	}
	/*
	 * QUIRK: VMRUN of Bochs overlooks V_IRQ if the guest's IF is 1 already: the window would
	 * open at the guest's next STI. An exit with IF = 1 is as good as the window.
	 */
	if ((s->busy & BUSY_WINDOW) && (v->regs.rflags & RFLAGS_IF))
		vcpu_request_self(v, VREQ_EVENT);
	if (interrupted(s->vmcb) && !v->redelivery)
		svm_interrupted(v);
	if ((s->busy & BUSY_STEPPING) && svm_stepped(v)) {
		v->exit.code = c->exit_code;
		v->exit.reason = EXIT_NMI_WINDOW;
		return EXIT_NMI_WINDOW;
	}
	return decode(v, c);
}

enum exit_reason svm_exited(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);
	struct vmcb *b = s->vmcb;

	mmu_exit(&s->tag);
	v->regs.gpr[R_AX] = b->save.rax;
	v->regs.gpr[R_SP] = b->save.rsp;
	v->regs.rip = b->save.rip;
	v->regs.rflags = b->save.rflags;
	v->exit.irq_shadow = (u8)b->ctl.int_shadow;
	b->ctl.clean = CLEAN_ALL;
	if (unlikely(s->busy || interrupted(b))) {
		if (s->busy != BUSY_FLUSHING || interrupted(b))
			return exited_busy(v, s);
		flushed(v, s);
	}
	return decode(v, &b->ctl);
}
