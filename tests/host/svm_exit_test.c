/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: svm/exit.c svm/inject.c tests/host/fake/bug.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/cpu.c */
/*
 * What the VMCB says after an exit becomes vcpu_exit; an event whose delivery was interrupted
 * becomes pending; an NMI is masked until its IRET has been executed, not only seen.
 */
#include "arch/lapic.h"
#include "arch/regs.h"
#include "svm/backend.h"
#include "svm/tlb.h"

#include "tests/host/test.h"

struct svm_facts svm_facts;

const char svm_vmrun[1];

static struct vmcb b;
static struct svm_vcpu s;
static struct vcpu v;
static u32 ipis, dr_given;

void lapic_ipi(u32 apic_id, u8 vector)
{
	(void)apic_id;
	(void)vector;
	ipis++;
}

void svm_dr_own(struct vcpu *vcpu)
{
	assert_ptr_equal(vcpu, &v);
	dr_given++;
}

static int setup(void **state)
{
	(void)state;
	memset(&b, 0, sizeof(b));
	memset(&s, 0, sizeof(s));
	memset(&v, 0, sizeof(v));
	s.vmcb = &b;
	v.backend = &s;
	b.save.rip = 0x1000;
	b.ctl.int_ctl = INT_CTL_V_INTR_MASKING;
	svm_facts = (struct svm_facts){ 0 };
	ipis = dr_given = 0;
	return 0;
}

static enum exit_reason leave(u64 code, u64 info1, u64 info2)
{
	b.ctl.exit_code = code;
	b.ctl.exit_info1 = info1;
	b.ctl.exit_info2 = info2;
	b.ctl.event_inj = 0; /* as #VMEXIT does */
	s.tag.in_guest = 1;
	svm_exited(&v);
	assert_int_equal(s.tag.in_guest, 0);
	assert_int_equal(v.exit.code, code);
	return (enum exit_reason)v.exit.reason;
}

static void reserved_cr_bit_is_the_guests_fault_on_tcg(void **state)
{
	(void)state;
	svm_facts.is_tcg = true;
	assert_int_equal(leave(VMEXIT_INVALID, 0, 0), EXIT_EXCEPTION);
	assert_int_equal(v.exit.exc.vector, EXC_GP);
	assert_int_equal(v.exit.exc.error, 0);
	b.save.rip = (u64)svm_vmrun;
	assert_int_equal(leave(VMEXIT_INVALID, 0, 0), EXIT_FAIL);
}

static void registers_come_back(void **state)
{
	(void)state;
	b.save.rax = 1;
	b.save.rsp = 2;
	b.save.rflags = 3;
	assert_int_equal(leave(VMEXIT_CPUID, 0, 0), EXIT_CPUID);
	assert_int_equal(v.regs.gpr[R_AX], 1);
	assert_int_equal(v.regs.gpr[R_SP], 2);
	assert_int_equal(v.regs.rflags, 3);
	assert_int_equal(v.regs.rip, 0x1000);
	assert_int_equal(b.ctl.clean, CLEAN_ALL);
}

static void plain_exits(void **state)
{
	static const struct {
		u32 code;
		enum exit_reason reason;
	} plain[] = {
		{ VMEXIT_INTR, EXIT_IRQ },
		{ VMEXIT_NMI, EXIT_NMI },
		{ VMEXIT_SMI, EXIT_SMI },
		{ VMEXIT_INIT, EXIT_INIT },
		{ VMEXIT_VINTR, EXIT_IRQ_WINDOW },
		{ VMEXIT_CPUID, EXIT_CPUID },
		{ VMEXIT_HLT, EXIT_HLT },
		{ VMEXIT_PAUSE, EXIT_PAUSE },
		{ VMEXIT_VMMCALL, EXIT_HYPERCALL },
		{ VMEXIT_XSETBV, EXIT_XSETBV },
		{ VMEXIT_WBINVD, EXIT_WBINVD },
		{ VMEXIT_INVD, EXIT_INVD },
		{ VMEXIT_MONITOR, EXIT_MONITOR },
		{ VMEXIT_MWAIT, EXIT_MWAIT },
		{ VMEXIT_RDPMC, EXIT_RDPMC },
		{ VMEXIT_VMRUN, EXIT_VIRT_INSN },
		{ VMEXIT_SKINIT, EXIT_VIRT_INSN },
		{ VMEXIT_SHUTDOWN, EXIT_TRIPLE },
		{ VMEXIT_INVALID, EXIT_FAIL },
		{ 0x6e, EXIT_UNKNOWN },
		{ 0x3ff, EXIT_UNKNOWN },
		{ 0x401, EXIT_UNKNOWN },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(plain); i++)
		assert_int_equal(leave(plain[i].code, 0, 0), plain[i].reason);
	/* Hardware stores all 64 bits of it. */
	b.ctl.exit_code = ~0ULL;
	assert_int_equal(svm_exited(&v), EXIT_FAIL);
}

static void msr_direction_is_in_exitinfo1(void **state)
{
	(void)state;
	assert_int_equal(leave(VMEXIT_MSR, 0, 0), EXIT_RDMSR);
	assert_int_equal(leave(VMEXIT_MSR, 1, 0), EXIT_WRMSR);
}

static void task_switch(void **state)
{
	static const struct {
		u64 info2;
		u32 intinfo;
		u8 source;
	} rules[] = {
		{ 0, 0, TASK_CALL },          { BIT(36), 0, TASK_IRET },
		{ BIT(38), 0, TASK_JMP },     { 0, 0x80000400, TASK_GATE }, /* INTn */
		{ 0, 0x80000030, TASK_GATE },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rules); i++) {
		b.ctl.exit_int_info = rules[i].intinfo;
		b.save.rflags = RFLAGS_RF | RFLAGS_ONE;
		assert_int_equal(leave(VMEXIT_TASK_SWITCH, 0x48, rules[i].info2), EXIT_TASK_SWITCH);
		assert_int_equal(v.exit.task.source, rules[i].source);
		assert_int_equal(v.exit.task.selector, 0x48);
		assert_false(v.exit.task.has_error);
		assert_int_equal(v.regs.rflags, RFLAGS_ONE);
	}
	v.redelivery = false;
	b.ctl.exit_int_info = 0x80000b0d;
	leave(VMEXIT_TASK_SWITCH, 0x48, BIT(44) | BIT(48) | 0x1234);
	assert_true(v.exit.task.has_error);
	assert_int_equal(v.exit.task.error, 0x1234);
	assert_int_equal(v.regs.rflags, RFLAGS_ONE | RFLAGS_RF);
	assert_int_equal(v.pending.vector, EXC_GP);
}

static void port_access(void **state)
{
	(void)state;
	assert_int_equal(leave(VMEXIT_IOIO, 0x03f80011, 0x1002), EXIT_PIO);
	assert_int_equal(v.exit.pio.port, 0x3f8);
	assert_int_equal(v.exit.pio.size, 1);
	assert_true(v.exit.pio.in);
	assert_false(v.exit.pio.string);
	assert_int_equal(v.exit.insn_len, 2);
	leave(VMEXIT_IOIO, 0xffff004c, 0x1003);
	assert_int_equal(v.exit.pio.port, 0xffff);
	assert_int_equal(v.exit.pio.size, 4);
	assert_false(v.exit.pio.in);
	assert_true(v.exit.pio.string);
	assert_int_equal(v.exit.insn_len, 3);
	leave(VMEXIT_IOIO, 0x00600024, 0x1001);
	assert_int_equal(v.exit.pio.size, 2);
	assert_true(v.exit.pio.string);
}

static void nested_fault(void **state)
{
	(void)state;
	assert_int_equal(leave(VMEXIT_NPF, BIT(32) | 4, 0xfee00300), EXIT_NPF);
	assert_int_equal(v.exit.npf.gpa.v, 0xfee00300);
	assert_int_equal(v.exit.npf.access, MMU_R);
	assert_false(v.exit.npf.present || v.exit.npf.table_walk);
	leave(VMEXIT_NPF, BIT(33) | 7, 0x2000);
	assert_int_equal(v.exit.npf.access, MMU_W);
	assert_true(v.exit.npf.present && v.exit.npf.table_walk);
	assert_int_equal(v.exit.npf.hw_error, 7);
	leave(VMEXIT_NPF, BIT(32) | 0x15, 0x3000);
	assert_int_equal(v.exit.npf.access, MMU_X);
}

static void instruction_length_only_from_a_saved_next_rip(void **state)
{
	(void)state;
	leave(VMEXIT_CPUID, 0, 0);
	assert_int_equal(v.exit.insn_len, 0);
	b.ctl.next_rip = 0x1005;
	leave(VMEXIT_CPUID, 0, 0);
	assert_int_equal(v.exit.insn_len, 5);
}

static void control_register_access(void **state)
{
	(void)state;
	assert_int_equal(leave(VMEXIT_CR_WRITE + 8, BIT(63) | 9, 0), EXIT_CR);
	assert_int_equal(v.exit.cr.nr, 8);
	assert_true(v.exit.cr.write);
	assert_int_equal(v.exit.cr.gpr, 0xff);
	svm_facts.features = BIT32(SVM_DECODE);
	leave(VMEXIT_CR_READ + 8, BIT(63) | 9, 0);
	assert_false(v.exit.cr.write);
	assert_int_equal(v.exit.cr.gpr, 9);
	leave(VMEXIT_CR_WRITE, 9, 0); /* LMSW, CLTS */
	assert_int_equal(v.exit.cr.gpr, 0xff);
}

/* Without the address even a known length does not help: the operand must be decoded. */
static void invlpg_has_its_address_only_with_decode_assists(void **state)
{
	(void)state;
	b.ctl.next_rip = 0x1004;
	assert_int_equal(leave(VMEXIT_INVLPG, 0xffff888000123000, 0), EXIT_INVLPG);
	assert_int_equal(v.exit.insn_len, 0);
	svm_facts.features = BIT32(SVM_DECODE);
	assert_int_equal(leave(VMEXIT_INVLPG, 0xffff888000123000, 0), EXIT_INVLPG);
	assert_int_equal(v.exit.insn_len, 4);
	assert_int_equal(v.exit.gva.v, 0xffff888000123000);
}

/* Each register in each direction, as the pages on MOV CRx of the manual have it. */
static void every_mov_cr_is_told_with_decode_assists(void **state)
{
	(void)state;
	svm_facts.features = BIT32(SVM_DECODE);
	b.ctl.next_rip = 0x1003;
	for (u32 cr = 0; cr < 16; cr++)
		for (u32 gpr = 0; gpr < 16; gpr++) {
			leave(VMEXIT_CR_READ + cr, BIT(63) | gpr, 0);
			assert_false(v.exit.cr.write);
			assert_int_equal(v.exit.cr.nr, cr);
			assert_int_equal(v.exit.cr.gpr, gpr);
			assert_int_equal(v.exit.insn_len, 3);
			leave(VMEXIT_CR_WRITE + cr, BIT(63) | gpr, 0);
			assert_true(v.exit.cr.write);
			assert_int_equal(v.exit.cr.nr, cr);
			assert_int_equal(v.exit.cr.gpr, gpr);
		}
}

static void debug_register_access_gives_them_to_the_guest(void **state)
{
	(void)state;
	assert_int_equal(leave(VMEXIT_DR_WRITE + 7, 0, 0), EXIT_DR);
	assert_int_equal(leave(VMEXIT_DR_READ, 0, 0), EXIT_DR);
	assert_int_equal(dr_given, 2);
}

static void intercepted_exception(void **state)
{
	(void)state;
	assert_int_equal(leave(VMEXIT_EXCEPTION + EXC_AC, 0, 0), EXIT_EXCEPTION);
	assert_int_equal(v.exit.exc.vector, EXC_AC);
	assert_int_equal(leave(VMEXIT_EXCEPTION + EXC_DB, 0, 0), EXIT_EXCEPTION);
	assert_int_equal(v.exit.exc.vector, EXC_DB);
}

static void flush_is_recorded_unless_the_entry_failed(void **state)
{
	static struct mmu_ctx ctx;

	(void)state;
	v.mmu = &ctx;
	ctx.flush = s.flush = true;
	s.tag.entry_epoch = 7;
	b.ctl.tlb_control = TLB_FLUSH_ASID;
	s.busy = BUSY_FLUSHING;
	leave(VMEXIT_INVALID, 0, 0);
	assert_int_equal(s.busy, 0);
	assert_int_equal(s.tag.flushed_epoch, 0);
	assert_int_equal(b.ctl.tlb_control, TLB_FLUSH_ASID);
	assert_true(s.flush && ctx.flush);
	s.busy = BUSY_FLUSHING;
	leave(VMEXIT_CPUID, 0, 0);
	assert_int_equal(s.busy, 0);
	assert_int_equal(s.tag.flushed_epoch, 7);
	assert_int_equal(b.ctl.tlb_control, TLB_NONE);
	assert_false(s.flush || ctx.flush);
	/* Only an entry that was to flush did. */
	s.tag.entry_epoch = 8;
	s.flush = true;
	leave(VMEXIT_CPUID, 0, 0);
	assert_int_equal(s.tag.flushed_epoch, 7);
	assert_true(s.flush);
}

static void flush_is_recorded_when_an_event_was_interrupted(void **state)
{
	(void)state;
	s.flush = true;
	s.tag.entry_epoch = 7;
	s.busy = BUSY_FLUSHING;
	b.ctl.exit_int_info = EVENTINJ_VALID | EVENTINJ_TYPE_EXC << 8 | EXC_DE;
	leave(VMEXIT_CPUID, 0, 0);
	assert_int_equal(s.busy, 0);
	assert_int_equal(s.tag.flushed_epoch, 7);
	assert_false(s.flush);
	assert_true(v.redelivery);
}

static void interrupted(u32 info, u32 error)
{
	v.redelivery = false;
	b.ctl.exit_int_info = info;
	b.ctl.exit_int_error = error;
	leave(VMEXIT_NPF, 4, 0);
}

/* As QEMU TCG reports a fault in the delivery of a virtual interrupt. */
static void interrupted_virtual_interrupt_stays_an_interrupt(void **state)
{
	const struct vcpu_event e = { .type = EVENT_IRQ, .vector = 0x30 };

	(void)state;
	svm_facts.is_tcg = true;
	svm_inject(&v, &e);
	b.ctl.exit_int_info = EVENTINJ_VALID | EVENTINJ_TYPE_EXC << 8 | 0x30;
	leave(VMEXIT_EXCEPTION + EXC_PF, 0, 0x5000);
	assert_int_equal(v.pending.type, EVENT_IRQ);
	assert_int_equal(v.pending.vector, 0x30);
	assert_true(v.redelivery);
	assert_int_equal(b.ctl.int_ctl & INT_CTL_V_IRQ, 0);
}

static void interrupted_delivery_becomes_pending(void **state)
{
	(void)state;
	interrupted(EVENTINJ_VALID | EVENTINJ_TYPE_INTR << 8 | 0x31, 0);
	assert_int_equal(v.pending.type, EVENT_IRQ);
	assert_int_equal(v.pending.vector, 0x31);
	assert_true(v.redelivery);
	assert_true(v.requests & VREQ_EVENT);
	assert_int_equal(v.stat.reinjected, 1);
	interrupted(EVENTINJ_VALID | EVENTINJ_HAS_ERROR | EVENTINJ_TYPE_EXC << 8 | EXC_PF, 6);
	assert_int_equal(v.pending.type, EVENT_EXC);
	assert_int_equal(v.pending.vector, EXC_PF);
	assert_true(v.pending.has_error);
	assert_int_equal(v.pending.error, 6);
	interrupted(EVENTINJ_VALID | EVENTINJ_TYPE_EXC << 8 | EXC_UD, 6);
	assert_false(v.pending.has_error);
}

static void software_interrupts_are_executed_again_instead(void **state)
{
	(void)state;
	interrupted(EVENTINJ_VALID | EVENTINJ_TYPE_SOFT << 8 | 0x80, 0);
	interrupted(EVENTINJ_VALID | EVENTINJ_TYPE_EXC << 8 | EXC_BP, 0);
	interrupted(EVENTINJ_VALID | EVENTINJ_TYPE_EXC << 8 | EXC_OF, 0);
	interrupted(EVENTINJ_TYPE_INTR << 8 | 0x31, 0); /* not valid */
	assert_int_equal(v.pending.type, EVENT_NONE);
	assert_false(v.redelivery);
	assert_int_equal(v.stat.reinjected, 0);
}

static void inject(u8 type, u8 vector)
{
	struct vcpu_event e = { .type = type, .vector = vector, .has_error = true, .error = 5 };

	svm_inject(&v, &e);
}

static void injection_is_encoded_and_can_be_taken_back(void **state)
{
	(void)state;
	inject(EVENT_EXC, EXC_GP);
	assert_int_equal(b.ctl.event_inj, 0x80000b0d);
	assert_int_equal(b.ctl.event_inj_error, 5);
	svm_cancel(&v);
	assert_int_equal(b.ctl.event_inj, 0);
}

static void irq_window_is_virtual_interrupt_with_its_intercept(void **state)
{
	(void)state;
	b.ctl.clean = CLEAN_ALL;
	svm_irq_window(&v, true);
	assert_true(vmcb_intercept_get(&b, ICPT_VINTR));
	assert_int_equal(b.ctl.int_ctl, INT_CTL_V_INTR_MASKING | 0x1f0100);
	assert_int_equal(b.ctl.clean, CLEAN_ALL & ~(CLEAN_INTERCEPTS | CLEAN_INT_CTL));
	svm_irq_window(&v, false);
	assert_false(vmcb_intercept_get(&b, ICPT_VINTR));
	assert_int_equal(b.ctl.int_ctl, INT_CTL_V_INTR_MASKING);
}

static void nmi_is_masked_until_its_iret_has_been_executed(void **state)
{
	(void)state;
	assert_false(svm_nmi_masked(&v));
	inject(EVENT_NMI, EXC_NMI);
	assert_true(svm_nmi_masked(&v));
	assert_true(vmcb_intercept_get(&b, ICPT_IRET));
	assert_int_equal(leave(VMEXIT_IRET, 0, 0), EXIT_NMI_WINDOW);
	assert_false(vmcb_intercept_get(&b, ICPT_IRET));
	/* An exit in the middle of the IRET: still at it. */
	leave(VMEXIT_NPF, 4, 0);
	assert_true(svm_nmi_masked(&v));
	b.save.rip = 0x5000;
	leave(VMEXIT_CPUID, 0, 0);
	assert_false(svm_nmi_masked(&v));
}

static void waiting_nmi_steps_over_the_iret(void **state)
{
	(void)state;
	b.save.dr6 = 0xffff0ff0;
	inject(EVENT_NMI, EXC_NMI);
	leave(VMEXIT_IRET, 0, 0);
	svm_nmi_window(&v, true);
	assert_true(v.regs.rflags & RFLAGS_TF);
	/* The IRET loaded flags with the guest's own TF. */
	b.save.rip = 0x5000;
	b.save.rflags = RFLAGS_TF;
	b.save.dr6 |= BIT(14);
	assert_int_equal(leave(VMEXIT_EXCEPTION + EXC_DB, 0, 0), EXIT_NMI_WINDOW);
	assert_true(v.regs.rflags & RFLAGS_TF);
	assert_int_equal(b.save.dr6, 0xffff0ff0);
	assert_false(svm_nmi_masked(&v));
}

static void step_out_of_a_shadow_takes_its_tf_back(void **state)
{
	(void)state;
	leave(VMEXIT_CPUID, 0, 0);
	svm_nmi_window(&v, true);
	b.save.rflags = v.regs.rflags;
	b.save.rip = 0x1001;
	assert_int_equal(leave(VMEXIT_EXCEPTION + EXC_DB, 0, 0), EXIT_NMI_WINDOW);
	assert_false(v.regs.rflags & RFLAGS_TF);
}

static void step_long_after_an_nmi_takes_its_tf_back(void **state)
{
	(void)state;
	inject(EVENT_NMI, EXC_NMI);
	leave(VMEXIT_IRET, 0, 0);
	b.save.rip = 0x5000; /* the IRET is done; what follows is no part of it */
	leave(VMEXIT_NPF, 4, 0);
	svm_nmi_window(&v, true);
	assert_true(v.regs.rflags & RFLAGS_TF);
	b.save.rflags = v.regs.rflags;
	b.save.rip = 0x5001;
	assert_int_equal(leave(VMEXIT_EXCEPTION + EXC_DB, 0, 0), EXIT_NMI_WINDOW);
	assert_false(v.regs.rflags & RFLAGS_TF);
}

static void breakpoint_hit_while_stepping_is_the_guests_too(void **state)
{
	(void)state;
	svm_nmi_window(&v, true);
	b.save.dr6 = BIT(14) | 1;
	assert_int_equal(leave(VMEXIT_EXCEPTION + EXC_DB, 0, 0), EXIT_EXCEPTION);
	assert_int_equal(b.save.dr6, 1);
}

static void a_guest_that_steps_itself_is_left_alone(void **state)
{
	(void)state;
	v.regs.rflags = RFLAGS_TF;
	svm_nmi_window(&v, true);
	assert_false(s.busy);
	svm_nmi_window(&v, false);
	assert_true(v.regs.rflags & RFLAGS_TF);
}

static void no_exception_frame_gets_the_tf_of_a_step(void **state)
{
	const u32 usual = BIT32(EXC_DB) | BIT32(EXC_AC);

	(void)state;
	b.ctl.exceptions = usual;
	s.shadow = true;
	s.shadow_rip = v.regs.rip = 0x1000;
	b.ctl.clean = CLEAN_ALL;
	svm_irq_window(&v, true);
	assert_true(v.regs.rflags & RFLAGS_TF);
	assert_true(b.ctl.exceptions & BIT32(EXC_PF));
	assert_true(b.ctl.exceptions & BIT32(EXC_GP));
	/* Their RIP would be that of INT3 and INTO, not behind. */
	assert_false(b.ctl.exceptions & (BIT32(EXC_BP) | BIT32(EXC_OF)));
	assert_false(b.ctl.clean & CLEAN_INTERCEPTS);
	b.save.rflags = v.regs.rflags;
	assert_int_equal(leave(VMEXIT_EXCEPTION + EXC_PF, 2, 0x7000), EXIT_EXCEPTION);
	assert_int_equal(v.exit.exc.error, 2);
	assert_int_equal(v.exit.exc.cr2, 0x7000);
	assert_false(v.regs.rflags & RFLAGS_TF);
	assert_int_equal(b.ctl.exceptions, usual);
}

static void any_exit_ends_the_step_and_asks_for_a_new_one(void **state)
{
	(void)state;
	svm_nmi_window(&v, true);
	b.save.rflags = v.regs.rflags;
	assert_int_equal(leave(VMEXIT_HLT, 0, 0), EXIT_HLT);
	assert_false(v.regs.rflags & RFLAGS_TF);
	assert_false(s.busy);
	assert_true(v.requests & VREQ_EVENT);
}

static void shadow_that_the_cpu_forgets_is_kept(void **state)
{
	(void)state;
	b.ctl.int_shadow = INT_SHADOW;
	leave(VMEXIT_INTR, 0, 0);
	b.ctl.int_shadow = 0;
	leave(VMEXIT_INTR, 0, 0);
	assert_false(svm_irq_shadow(&v)); /* this CPU kept it */
	svm_facts.is_tcg = true;
	b.ctl.int_shadow = INT_SHADOW;
	leave(VMEXIT_INTR, 0, 0);
	b.ctl.int_shadow = 0;
	leave(VMEXIT_INTR, 0, 0);
	assert_true(svm_irq_shadow(&v));
	/* The window comes behind the shadowed instruction. */
	svm_irq_window(&v, true);
	assert_false(vmcb_intercept_get(&b, ICPT_VINTR));
	assert_true(v.regs.rflags & RFLAGS_TF);
	b.save.rip = 0x1001;
	assert_int_equal(leave(VMEXIT_EXCEPTION + EXC_DB, 0, 0), EXIT_NMI_WINDOW);
	assert_false(svm_irq_shadow(&v));
}

static void shadow_ends_with_the_emulated_instruction(void **state)
{
	(void)state;
	svm_facts.is_tcg = true;
	b.ctl.int_shadow = INT_SHADOW;
	leave(VMEXIT_INTR, 0, 0);
	svm_set_irq_shadow(&v, false);
	assert_false(svm_irq_shadow(&v));
}

static void window_behind_an_event_is_a_physical_interrupt(void **state)
{
	(void)state;
	inject(EVENT_EXC, EXC_PF);
	svm_nmi_window(&v, true);
	assert_false(v.regs.rflags & RFLAGS_TF);
	assert_int_equal(ipis, 1);
	assert_true(v.requests & VREQ_EVENT);
}

static void exit_with_if_is_as_good_as_the_interrupt_window(void **state)
{
	(void)state;
	svm_irq_window(&v, true);
	assert_true(vmcb_intercept_get(&b, ICPT_VINTR));
	leave(VMEXIT_INTR, 0, 0);
	assert_false(v.requests & VREQ_EVENT);
	b.save.rflags = RFLAGS_IF;
	leave(VMEXIT_INTR, 0, 0);
	assert_true(v.requests & VREQ_EVENT);
	svm_irq_window(&v, false);
	v.requests = 0;
	leave(VMEXIT_INTR, 0, 0);
	assert_false(v.requests & VREQ_EVENT);
}

static void interrupted_nmi_delivery_unmasks(void **state)
{
	(void)state;
	inject(EVENT_NMI, EXC_NMI);
	interrupted(EVENTINJ_VALID | EVENTINJ_TYPE_NMI << 8 | 2, 0);
	assert_int_equal(v.pending.type, EVENT_NMI);
	assert_false(svm_nmi_masked(&v));
	inject(EVENT_NMI, EXC_NMI);
	svm_cancel(&v);
	assert_false(svm_nmi_masked(&v));
	assert_false(vmcb_intercept_get(&b, ICPT_IRET));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(registers_come_back, setup),
		cmocka_unit_test_setup(reserved_cr_bit_is_the_guests_fault_on_tcg, setup),
		cmocka_unit_test_setup(plain_exits, setup),
		cmocka_unit_test_setup(exit_with_if_is_as_good_as_the_interrupt_window, setup),
		cmocka_unit_test_setup(msr_direction_is_in_exitinfo1, setup),
		cmocka_unit_test_setup(task_switch, setup),
		cmocka_unit_test_setup(port_access, setup),
		cmocka_unit_test_setup(nested_fault, setup),
		cmocka_unit_test_setup(invlpg_has_its_address_only_with_decode_assists, setup),
		cmocka_unit_test_setup(instruction_length_only_from_a_saved_next_rip, setup),
		cmocka_unit_test_setup(control_register_access, setup),
		cmocka_unit_test_setup(every_mov_cr_is_told_with_decode_assists, setup),
		cmocka_unit_test_setup(debug_register_access_gives_them_to_the_guest, setup),
		cmocka_unit_test_setup(intercepted_exception, setup),
		cmocka_unit_test_setup(flush_is_recorded_unless_the_entry_failed, setup),
		cmocka_unit_test_setup(flush_is_recorded_when_an_event_was_interrupted, setup),
		cmocka_unit_test_setup(interrupted_virtual_interrupt_stays_an_interrupt, setup),
		cmocka_unit_test_setup(interrupted_delivery_becomes_pending, setup),
		cmocka_unit_test_setup(software_interrupts_are_executed_again_instead, setup),
		cmocka_unit_test_setup(injection_is_encoded_and_can_be_taken_back, setup),
		cmocka_unit_test_setup(irq_window_is_virtual_interrupt_with_its_intercept, setup),
		cmocka_unit_test_setup(nmi_is_masked_until_its_iret_has_been_executed, setup),
		cmocka_unit_test_setup(waiting_nmi_steps_over_the_iret, setup),
		cmocka_unit_test_setup(step_out_of_a_shadow_takes_its_tf_back, setup),
		cmocka_unit_test_setup(step_long_after_an_nmi_takes_its_tf_back, setup),
		cmocka_unit_test_setup(breakpoint_hit_while_stepping_is_the_guests_too, setup),
		cmocka_unit_test_setup(a_guest_that_steps_itself_is_left_alone, setup),
		cmocka_unit_test_setup(no_exception_frame_gets_the_tf_of_a_step, setup),
		cmocka_unit_test_setup(any_exit_ends_the_step_and_asks_for_a_new_one, setup),
		cmocka_unit_test_setup(shadow_that_the_cpu_forgets_is_kept, setup),
		cmocka_unit_test_setup(shadow_ends_with_the_emulated_instruction, setup),
		cmocka_unit_test_setup(window_behind_an_event_is_a_physical_interrupt, setup),
		cmocka_unit_test_setup(interrupted_nmi_delivery_unmasks, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
