/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vmx/exit.c vmx/inject.c */
/* SOURCES: tests/host/fake/vmcs.c tests/host/fake/clock.c tests/host/fake/cpu.c tests/host/fake/bug.c */
/*
 * What the VMCS says after an exit becomes vcpu_exit; an event whose delivery was interrupted
 * becomes pending; the blocking of NMIs that an IRET had ended comes back when it faults.
 */
#include "arch/regs.h"
#include "arch/trap.h"
#include "tests/host/fake/cpu.h"
#include "vm/real_mode.h"
#include "vmx/backend.h"
#include "vmx/insn.h"

#include "tests/host/test.h"

struct vmx_facts vmx_facts;

static struct vmx_vcpu s;
static struct vcpu v;
static u32 dr_given;
static bool mended; /* a segment that Bochs left unfit */
static u32 drained;

void vmx_pml_drain(const struct vmx_vcpu *mine)
{
	assert_ptr_equal(mine, &s);
	drained++;
}

void vmx_dr_own(struct vcpu *vcpu)
{
	assert_ptr_equal(vcpu, &v);
	dr_given++;
}

u64 vmx_get_dr6(const struct vcpu *vcpu)
{
	return vmx_of(vcpu)->dr6;
}

void vmx_set_dr6(struct vcpu *vcpu, u64 val)
{
	vmx_of(vcpu)->dr6 = val;
}

bool vmx_mend_segments(struct vcpu *vcpu)
{
	(void)vcpu;
	return mended;
}

bool cpu_needs_nmi;

static u32 dispatched; /* vectors */
static u8 last_vector;

void trap_irq(u8 vector)
{
	assert_int_equal(s.tag.in_guest, 0);
	dispatched++;
	last_vector = vector;
}

static u32 timers;

void vmx_start_timer(void)
{
	timers++;
}

static u32 unmended;

void vmx_unmend_ss(struct vcpu *vcpu)
{
	(void)vcpu;
	unmended++;
}

void vmx_proc_set(struct vmx_vcpu *vcpu, u32 bits, bool on)
{
	vcpu->proc_ctl = on ? vcpu->proc_ctl | bits : vcpu->proc_ctl & ~bits;
}

static u32 delivered; /* in real mode: the vector + 1 */

void real_mode_deliver(struct vcpu *vcpu, u8 vector, u64 rip)
{
	assert_int_equal(rip, vcpu->regs.rip);
	delivered = vector + 1U;
}

static int setup(void **state)
{
	(void)state;
	memset(fake_vmcs, 0, sizeof(fake_vmcs));
	memset(&s, 0, sizeof(s));
	memset(&v, 0, sizeof(v));
	v.backend = &s;
	fake_vmcs[VMCS_GUEST_RIP] = 0x1000;
	fake_vmcs[VMCS_GUEST_CR0] = CR0_PE;
	fake_vmcs[VMCS_EXIT_INSN_LEN] = 3;
	dr_given = fake_nmis = fake_mcs = delivered = dispatched = 0;
	mended = false;
	return 0;
}

static enum exit_reason leave(u32 reason, u64 qual)
{
	fake_vmcs[VMCS_EXIT_REASON] = reason;
	fake_vmcs[VMCS_QUALIFICATION] = qual;
	fake_vmcs[VMCS_ENTRY_EVENT] &= ~(u64)EVENTINJ_VALID; /* as an exit does */
	s.tag.in_guest = 1;
	vmx_exited(&v);
	assert_int_equal(s.tag.in_guest, 0);
	assert_int_equal(v.exit.code, reason);
	return (enum exit_reason)v.exit.reason;
}

static void registers_come_back(void **state)
{
	(void)state;
	fake_vmcs[VMCS_GUEST_RSP] = 2;
	fake_vmcs[VMCS_GUEST_RFLAGS] = 3;
	assert_int_equal(leave(VMEXIT_CPUID, 0), EXIT_CPUID);
	assert_int_equal(v.regs.gpr[R_SP], 2);
	assert_int_equal(v.regs.rflags, 3);
	assert_int_equal(v.regs.rip, 0x1000);
	assert_int_equal(v.exit.insn_len, 3);
	/* The copies tell what the next entry need not write. */
	assert_int_equal(s.rsp, 2);
	assert_int_equal(s.rip, 0x1000);
	assert_int_equal(s.rflags, 3);
	assert_true(s.launched);
}

static void instructions_say_all_by_their_reason(void **state)
{
	static const struct {
		u32 code;
		enum exit_reason reason;
	} plain[] = {
		{ VMEXIT_CPUID, EXIT_CPUID },         { VMEXIT_HLT, EXIT_HLT },
		{ VMEXIT_INVD, EXIT_INVD },           { VMEXIT_RDPMC, EXIT_RDPMC },
		{ VMEXIT_VMCALL, EXIT_HYPERCALL },    { VMEXIT_RDMSR, EXIT_RDMSR },
		{ VMEXIT_WRMSR, EXIT_WRMSR },         { VMEXIT_MWAIT, EXIT_MWAIT },
		{ VMEXIT_MONITOR, EXIT_MONITOR },     { VMEXIT_PAUSE, EXIT_PAUSE },
		{ VMEXIT_WBINVD, EXIT_WBINVD },       { VMEXIT_XSETBV, EXIT_XSETBV },
		{ VMEXIT_INVPCID, EXIT_INVPCID },     { VMEXIT_GETSEC, EXIT_VIRT_INSN },
		{ VMEXIT_VMCLEAR, EXIT_VIRT_INSN },   { VMEXIT_VMXON, EXIT_VIRT_INSN },
		{ VMEXIT_VMFUNC, EXIT_VIRT_INSN },    { VMEXIT_INVEPT, EXIT_VIRT_INSN },
		{ VMEXIT_INVVPID, EXIT_VIRT_INSN },   { VMEXIT_ENCLS, EXIT_VIRT_INSN },
		{ VMEXIT_SEAMCALL, EXIT_VIRT_INSN },  { VMEXIT_TDCALL, EXIT_VIRT_INSN },
		{ VMEXIT_RDMSR_IMM, EXIT_VIRT_INSN }, { VMEXIT_WRMSR_IMM, EXIT_VIRT_INSN },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(plain); i++) {
		assert_int_equal(leave(plain[i].code, 0), plain[i].reason);
		assert_int_equal(v.exit.insn_len, 3);
	}
}

static void events_have_no_instruction(void **state)
{
	static const struct {
		u32 code;
		enum exit_reason reason;
	} events[] = {
		{ VMEXIT_INTR, EXIT_IRQ },
		{ VMEXIT_PREEMPTION_TIMER, EXIT_IRQ },
		{ VMEXIT_INTR_WINDOW, EXIT_IRQ_WINDOW },
		{ VMEXIT_NMI_WINDOW, EXIT_NMI_WINDOW },
		{ VMEXIT_TRIPLE, EXIT_TRIPLE },
		{ VMEXIT_INIT, EXIT_INIT },
		{ VMEXIT_SMI, EXIT_SMI },
		{ VMEXIT_IO_SMI, EXIT_SMI },
		{ 35, EXIT_UNKNOWN },
		{ VMEXIT_MONITOR_TRAP, EXIT_UNKNOWN },
		{ 0x3ff, EXIT_UNKNOWN },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(events); i++) {
		assert_int_equal(leave(events[i].code, 0), events[i].reason);
		assert_int_equal(v.exit.insn_len, 0);
	}
}

static void entry_that_failed_is_no_exit(void **state)
{
	(void)state;
	assert_int_equal(leave(EXIT_REASON_FAILED | VMEXIT_BAD_GUEST, 0), EXIT_FAIL);
	assert_int_equal(leave(EXIT_REASON_FAILED | VMEXIT_BAD_MSR_LOAD, 1), EXIT_FAIL);
	/* The number is that of CPUID. */
	assert_int_equal(leave(EXIT_REASON_FAILED | VMEXIT_CPUID, 0), EXIT_FAIL);
	/* VMLAUNCH itself. */
	fake_vmcs[VMCS_INSN_ERROR] = 7;
	s.tag.in_guest = 1;
	assert_int_equal(vmx_refused(&v), EXIT_FAIL);
	assert_int_equal(v.exit.reason, EXIT_FAIL);
	assert_int_equal(v.exit.code, EXIT_REASON_FAILED | 7);
	assert_int_equal(s.tag.in_guest, 0);
}

static void entry_that_was_mended_is_tried_again(void **state)
{
	(void)state;
	mended = true;
	fake_vmcs[VMCS_ENTRY_EVENT] = 0x80000b0d;
	fake_vmcs[VMCS_ENTRY_EVENT_ERROR] = 0x18;
	fake_vmcs[VMCS_EXIT_REASON] = EXIT_REASON_FAILED | VMEXIT_BAD_GUEST;
	assert_int_equal(vmx_exited(&v), EXIT_IRQ);
	/* What was to be delivered waits. */
	assert_int_equal(v.pending.vector, EXC_GP);
	assert_int_equal(v.pending.error, 0x18);
	assert_false(fake_vmcs[VMCS_ENTRY_EVENT] & EVENTINJ_VALID);
	/* Other failures are not of the guest's state. */
	assert_int_equal(leave(EXIT_REASON_FAILED | VMEXIT_BAD_MSR_LOAD, 1), EXIT_FAIL);
}

static void port_access(void **state)
{
	(void)state;
	assert_int_equal(leave(VMEXIT_IO, 0x03f80008), EXIT_PIO);
	assert_int_equal(v.exit.pio.port, 0x3f8);
	assert_int_equal(v.exit.pio.size, 1);
	assert_true(v.exit.pio.in);
	assert_false(v.exit.pio.string);
	assert_int_equal(v.exit.insn_len, 3);
	leave(VMEXIT_IO, 0xffff0013);
	assert_int_equal(v.exit.pio.port, 0xffff);
	assert_int_equal(v.exit.pio.size, 4);
	assert_false(v.exit.pio.in);
	assert_true(v.exit.pio.string);
	leave(VMEXIT_IO, 0x00600001);
	assert_int_equal(v.exit.pio.size, 2);
}

static void ept_violation(void **state)
{
	gva_t gva;

	(void)state;
	fake_vmcs[VMCS_GPA] = 0xfee00300;
	assert_int_equal(leave(VMEXIT_EPT_VIOLATION, 0x181), EXIT_NPF);
	assert_int_equal(v.exit.npf.gpa.v, 0xfee00300);
	assert_int_equal(v.exit.npf.access, MMU_R);
	assert_false(v.exit.npf.present || v.exit.npf.table_walk);
	assert_int_equal(v.exit.insn_len, 0);
	/* The page can be read; a write while the guest's tables were walked: a dirty bit. */
	leave(VMEXIT_EPT_VIOLATION, 0x8b);
	assert_int_equal(v.exit.npf.access, MMU_W);
	assert_true(v.exit.npf.present && v.exit.npf.table_walk);
	assert_int_equal(v.exit.npf.hw_error, 0x8b);
	leave(VMEXIT_EPT_VIOLATION, 0x184);
	assert_int_equal(v.exit.npf.access, MMU_X);
	fake_vmcs[VMCS_GVA] = 0xffff800000001000;
	assert_true(vmx_fault_gva(&v, &gva));
	assert_int_equal(gva.v, 0xffff800000001000);
	/* Without a linear address it is no walk: PDPTEs, which the CPU loads by itself. */
	leave(VMEXIT_EPT_VIOLATION, 0x1);
	assert_false(v.exit.npf.table_walk);
	assert_false(vmx_fault_gva(&v, &gva));
}

static void ept_misconfiguration_is_a_device(void **state)
{
	(void)state;
	leave(VMEXIT_EPT_VIOLATION, 0x8b);
	fake_vmcs[VMCS_GPA] = 0xfec00010;
	assert_int_equal(leave(VMEXIT_EPT_MISCONFIG, 0), EXIT_NPF);
	assert_int_equal(v.exit.npf.gpa.v, 0xfec00010);
	assert_true(v.exit.npf.present);
	assert_false(v.exit.npf.table_walk);
	assert_int_equal(v.exit.insn_len, 0);
}

static void control_register_access(void **state)
{
	(void)state;
	assert_int_equal(leave(VMEXIT_CR, 0x900 | 8), EXIT_CR); /* MOV CR8, R9 */
	assert_int_equal(v.exit.cr.nr, 8);
	assert_true(v.exit.cr.write);
	assert_int_equal(v.exit.cr.gpr, 9);
	assert_int_equal(v.exit.insn_len, 3);
	leave(VMEXIT_CR, 0xf10 | 3); /* MOV R15, CR3 */
	assert_int_equal(v.exit.cr.nr, 3);
	assert_false(v.exit.cr.write);
	assert_int_equal(v.exit.cr.gpr, 15);
	leave(VMEXIT_CR, 0x20); /* CLTS */
	assert_true(v.exit.cr.write);
	assert_int_equal(v.exit.cr.nr, 0);
	assert_int_equal(v.exit.cr.gpr, 0xff);
	leave(VMEXIT_CR, 0x00010730); /* LMSW */
	assert_true(v.exit.cr.write);
	assert_int_equal(v.exit.cr.gpr, 0xff);
}

static void debug_register_access_gives_them_to_the_guest(void **state)
{
	(void)state;
	assert_int_equal(leave(VMEXIT_MOV_DR, 7), EXIT_DR);
	assert_int_equal(dr_given, 1);
}

static enum exit_reason exception(u32 info, u32 error, u64 qual)
{
	fake_vmcs[VMCS_EXIT_EVENT] = EVENTINJ_VALID | info;
	fake_vmcs[VMCS_EXIT_EVENT_ERROR] = error;
	return leave(VMEXIT_EXCEPTION, qual);
}

static void intercepted_exception(void **state)
{
	(void)state;
	assert_int_equal(exception(0xb00 | EXC_AC, 0, 0), EXIT_EXCEPTION);
	assert_int_equal(v.exit.exc.vector, EXC_AC);
	assert_int_equal(exception(0xb00 | EXC_PF, 6, 0x7000), EXIT_EXCEPTION);
	assert_int_equal(v.exit.exc.vector, EXC_PF);
	assert_int_equal(v.exit.exc.error, 6);
	assert_int_equal(v.exit.exc.cr2, 0x7000);
	assert_int_equal(v.exit.insn_len, 0);
}

static void nmi_goes_to_the_hypervisors_handler(void **state)
{
	(void)state;
	assert_int_equal(exception(0x200 | EXC_NMI, 0, 0), EXIT_NMI);
	assert_int_equal(fake_nmis, 1);
	/* It came with an interrupt, which waits. */
	cpu_needs_nmi = true;
	assert_int_equal(exception(0x200 | EXC_NMI, 0, 0), EXIT_IRQ);
	cpu_needs_nmi = false;
}

/* Nobody else knows of it: the local APIC has it in service, and would give no other. */
static void acknowledged_interrupt_is_handled_at_once(void **state)
{
	(void)state;
	fake_vmcs[VMCS_EXIT_EVENT] = EVENTINJ_VALID | 0xf0;
	assert_int_equal(leave(VMEXIT_INTR, 0), EXIT_IRQ);
	assert_int_equal(dispatched, 1);
	assert_int_equal(last_vector, 0xf0);
	assert_int_equal(v.exit.insn_len, 0);
	/* Also one that ended the delivery of an event, which waits. */
	fake_vmcs[VMCS_EXIT_EVENT] = EVENTINJ_VALID | 0x31;
	fake_vmcs[VMCS_VECTORING] = EVENTINJ_VALID | 0x42;
	assert_int_equal(leave(VMEXIT_INTR, 0), EXIT_IRQ);
	assert_int_equal(dispatched, 2);
	assert_int_equal(last_vector, 0x31);
	assert_int_equal(v.pending.vector, 0x42);
}

/* On a CPU that cannot acknowledge, and for what other exits leave in the field. */
static void interrupt_that_was_not_acknowledged_waits_for_the_window(void **state)
{
	(void)state;
	fake_vmcs[VMCS_EXIT_EVENT] = 0xf0;
	assert_int_equal(leave(VMEXIT_INTR, 0), EXIT_IRQ);
	fake_vmcs[VMCS_EXIT_EVENT] = EVENTINJ_VALID | 0xf0;
	assert_int_equal(leave(VMEXIT_PREEMPTION_TIMER, 0), EXIT_IRQ);
	assert_int_equal(leave(VMEXIT_INTR_WINDOW, 0), EXIT_IRQ_WINDOW);
	assert_int_equal(leave(EXIT_REASON_FAILED | VMEXIT_BAD_GUEST, 0), EXIT_FAIL);
	assert_int_equal(dispatched, 0);
}

static void machine_check_goes_to_the_hypervisors_handler(void **state)
{
	(void)state;
	assert_int_equal(exception(0x300 | EXC_MC, 0, 0), EXIT_NMI);
	assert_int_equal(fake_mcs, 1);
	/* Also one that hits the entry itself. */
	assert_int_equal(leave(EXIT_REASON_FAILED | VMEXIT_MACHINE_CHECK, 0), EXIT_FAIL);
	assert_int_equal(fake_mcs, 2);
	leave(EXIT_REASON_FAILED | VMEXIT_BAD_MSR_LOAD, 1);
	assert_int_equal(fake_mcs, 2);
}

/* The exit comes before DR6 changes, so what the delivery would do is done here. */
static void debug_exception_updates_dr6(void **state)
{
	(void)state;
	s.dr6 = 0xffff0ff0 | 2 | DR6_BT;
	assert_int_equal(exception(0x300 | EXC_DB, 0, DR6_BS | DR6_BD | 1), EXIT_EXCEPTION);
	assert_int_equal(v.exit.exc.vector, EXC_DB);
	/* B0 .. B3 are those of this one, the others stay set. */
	assert_int_equal(s.dr6, 0xffff0ff0 | 1 | DR6_BS | DR6_BD | DR6_BT);
}

static void faulting_iret_blocks_nmis_again(void **state)
{
	(void)state;
	exception(0xb00 | EXC_AC, 0, 0);
	assert_false(vmx_nmi_masked(&v));
	exception(0xb00 | EXC_AC | EXIT_EVENT_UNBLOCK, 0, 0);
	assert_true(vmx_nmi_masked(&v));
	vmx_mask_nmi(&v, false);
	leave(VMEXIT_EPT_VIOLATION, 0x81 | QUAL_EPT_UNBLOCK);
	assert_true(vmx_nmi_masked(&v));
	/* In the delivery of an event it was not the IRET that faulted. */
	vmx_mask_nmi(&v, false);
	fake_vmcs[VMCS_VECTORING] = EVENTINJ_VALID | 0x30;
	leave(VMEXIT_EPT_VIOLATION, 0x81 | QUAL_EPT_UNBLOCK);
	assert_false(vmx_nmi_masked(&v));
	fake_vmcs[VMCS_VECTORING] = 0;
	leave(VMEXIT_PML_FULL, QUAL_EPT_UNBLOCK);
	assert_true(vmx_nmi_masked(&v));
	vmx_mask_nmi(&v, false);
	/* The bit is undefined for a double fault. */
	fake_vmcs[VMCS_VECTORING] = 0;
	exception(0xb00 | EXC_DF | EXIT_EVENT_UNBLOCK, 0, 0);
	assert_false(vmx_nmi_masked(&v));
}

static void full_log_is_drained_and_the_guest_goes_on(void **state)
{
	(void)state;
	drained = 0;
	assert_int_equal(leave(VMEXIT_PML_FULL, 0), EXIT_IRQ);
	assert_int_equal(drained, 1);
	assert_false(vmx_nmi_masked(&v));
}

static void task_switch(void **state)
{
	static const struct {
		u64 qual;
		u8 source;
	} rules[] = {
		{ 0x48, TASK_CALL },
		{ 0x40000048, TASK_IRET },
		{ 0x80000048, TASK_JMP },
		{ 0xc0000048, TASK_GATE },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rules); i++) {
		assert_int_equal(leave(VMEXIT_TASK_SWITCH, rules[i].qual), EXIT_TASK_SWITCH);
		assert_int_equal(v.exit.task.source, rules[i].source);
		assert_int_equal(v.exit.task.selector, 0x48);
		assert_false(v.exit.task.has_error);
	}
	fake_vmcs[VMCS_VECTORING] = 0x80000030; /* an interrupt has none */
	leave(VMEXIT_TASK_SWITCH, 0xc0000048);
	assert_false(v.exit.task.has_error);
	fake_vmcs[VMCS_VECTORING] = 0xb0d; /* of an event before */
	leave(VMEXIT_TASK_SWITCH, 0xc0000048);
	assert_false(v.exit.task.has_error);
	v.redelivery = false;
	fake_vmcs[VMCS_VECTORING] = 0x80000b0d;
	fake_vmcs[VMCS_VECTORING_ERROR] = 0x1234;
	leave(VMEXIT_TASK_SWITCH, 0xc0000048);
	assert_true(v.exit.task.has_error);
	assert_int_equal(v.exit.task.error, 0x1234);
	assert_int_equal(v.pending.vector, EXC_GP);
}

static void interrupt_shadow_is_told(void **state)
{
	(void)state;
	leave(VMEXIT_INTR, 0);
	assert_int_equal(v.exit.irq_shadow, 0);
	fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY] = BLOCKED_BY_STI;
	leave(VMEXIT_INTR, 0);
	assert_int_equal(v.exit.irq_shadow, 1);
	fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY] = BLOCKED_BY_MOV_SS;
	leave(VMEXIT_INTR, 0);
	assert_int_equal(v.exit.irq_shadow, 1);
	assert_true(vmx_irq_shadow(&v));
	/* The instruction in it was emulated, and the trap that waited for its end is its own. */
	fake_vmcs[VMCS_GUEST_PENDING_DB] = PENDING_DB_BS;
	vmx_set_irq_shadow(&v, false);
	assert_false(vmx_irq_shadow(&v));
	assert_int_equal(fake_vmcs[VMCS_GUEST_PENDING_DB], 0);
	fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY] = BLOCKED_BY_NMI;
	leave(VMEXIT_INTR, 0);
	assert_int_equal(v.exit.irq_shadow, 0);
}

/* Hardware is in virtual-8086 mode then, and would use the IDT. */
static void events_in_real_mode_are_delivered_by_software(void **state)
{
	struct vcpu_event e = { .type = EVENT_EXC, .vector = EXC_GP, .has_error = true };

	(void)state;
	s.real = true;
	fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY] = BLOCKED_BY_STI;
	vmx_inject(&v, &e);
	assert_int_equal(delivered, EXC_GP + 1);
	assert_int_equal(fake_vmcs[VMCS_ENTRY_EVENT], 0);
	assert_int_equal(fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY], 0);
	e = (struct vcpu_event){ .type = EVENT_NMI, .vector = EXC_NMI };
	vmx_inject(&v, &e);
	assert_int_equal(delivered, EXC_NMI + 1);
	assert_true(vmx_nmi_masked(&v));
	/* VM-entry takes a shadow of STI only with IF; MOV SS has one without. */
	vmx_set_irq_shadow(&v, true);
	assert_true(vmx_irq_shadow(&v));
	assert_false(fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY] & BLOCKED_BY_STI);
	vmx_set_irq_shadow(&v, false);
	v.regs.rflags |= RFLAGS_IF;
	vmx_set_irq_shadow(&v, true);
	assert_true(fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY] & BLOCKED_BY_STI);
}

static void interrupted(u32 info, u32 error)
{
	v.redelivery = false;
	fake_vmcs[VMCS_VECTORING] = info;
	fake_vmcs[VMCS_VECTORING_ERROR] = error;
	leave(VMEXIT_EPT_VIOLATION, 0x181);
}

static void interrupted_delivery_becomes_pending(void **state)
{
	(void)state;
	interrupted(0x80000031, 0);
	assert_int_equal(v.pending.type, EVENT_IRQ);
	assert_int_equal(v.pending.vector, 0x31);
	assert_true(v.redelivery);
	assert_true(v.requests & VREQ_EVENT);
	assert_int_equal(v.stat.reinjected, 1);
	interrupted(0x80000b0e, 6);
	assert_int_equal(v.pending.type, EVENT_EXC);
	assert_int_equal(v.pending.vector, EXC_PF);
	assert_true(v.pending.has_error);
	assert_int_equal(v.pending.error, 6);
	interrupted(0x80000306, 6);
	assert_int_equal(v.pending.vector, EXC_UD);
	assert_false(v.pending.has_error);
}

/* An exit saves what is left of it: nothing, after this one. */
static void timer_starts_anew_when_it_has_ended(void **state)
{
	(void)state;
	timers = 0;
	leave(VMEXIT_CPUID, 0);
	leave(VMEXIT_INTR, 0);
	assert_int_equal(timers, 0);
	leave(VMEXIT_PREEMPTION_TIMER, 0);
	assert_int_equal(timers, 1);
}

static void interrupted_delivery_gives_ss_its_selector_back(void **state)
{
	(void)state;
	unmended = 0;
	fake_vmcs[VMCS_VECTORING] = EVENTINJ_VALID | EVENTINJ_TYPE_EXC << 8 | EXC_TS;
	leave(VMEXIT_TASK_SWITCH, 0);
	assert_int_equal(unmended, 1);
	fake_vmcs[VMCS_VECTORING] = 0;
	leave(VMEXIT_CPUID, 0);
	assert_int_equal(unmended, 1);
}

static void software_interrupts_are_executed_again_instead(void **state)
{
	(void)state;
	interrupted(0x80000480, 0);
	interrupted(0x80000501, 0);
	interrupted(0x80000603, 0);
	interrupted(0x80000604, 0);
	interrupted(0x31, 0); /* not valid */
	assert_int_equal(v.pending.type, EVENT_NONE);
	assert_false(v.redelivery);
	assert_int_equal(v.stat.reinjected, 0);
}

static void event_that_is_pending_already_stays(void **state)
{
	(void)state;
	interrupted(0x80000031, 0);
	fake_vmcs[VMCS_VECTORING] = 0x80000042;
	leave(VMEXIT_INTR, 0);
	assert_int_equal(v.pending.vector, 0x31);
	assert_int_equal(v.stat.reinjected, 1);
}

static void interrupted_nmi_delivery_unmasks(void **state)
{
	(void)state;
	vmx_mask_nmi(&v, true); /* as an injection that began does */
	interrupted(0x80000202, 0);
	assert_int_equal(v.pending.type, EVENT_NMI);
	assert_false(vmx_nmi_masked(&v));
}

static void inject(u8 type, u8 vector, bool has_error)
{
	struct vcpu_event e = {
		.type = type, .vector = vector, .has_error = has_error, .error = 5
	};

	vmx_inject(&v, &e);
}

/* Without preemption timer Bochs keeps interrupts from a guest that was entered with IF = 0. */
static void interrupts_are_taken_at_exits_of_a_guest_that_holds_them_up(void **state)
{
	const u32 vectoring[] = { 0, EVENTINJ_VALID | 0x30 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(vectoring); i++) {
		fake_vmcs[VMCS_VECTORING] = vectoring[i];
		fake_vmcs[VMCS_GUEST_RFLAGS] = RFLAGS_ONE;
		fake_irq_polls = v.requests = 0;
		v.redelivery = true;
		assert_int_equal(leave(VMEXIT_IO, 0), EXIT_PIO);
		assert_int_equal(fake_irq_polls, 0);
		vmx_polls = EVENTINJ_VALID;
		assert_int_equal(leave(VMEXIT_IO, 0), EXIT_PIO);
		assert_int_equal(fake_irq_polls, 1);
		assert_true(v.requests & VREQ_RESCHED);
		fake_vmcs[VMCS_GUEST_RFLAGS] |= RFLAGS_IF;
		assert_int_equal(leave(VMEXIT_IO, 0), EXIT_PIO);
		assert_int_equal(fake_irq_polls, 1);
		vmx_polls = 0;
	}
}

static void injection_is_encoded_and_can_be_taken_back(void **state)
{
	(void)state;
	inject(EVENT_EXC, EXC_GP, true);
	assert_int_equal(fake_vmcs[VMCS_ENTRY_EVENT], 0x80000b0d);
	assert_int_equal(fake_vmcs[VMCS_ENTRY_EVENT_ERROR], 5);
	vmx_cancel(&v);
	assert_false(fake_vmcs[VMCS_ENTRY_EVENT] & EVENTINJ_VALID);
	inject(EVENT_IRQ, 0x31, false);
	assert_int_equal(fake_vmcs[VMCS_ENTRY_EVENT], 0x80000031);
	inject(EVENT_NMI, EXC_NMI, false);
	assert_int_equal(fake_vmcs[VMCS_ENTRY_EVENT], 0x80000202);
	inject(EVENT_EXC, EXC_UD, false);
	assert_int_equal(fake_vmcs[VMCS_ENTRY_EVENT], 0x80000306);
}

/* VM-entry refuses an error code without CR0.PE. */
static void real_mode_pushes_no_error_code(void **state)
{
	(void)state;
	fake_vmcs[VMCS_GUEST_CR0] = 0;
	inject(EVENT_EXC, EXC_GP, true);
	assert_int_equal(fake_vmcs[VMCS_ENTRY_EVENT], 0x8000030d);
}

/* VM-entry refuses an interrupt, or an NMI, in the shadow of STI or MOV SS. */
static void injection_ends_the_interrupt_shadow(void **state)
{
	(void)state;
	fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY] = BLOCKED_BY_MOV_SS | BLOCKED_BY_NMI;
	inject(EVENT_EXC, EXC_PF, true);
	assert_int_equal(fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY], BLOCKED_BY_NMI);
}

static void windows_are_controls(void **state)
{
	(void)state;
	vmx_irq_window(&v, true);
	assert_int_equal(s.proc_ctl, PROC_INTR_WINDOW);
	vmx_nmi_window(&v, true);
	vmx_irq_window(&v, false);
	assert_int_equal(s.proc_ctl, PROC_NMI_WINDOW);
	/* The exit for it closes it, and leaves no shadow that would hold up the NMI. */
	fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY] = BLOCKED_BY_STI;
	leave(VMEXIT_NMI_WINDOW, 0);
	assert_int_equal(s.proc_ctl, 0);
	assert_int_equal(fake_vmcs[VMCS_GUEST_INTERRUPTIBILITY], 0);
}

/* Injected as a hardware exception it would come again and again. */
static void int1_is_behind_its_instruction(void **state)
{
	(void)state;
	fake_vmcs[VMCS_EXIT_EVENT] = EVENTINJ_VALID | EVENTINJ_TYPE_ICEBP << 8 | EXC_DB;
	fake_vmcs[VMCS_EXIT_INSN_LEN] = 1;
	assert_int_equal(leave(VMEXIT_EXCEPTION, 0), EXIT_EXCEPTION);
	assert_int_equal(v.regs.rip, 0x1001);
	fake_vmcs[VMCS_EXIT_EVENT] = EVENTINJ_VALID | EVENTINJ_TYPE_EXC << 8 | EXC_DB;
	assert_int_equal(leave(VMEXIT_EXCEPTION, 0), EXIT_EXCEPTION);
	assert_int_equal(v.regs.rip, 0x1000);
}

static void page_fault_is_the_shadows(void **state)
{
	struct mmu_ctx ctx;

	(void)state;
	fake_vmcs[VMCS_EXIT_EVENT] = EVENTINJ_VALID | EVENTINJ_TYPE_EXC << 8 | EXC_PF;
	fake_vmcs[VMCS_EXIT_EVENT_ERROR] = PFEC_P | PFEC_W | PFEC_U;
	assert_int_equal(leave(VMEXIT_EXCEPTION, 0xffff800000001234), EXIT_EXCEPTION);
	v.mmu = &ctx;
	assert_int_equal(leave(VMEXIT_EXCEPTION, 0xffff800000001234), EXIT_PF);
	assert_int_equal(v.exit.pf.gva.v, 0xffff800000001234);
	assert_int_equal(v.exit.pf.access, MMU_W | MMU_U);
	assert_int_equal(v.exit.pf.hw_error, PFEC_P | PFEC_W | PFEC_U);
	/* From CPL 3, but with the supervisor's rights: a descriptor table. */
	fake_vmcs[VMCS_GUEST_SS_AR] = 3 << 5;
	fake_vmcs[VMCS_EXIT_EVENT_ERROR] = 0;
	assert_int_equal(leave(VMEXIT_EXCEPTION, 0x1000), EXIT_PF);
	assert_int_equal(v.exit.pf.access, MMU_R | MMU_IMPLICIT);
	assert_int_equal(leave(VMEXIT_INVLPG, 0x5000), EXIT_INVLPG);
	assert_int_equal(v.exit.gva.v, 0x5000);
	assert_int_equal(v.exit.insn_len, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(events_in_real_mode_are_delivered_by_software, setup),
		cmocka_unit_test_setup(page_fault_is_the_shadows, setup),
		cmocka_unit_test_setup(registers_come_back, setup),
		cmocka_unit_test_setup(instructions_say_all_by_their_reason, setup),
		cmocka_unit_test_setup(events_have_no_instruction, setup),
		cmocka_unit_test_setup(entry_that_failed_is_no_exit, setup),
		cmocka_unit_test_setup(entry_that_was_mended_is_tried_again, setup),
		cmocka_unit_test_setup(int1_is_behind_its_instruction, setup),
		cmocka_unit_test_setup(port_access, setup),
		cmocka_unit_test_setup(ept_violation, setup),
		cmocka_unit_test_setup(full_log_is_drained_and_the_guest_goes_on, setup),
		cmocka_unit_test_setup(ept_misconfiguration_is_a_device, setup),
		cmocka_unit_test_setup(control_register_access, setup),
		cmocka_unit_test_setup(debug_register_access_gives_them_to_the_guest, setup),
		cmocka_unit_test_setup(intercepted_exception, setup),
		cmocka_unit_test_setup(nmi_goes_to_the_hypervisors_handler, setup),
		cmocka_unit_test_setup(acknowledged_interrupt_is_handled_at_once, setup),
		cmocka_unit_test_setup(interrupt_that_was_not_acknowledged_waits_for_the_window,
				       setup),
		cmocka_unit_test_setup(machine_check_goes_to_the_hypervisors_handler, setup),
		cmocka_unit_test_setup(debug_exception_updates_dr6, setup),
		cmocka_unit_test_setup(faulting_iret_blocks_nmis_again, setup),
		cmocka_unit_test_setup(task_switch, setup),
		cmocka_unit_test_setup(interrupt_shadow_is_told, setup),
		cmocka_unit_test_setup(interrupted_delivery_becomes_pending, setup),
		cmocka_unit_test_setup(timer_starts_anew_when_it_has_ended, setup),
		cmocka_unit_test_setup(interrupted_delivery_gives_ss_its_selector_back, setup),
		cmocka_unit_test_setup(software_interrupts_are_executed_again_instead, setup),
		cmocka_unit_test_setup(event_that_is_pending_already_stays, setup),
		cmocka_unit_test_setup(interrupted_nmi_delivery_unmasks, setup),
		cmocka_unit_test_setup(interrupts_are_taken_at_exits_of_a_guest_that_holds_them_up,
				       setup),
		cmocka_unit_test_setup(injection_is_encoded_and_can_be_taken_back, setup),
		cmocka_unit_test_setup(real_mode_pushes_no_error_code, setup),
		cmocka_unit_test_setup(injection_ends_the_interrupt_shadow, setup),
		cmocka_unit_test_setup(windows_are_controls, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
