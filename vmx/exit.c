/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Behind the world switch: the guest's registers go to struct vcpu; exit reason and qualification
 * become the words of vm/exit.h. The usual exits take no call here.
 */
#include "arch/percpu.h"
#include "arch/regs.h"
#include "arch/trap.h"
#include "arch/x86.h"
#include "vm/page_fault.h"
#include "vmx/backend.h"
#include "vmx/insn.h"

/* Exits of an instruction that say all by their reason; 0 = see decode(). */
static const u8 plain[] = {
	[VMEXIT_CPUID] = EXIT_CPUID,
	[VMEXIT_GETSEC] = EXIT_VIRT_INSN,
	[VMEXIT_HLT] = EXIT_HLT,
	[VMEXIT_INVD] = EXIT_INVD,
	[VMEXIT_RDPMC] = EXIT_RDPMC,
	[VMEXIT_VMCALL] = EXIT_HYPERCALL,
	[VMEXIT_VMCLEAR] = EXIT_VIRT_INSN,
	[VMEXIT_VMLAUNCH] = EXIT_VIRT_INSN,
	[VMEXIT_VMPTRLD] = EXIT_VIRT_INSN,
	[VMEXIT_VMPTRST] = EXIT_VIRT_INSN,
	[VMEXIT_VMREAD] = EXIT_VIRT_INSN,
	[VMEXIT_VMRESUME] = EXIT_VIRT_INSN,
	[VMEXIT_VMWRITE] = EXIT_VIRT_INSN,
	[VMEXIT_VMXOFF] = EXIT_VIRT_INSN,
	[VMEXIT_VMXON] = EXIT_VIRT_INSN,
	[VMEXIT_RDMSR] = EXIT_RDMSR,
	[VMEXIT_WRMSR] = EXIT_WRMSR,
	[VMEXIT_MWAIT] = EXIT_MWAIT,
	[VMEXIT_MONITOR] = EXIT_MONITOR,
	[VMEXIT_PAUSE] = EXIT_PAUSE,
	[VMEXIT_INVEPT] = EXIT_VIRT_INSN,
	[VMEXIT_INVVPID] = EXIT_VIRT_INSN,
	[VMEXIT_WBINVD] = EXIT_WBINVD,
	[VMEXIT_XSETBV] = EXIT_XSETBV,
	[VMEXIT_INVPCID] = EXIT_INVPCID,
	[VMEXIT_VMFUNC] = EXIT_VIRT_INSN,
	[VMEXIT_ENCLS] = EXIT_VIRT_INSN,
	[VMEXIT_PCONFIG] = EXIT_VIRT_INSN,
	[VMEXIT_UMWAIT] = EXIT_VIRT_INSN,
	[VMEXIT_TPAUSE] = EXIT_VIRT_INSN,
	[VMEXIT_ENCLV] = EXIT_VIRT_INSN,
	[VMEXIT_SEAMCALL] = EXIT_VIRT_INSN,
	[VMEXIT_TDCALL] = EXIT_VIRT_INSN,
	[VMEXIT_RDMSR_IMM] = EXIT_VIRT_INSN,
	[VMEXIT_WRMSR_IMM] = EXIT_VIRT_INSN,
};

u32 vmx_polls;

static enum exit_reason pio(struct vcpu *v)
{
	u64 qual = vmread(VMCS_QUALIFICATION);

	v->exit.pio.port = QUAL_IO_PORT(qual);
	v->exit.pio.size = QUAL_IO_SIZE(qual);
	v->exit.pio.in = qual & QUAL_IO_IN;
	v->exit.pio.string = qual & QUAL_IO_STRING;
	v->exit.insn_len = (u8)vmread(VMCS_EXIT_INSN_LEN);
	return EXIT_PIO;
}

static enum exit_reason cr_access(struct vcpu *v)
{
	u64 qual = vmread(VMCS_QUALIFICATION);
	u32 kind = QUAL_CR_KIND(qual);

	v->exit.cr.nr = QUAL_CR_NR(qual);
	v->exit.cr.write = kind != QUAL_CR_FROM;
	v->exit.cr.gpr = kind == QUAL_CR_TO || kind == QUAL_CR_FROM ? QUAL_CR_GPR(qual) : 0xff;
	v->exit.insn_len = (u8)vmread(VMCS_EXIT_INSN_LEN);
	return EXIT_CR;
}

/* The fault of an IRET which had ended the blocking of NMIs: it will be executed again. */
static void block_nmi_again(struct vcpu *v)
{
	if (!(vmread(VMCS_VECTORING) & EVENTINJ_VALID))
		vmx_mask_nmi(v, true);
}

static enum exit_reason ept_violation(struct vcpu *v)
{
	struct mmu_fault *f = &v->exit.npf;
	u64 qual = vmread(VMCS_QUALIFICATION);

	f->gpa = GPA(vmread(VMCS_GPA));
	f->access = qual & QUAL_EPT_X ? MMU_X : qual & QUAL_EPT_W ? MMU_W : MMU_R;
	f->table_walk = (qual & QUAL_EPT_GVA_VALID) && !(qual & QUAL_EPT_FINAL);
	f->present = qual & QUAL_EPT_PRESENT;
	f->hw_error = (u32)qual;
	if (unlikely(qual & QUAL_EPT_UNBLOCK))
		block_nmi_again(v);
	return EXIT_NPF;
}

bool vmx_fault_gva(struct vcpu *v, gva_t *gva)
{
	(void)v;
	*gva = GVA(vmread(VMCS_GVA));
	return vmread(VMCS_QUALIFICATION) & QUAL_EPT_GVA_VALID;
}

/* A trap entry. Hardware does not say what the access was. */
static enum exit_reason ept_misconfig(struct vcpu *v)
{
	v->exit.npf = (struct mmu_fault){ .gpa = GPA(vmread(VMCS_GPA)), .present = true };
	return EXIT_NPF;
}

static enum exit_reason pml_full(struct vcpu *v)
{
	if (vmread(VMCS_QUALIFICATION) & QUAL_EPT_UNBLOCK)
		block_nmi_again(v);
	vmx_pml_drain(vmx_of(v));
	return EXIT_IRQ;
}

/* The exit comes before the exception has changed DR6; of DR7 vcpu_inject() thinks.
 * Source: Intel SDM 3C "Exit Qualification for Debug Exceptions". */
static void debug_exception(struct vcpu *v, u64 qual)
{
	const u64 set = DR6_B | DR6_BD | DR6_BS;

	vmx_set_dr6(v, (vmx_get_dr6(v) & ~DR6_B) | (qual & set));
}

static enum exit_reason page_fault(struct vcpu *v, u64 gva)
{
	return page_fault_exit(v, gva, (u32)vmread(VMCS_EXIT_EVENT_ERROR),
			       SEG_DPL(vmread(VMCS_GUEST_SS_AR)), guest_pkru());
}

static enum exit_reason invlpg_exit(struct vcpu *v)
{
	v->exit.gva = GVA(vmread(VMCS_QUALIFICATION));
	v->exit.insn_len = (u8)vmread(VMCS_EXIT_INSN_LEN);
	return EXIT_INVLPG;
}

/*
 * The exit has acknowledged the interrupt, so it is in service until its handler has run: here,
 * before anything else can happen. Where the CPU cannot, it waits for the window of EXIT_IRQ, in
 * which others come that wait behind this one.
 */
static enum exit_reason interrupt(void)
{
	u32 info = (u32)vmread(VMCS_EXIT_EVENT);

	if (info & EVENTINJ_VALID)
		trap_irq((u8)(info & EVENTINJ_VECTOR));
	return EXIT_IRQ;
}

static enum exit_reason exception(struct vcpu *v)
{
	u32 info = (u32)vmread(VMCS_EXIT_EVENT), vector = info & EVENTINJ_VECTOR;
	u64 qual;

	if (EVENTINJ_TYPE(info) == EVENTINJ_TYPE_NMI) {
		raise_nmi();
		return cpu_needs_nmi ? EXIT_IRQ : EXIT_NMI;
	}
	if (vector == EXC_MC) {
		raise_mc();
		return EXIT_NMI;
	}
	if ((info & EXIT_EVENT_UNBLOCK) && vector != EXC_DF)
		block_nmi_again(v);
	/* INT1 is a trap, but the exit is at the instruction. */
	if (EVENTINJ_TYPE(info) == EVENTINJ_TYPE_ICEBP)
		v->regs.rip += vmread(VMCS_EXIT_INSN_LEN);
	qual = vmread(VMCS_QUALIFICATION);
	if (vector == EXC_PF && v->mmu)
		return page_fault(v, qual);
	if (vector == EXC_DB)
		debug_exception(v, qual);
	v->exit.exc.vector = (u8)vector;
	v->exit.exc.error = (u32)vmread(VMCS_EXIT_EVENT_ERROR);
	v->exit.exc.cr2 = qual;
	return EXIT_EXCEPTION;
}

static_assert(TASK_CALL == 0 && TASK_IRET == 1 && TASK_JMP == 2 && TASK_GATE == 3,
	      "as in the qualification");

static enum exit_reason task_switch(struct vcpu *v)
{
	u64 qual = vmread(VMCS_QUALIFICATION);
	u32 vectoring = (u32)vmread(VMCS_VECTORING);

	v->exit.task.selector = QUAL_TASK_SEL(qual);
	v->exit.task.source = QUAL_TASK_SOURCE(qual);
	v->exit.task.has_error = (vectoring & EVENTINJ_VALID) && (vectoring & EVENTINJ_HAS_ERROR);
	v->exit.task.error = (u32)vmread(VMCS_VECTORING_ERROR);
	return EXIT_TASK_SWITCH;
}

static enum exit_reason nmi_window(struct vcpu *v)
{
	vmx_nmi_opened(v);
	return EXIT_NMI_WINDOW;
}

static enum exit_reason mov_dr(struct vcpu *v)
{
	vmx_dr_own(v);
	return EXIT_DR;
}

/* What the entry should have delivered waits for the next one. With EXIT_NONE paging_enter() would
 * enter before it was queued. */
static void try_again(struct vcpu *v)
{
	u32 queued = (u32)vmread(VMCS_ENTRY_EVENT);

	if (queued & EVENTINJ_VALID)
		vmx_interrupted(v, queued, (u32)vmread(VMCS_ENTRY_EVENT_ERROR));
	vmx_cancel(v);
	v->exit.reason = EXIT_IRQ;
}

/* The host's state was loaded, the guest's was not saved. */
static __noinline enum exit_reason failed(struct vcpu *v, u32 reason)
{
	v->exit.code = reason;
	v->exit.reason = EXIT_FAIL;
	if (EXIT_REASON_BASIC(reason) == VMEXIT_MACHINE_CHECK)
		raise_mc();
	else if (EXIT_REASON_BASIC(reason) == VMEXIT_BAD_GUEST && vmx_mend_segments(v))
		try_again(v);
	return (enum exit_reason)v->exit.reason;
}

static enum exit_reason detail(struct vcpu *v, u32 reason)
{
	v->exit.insn_len = 0;
	switch (reason) {
	case VMEXIT_EPT_VIOLATION:
		return ept_violation(v);
	case VMEXIT_PREEMPTION_TIMER:
		vmx_start_timer();
		return EXIT_IRQ;
	case VMEXIT_INTR:
		return interrupt();
	case VMEXIT_INTR_WINDOW:
		return EXIT_IRQ_WINDOW;
	case VMEXIT_NMI_WINDOW:
		return nmi_window(v);
	case VMEXIT_EXCEPTION:
		return exception(v);
	case VMEXIT_CR:
		return cr_access(v);
	case VMEXIT_MOV_DR:
		return mov_dr(v);
	case VMEXIT_INVLPG:
		return invlpg_exit(v);
	case VMEXIT_TASK_SWITCH:
		return task_switch(v);
	case VMEXIT_PML_FULL:
		return pml_full(v);
	case VMEXIT_TRIPLE:
		return EXIT_TRIPLE;
	case VMEXIT_INIT:
		return EXIT_INIT;
	case VMEXIT_SMI:
	case VMEXIT_IO_SMI:
		return EXIT_SMI;
	default:
		return EXIT_UNKNOWN;
	}
}

/* Apart, and called last, so that what it needs of the stack costs only exits that come here. */
static __noinline enum exit_reason decode_detail(struct vcpu *v, u32 reason)
{
	v->exit.reason = detail(v, reason);
	return (enum exit_reason)v->exit.reason;
}

static __always_inline enum exit_reason decode(struct vcpu *v, u32 reason)
{
	v->exit.code = reason;
	if (reason < ARRAY_SIZE(plain) && plain[reason]) {
		v->exit.insn_len = (u8)vmread(VMCS_EXIT_INSN_LEN);
		v->exit.reason = plain[reason];
	} else if (reason == VMEXIT_IO) {
		v->exit.reason = pio(v);
	} else if (reason == VMEXIT_EPT_MISCONFIG) {
		v->exit.insn_len = 0;
		v->exit.reason = ept_misconfig(v);
	} else {
		return decode_detail(v, reason);
	}
	return (enum exit_reason)v->exit.reason;
}

/* Apart for the same reason. */
static __noinline enum exit_reason decode_busy(struct vcpu *v, u32 reason, u32 vectoring)
{
	enum exit_reason why;

	if (vectoring & EVENTINJ_VALID) {
		vmx_unmend_ss(v);
		if (!v->redelivery)
			vmx_interrupted(v, vectoring, (u32)vmread(VMCS_VECTORING_ERROR));
	}
	why = decode(v, reason);
	if (vmx_polls && !(v->regs.rflags & RFLAGS_IF)) {
		take_irqs();
		vcpu_request_self(v, VREQ_RESCHED);
	}
	return why;
}

enum exit_reason vmx_exited(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);
	u32 reason = (u32)vmread(VMCS_EXIT_REASON), vectoring;

	mmu_exit(&s->tag);
	if (unlikely(reason & EXIT_REASON_FAILED))
		return failed(v, reason);
	s->launched = true;
	v->regs.gpr[R_SP] = s->rsp = vmread(VMCS_GUEST_RSP);
	v->regs.rip = s->rip = vmread(VMCS_GUEST_RIP);
	v->regs.rflags = s->rflags = vmread(VMCS_GUEST_RFLAGS);
	v->exit.irq_shadow =
		vmread(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS) ? 1 : 0;
	vectoring = (u32)vmread(VMCS_VECTORING);
	if (unlikely((vectoring | vmx_polls) & EVENTINJ_VALID))
		return decode_busy(v, reason, vectoring);
	return decode(v, reason);
}

enum exit_reason vmx_refused(struct vcpu *v)
{
	mmu_exit(&vmx_of(v)->tag);
	v->exit.code = EXIT_REASON_FAILED | vmread(VMCS_INSN_ERROR);
	v->exit.reason = EXIT_FAIL;
	return EXIT_FAIL;
}
