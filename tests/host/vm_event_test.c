/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/event.c lib/trace.c tests/host/fake/clock.c tests/host/fake/paging.c tests/host/fake/bug.c */
/* Which event goes into the guest, when it has to wait, and how exceptions combine. */
#include "tests/host/vm_fake.h"

#include "vm/dev/vlapic.h"
#include "vm/dev/vpic.h"
#include "vm/event.h"

static struct vlapic lapic;
static int pic_vector; /* -1 = nothing pending */
static bool pic_accepted;
static u32 triple_faults, vm_resets, vcpu_resets;

bool vlapic_accepts_pic(const struct vcpu *v)
{
	(void)v;
	return pic_accepted;
}

bool vpic_pending(const struct vm *vm)
{
	(void)vm;
	return pic_vector >= 0;
}

int vpic_ack(struct vm *vm)
{
	int vector = pic_vector;

	(void)vm;
	pic_vector = -1;
	return vector;
}

void vm_triple_fault(struct vcpu *v)
{
	(void)v;
	triple_faults++;
}

void vm_request_reset(struct vm *vm, const char *why)
{
	(void)vm;
	(void)why;
	vm_resets++;
}

void vcpu_reset(struct vcpu *v, bool init)
{
	assert_true(init);
	v->state = VCPU_WAIT_SIPI;
	vcpu_resets++;
}

void vcpu_request(struct vcpu *v, u32 bits)
{
	v->requests |= bits;
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	memset(&lapic, 0, sizeof(lapic));
	fake_vcpu.lapic = &lapic;
	fake_vcpu.regs.rflags = RFLAGS_ONE | RFLAGS_IF;
	pic_vector = -1;
	pic_accepted = true;
	triple_faults = vm_resets = vcpu_resets = 0;
	return 0;
}

static void raise_irq(u8 vector)
{
	lapic.irr[vector >> 6] |= BIT(vector & 63);
}

static void expect_injected(u8 type, u8 vector)
{
	assert_int_equal(fake_nr_injected, 1);
	assert_int_equal(fake_injected.type, type);
	assert_int_equal(fake_injected.vector, vector);
}

static u8 after(u8 first, u8 second)
{
	setup(NULL);
	vcpu_inject(&fake_vcpu, first, false, 0);
	vcpu_inject(&fake_vcpu, second, second == EXC_GP, 0x18);
	return fake_vcpu.pending.type == EVENT_EXC ? fake_vcpu.pending.vector : 0xff;
}

static void exceptions_combine_by_the_table(void **state)
{
	static const u8 contributory[] = { EXC_DE, EXC_TS, EXC_NP, EXC_SS, EXC_GP };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(contributory); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(contributory); j++)
			assert_int_equal(after(contributory[i], contributory[j]), EXC_DF);
		assert_int_equal(after(contributory[i], EXC_PF), EXC_PF);
		assert_int_equal(after(EXC_PF, contributory[i]), EXC_DF);
		assert_int_equal(after(EXC_UD, contributory[i]), contributory[i]);
		assert_int_equal(after(contributory[i], EXC_UD), EXC_UD);
	}
	assert_int_equal(after(EXC_PF, EXC_PF), EXC_DF);
	assert_int_equal(after(EXC_PF, EXC_DB), EXC_DB);
	assert_int_equal(after(EXC_DB, EXC_PF), EXC_PF);
}

static void a_double_fault_has_error_code_zero(void **state)
{
	(void)state;
	assert_int_equal(after(EXC_GP, EXC_GP), EXC_DF);
	assert_true(fake_vcpu.pending.has_error);
	assert_int_equal(fake_vcpu.pending.error, 0);
}

static void a_fault_in_a_double_fault_is_a_triple_fault(void **state)
{
	(void)state;
	assert_int_equal(after(EXC_DF, EXC_GP), 0xff);
	assert_int_equal(triple_faults, 1);
	assert_int_equal(after(EXC_DF, EXC_PF), 0xff);
	assert_int_equal(triple_faults, 1);
	assert_int_equal(after(EXC_DF, EXC_DB), EXC_DB);
	assert_int_equal(triple_faults, 0);
}

static void an_exception_replaces_an_interrupted_interrupt(void **state)
{
	(void)state;
	fake_vcpu.pending = (struct vcpu_event){ .type = EVENT_IRQ, .vector = EXC_GP };
	vcpu_inject(&fake_vcpu, EXC_GP, true, 5);
	assert_int_equal(fake_vcpu.pending.type, EVENT_EXC);
	assert_int_equal(fake_vcpu.pending.vector, EXC_GP);
	assert_int_equal(fake_vcpu.pending.error, 5);
}

static void a_page_fault_sets_cr2(void **state)
{
	const struct mmu_gfault f = { .gva = GVA(0x1234567), .error = 6 };

	(void)state;
	vcpu_inject_pf(&fake_vcpu, &f);
	assert_int_equal(fake_sreg[SR_CR2], 0x1234567);
	assert_int_equal(fake_vcpu.pending.error, 6);
	assert_true(fake_vcpu.requests & VREQ_EVENT);
}

static void pending_goes_first_and_the_rest_gets_windows(void **state)
{
	(void)state;
	vcpu_inject(&fake_vcpu, EXC_GP, true, 0);
	fake_vcpu.nmi_pending = true;
	raise_irq(0x40);
	event_queue(&fake_vcpu);
	expect_injected(EVENT_EXC, EXC_GP);
	assert_int_equal(fake_vcpu.pending.type, EVENT_NONE);
	assert_true(fake_nmi_window && fake_irq_window && fake_vcpu.nmi_pending);
	assert_true(lapic.irr[1] & BIT(0));
}

static void nmi_goes_before_interrupts(void **state)
{
	(void)state;
	fake_vcpu.nmi_pending = true;
	raise_irq(0x40);
	event_queue(&fake_vcpu);
	expect_injected(EVENT_NMI, EXC_NMI);
	assert_false(fake_vcpu.nmi_pending);
	assert_true(fake_irq_window);
}

static void a_masked_nmi_waits_and_lets_an_interrupt_go(void **state)
{
	(void)state;
	fake_vcpu.nmi_pending = true;
	fake_nmi_masked = true;
	raise_irq(0x40);
	event_queue(&fake_vcpu);
	expect_injected(EVENT_IRQ, 0x40);
	assert_true(fake_nmi_window && fake_vcpu.nmi_pending);
}

static void nmis(u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		vcpu_request_nmi(&fake_vcpu);
	event_nmi(&fake_vcpu);
}

static void two_nmis_at_once_are_two_and_a_third_is_lost(void **state)
{
	(void)state;
	nmis(3);
	event_queue(&fake_vcpu);
	expect_injected(EVENT_NMI, EXC_NMI);
	assert_true(fake_nmi_window);
	fake_nmi_masked = true; /* in the first one's handler there is room for one */
	nmis(2);
	event_queue(&fake_vcpu);
	assert_int_equal(fake_nr_injected, 1);
	fake_nmi_masked = false;
	event_queue(&fake_vcpu);
	assert_int_equal(fake_nr_injected, 2);
	event_queue(&fake_vcpu);
	assert_int_equal(fake_nr_injected, 2);
}

static void the_interrupt_moves_into_service(void **state)
{
	(void)state;
	raise_irq(0x40);
	raise_irq(0x81);
	event_queue(&fake_vcpu);
	expect_injected(EVENT_IRQ, 0x81);
	assert_true(lapic.isr[2] & BIT(1));
	assert_false(lapic.irr[2] & BIT(1));
	assert_int_equal(lapic.ppr, 0x80);
	assert_false(fake_irq_window); /* 0x40 waits for EOI, not for IF */
}

static void without_if_or_in_a_shadow_a_window_opens(void **state)
{
	(void)state;
	raise_irq(0x40);
	fake_vcpu.regs.rflags = RFLAGS_ONE;
	event_queue(&fake_vcpu);
	assert_int_equal(fake_nr_injected, 0);
	assert_true(fake_irq_window);
	fake_vcpu.regs.rflags |= RFLAGS_IF;
	fake_shadow = true;
	event_queue(&fake_vcpu);
	assert_int_equal(fake_nr_injected, 0);
	fake_shadow = false;
	event_window(&fake_vcpu);
	assert_false(fake_irq_window);
	event_queue(&fake_vcpu);
	expect_injected(EVENT_IRQ, 0x40);
}

static void a_window_for_nothing_is_closed(void **state)
{
	(void)state;
	raise_irq(0x40);
	fake_vcpu.regs.rflags = RFLAGS_ONE;
	event_queue(&fake_vcpu);
	assert_true(fake_irq_window);
	lapic.irr[1] = 0;
	event_queue(&fake_vcpu);
	assert_false(fake_irq_window);
}

static void a_window_is_asked_for_again_each_time(void **state)
{
	(void)state;
	raise_irq(0x40);
	fake_vcpu.regs.rflags = RFLAGS_ONE;
	event_queue(&fake_vcpu);
	fake_irq_window = false; /* the backend has spent it */
	event_queue(&fake_vcpu);
	assert_true(fake_irq_window);
}

static void the_local_apic_goes_before_the_pic(void **state)
{
	(void)state;
	raise_irq(0x40);
	pic_vector = 0x30;
	event_queue(&fake_vcpu);
	expect_injected(EVENT_IRQ, 0x40);
	assert_true(fake_irq_window); /* the PIC does not wait for an EOI of the APIC */
	event_queue(&fake_vcpu);
	assert_int_equal(fake_injected.vector, 0x30);
	assert_int_equal(pic_vector, -1);
}

static void a_pic_that_is_not_wired_here_is_ignored(void **state)
{
	(void)state;
	pic_vector = 0x30;
	pic_accepted = false;
	event_queue(&fake_vcpu);
	assert_int_equal(fake_nr_injected, 0);
	assert_false(event_wakes(&fake_vcpu));
}

static void halt_ends_by_what_the_guest_can_take(void **state)
{
	(void)state;
	assert_false(event_wakes(&fake_vcpu));
	raise_irq(0x40);
	assert_true(event_wakes(&fake_vcpu));
	fake_vcpu.regs.rflags = RFLAGS_ONE; /* CLI; HLT: only an NMI */
	assert_false(event_wakes(&fake_vcpu));
	fake_vcpu.nmi_pending = true;
	assert_true(event_wakes(&fake_vcpu));
	fake_nmi_masked = true;
	assert_false(event_wakes(&fake_vcpu));
	vcpu_inject(&fake_vcpu, EXC_DB, false, 0);
	assert_true(event_wakes(&fake_vcpu));
}

/* Neither an intercept nor an injection does that; without, the first instruction of the handler
 * that uses a debug register would trap again. */
static void debug_exception_ends_what_the_cpu_ends_with_it(void **state)
{
	(void)state;
	fake_sreg[SR_DR7] = DR7_FIXED | DR7_GD | 3;
	fake_sreg[SR_DEBUGCTL] = DEBUGCTL_BTF;
	vcpu_inject(&fake_vcpu, EXC_GP, true, 0);
	assert_int_equal(fake_sreg[SR_DR7], DR7_FIXED | DR7_GD | 3);
	assert_int_equal(fake_sreg[SR_DEBUGCTL], DEBUGCTL_BTF);
	fake_vcpu.pending.type = EVENT_NONE;
	vcpu_inject(&fake_vcpu, EXC_DB, false, 0);
	assert_int_equal(fake_sreg[SR_DR7], DR7_FIXED | 3);
	/* The next step is of one instruction again. */
	assert_int_equal(fake_sreg[SR_DEBUGCTL], 0);
}

static void startup_needs_a_waiting_processor(void **state)
{
	(void)state;
	fake_vcpu.id = 1;
	fake_vcpu.sipi_vector = 0x9f;
	event_sipi(&fake_vcpu);
	assert_int_equal(fake_vcpu.state, VCPU_RUNNING);
	assert_int_equal(fake_seg[S_CS].base, 0);
	event_init(&fake_vcpu);
	assert_int_equal(vcpu_resets, 1);
	fake_vcpu.regs.rip = 77;
	event_sipi(&fake_vcpu);
	assert_int_equal(fake_vcpu.state, VCPU_RUNNING);
	assert_int_equal(fake_seg[S_CS].sel, 0x9f00);
	assert_int_equal(fake_seg[S_CS].base, 0x9f000);
	assert_int_equal(fake_vcpu.regs.rip, 0);
}

static void init_of_the_first_processor_resets_the_machine(void **state)
{
	(void)state;
	event_init(&fake_vcpu);
	assert_int_equal(vm_resets, 1);
	assert_int_equal(vcpu_resets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exceptions_combine_by_the_table),
		cmocka_unit_test(a_double_fault_has_error_code_zero),
		cmocka_unit_test(a_fault_in_a_double_fault_is_a_triple_fault),
		cmocka_unit_test_setup(an_exception_replaces_an_interrupted_interrupt, setup),
		cmocka_unit_test_setup(a_page_fault_sets_cr2, setup),
		cmocka_unit_test_setup(pending_goes_first_and_the_rest_gets_windows, setup),
		cmocka_unit_test_setup(nmi_goes_before_interrupts, setup),
		cmocka_unit_test_setup(a_masked_nmi_waits_and_lets_an_interrupt_go, setup),
		cmocka_unit_test_setup(two_nmis_at_once_are_two_and_a_third_is_lost, setup),
		cmocka_unit_test_setup(the_interrupt_moves_into_service, setup),
		cmocka_unit_test_setup(without_if_or_in_a_shadow_a_window_opens, setup),
		cmocka_unit_test_setup(a_window_for_nothing_is_closed, setup),
		cmocka_unit_test_setup(a_window_is_asked_for_again_each_time, setup),
		cmocka_unit_test_setup(the_local_apic_goes_before_the_pic, setup),
		cmocka_unit_test_setup(a_pic_that_is_not_wired_here_is_ignored, setup),
		cmocka_unit_test_setup(halt_ends_by_what_the_guest_can_take, setup),
		cmocka_unit_test_setup(debug_exception_ends_what_the_cpu_ends_with_it, setup),
		cmocka_unit_test_setup(startup_needs_a_waiting_processor, setup),
		cmocka_unit_test_setup(init_of_the_first_processor_resets_the_machine, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
