/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: arch/trap.c tests/host/fake/bug.c */
/* LIBS: -no-pie */
/*
 * An interrupt comes to the same whether the CPU delivers it or it was acknowledged at an exit; an
 * exception goes on at its fixup, or is the end.
 */
#include "arch/trap.h"

#include <setjmp.h>

#include "arch/lapic.h"
#include "arch/panic.h"
#include "arch/percpu.h"
#include "arch/regs.h"

#include "tests/host/test.h"

/* The table of the linker script: one instruction that may fault. */
#define FAULTS 0x1000
#define FIXUP  0x2000
__asm__(".pushsection .rodata\n\t"
	".balign 8\n\t"
	".globl ex_table_start, ex_table_end\n"
	"ex_table_start: .quad 0x1000, 0x2000\n"
	"ex_table_end:\n\t"
	".popsection");

static u32 eois, handled, eois_before;
static bool nmi_is_nothing;
static jmp_buf panicked;

void lapic_eoi(void)
{
	eois++;
}

bool panic_nmi(void)
{
	return nmi_is_nothing;
}

void panic_trap(const struct trap_frame *f)
{
	(void)f;
	longjmp(panicked, 1);
}

void trap_handler(struct trap_frame *f);

static void handler(u8 vector)
{
	handled = vector;
	eois_before = eois;
}

static int setup(void **state)
{
	(void)state;
	eois = handled = eois_before = 0;
	fake_cpu.irqs = 0;
	trap_set_irq(VEC_TIMER, handler);
	trap_set_irq(VEC_SPURIOUS, NULL);
	return 0;
}

static void deliver(u8 vector)
{
	struct trap_frame f = { .vector = vector };

	trap_handler(&f);
}

/* Its handler may arm a timer or switch off a device, whose next interrupt must not be lost. */
static void interrupt_is_ended_then_handled(void **state)
{
	static void (*const ways[])(u8 vector) = { deliver, trap_irq };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(ways); i++) {
		setup(NULL);
		ways[i](VEC_TIMER);
		assert_int_equal(handled, VEC_TIMER);
		assert_int_equal(eois_before, 1);
		assert_int_equal(eois, 1);
		assert_int_equal(fake_cpu.irqs, 1);
	}
}

/* Nothing is in service then, and an EOI would end another one. */
static void spurious_interrupt_gets_no_eoi(void **state)
{
	(void)state;
	trap_irq(VEC_SPURIOUS);
	deliver(VEC_SPURIOUS);
	assert_int_equal(eois, 0);
	assert_int_equal(fake_cpu.irqs, 2);
}

/* Else the local APIC would hold back all of its priority and below. */
static void interrupt_that_nobody_expects_is_ended(void **state)
{
	(void)state;
	trap_irq(0x80);
	deliver(0x81);
	assert_int_equal(eois, 2);
	assert_int_equal(handled, 0);
}

/* As an exception this vector would be a page fault. */
static void acknowledged_vector_is_an_interrupt_whatever_its_number(void **state)
{
	(void)state;
	trap_irq(EXC_PF);
	assert_int_equal(eois, 1);
	assert_int_equal(fake_cpu.irqs, 1);
}

/* True: the hypervisor goes on. */
static bool survives(struct trap_frame *f)
{
	if (setjmp(panicked))
		return false;
	trap_handler(f);
	return true;
}

static void fault_with_a_fixup_goes_on_there(void **state)
{
	struct trap_frame f = { .vector = EXC_GP, .rip = FAULTS };

	(void)state;
	assert_true(survives(&f));
	assert_int_equal(f.rip, FIXUP);
	assert_false(survives(&f)); /* the fixup itself */
	assert_int_equal(eois, 0);
	assert_int_equal(fake_cpu.irqs, 0);
}

static void nmi_that_was_a_wake_up_is_nothing(void **state)
{
	struct trap_frame f = { .vector = EXC_NMI };

	(void)state;
	nmi_is_nothing = true;
	assert_true(survives(&f));
	f.vector = EXC_UD;
	assert_false(survives(&f));
	nmi_is_nothing = false;
	f.vector = EXC_NMI;
	assert_false(survives(&f));
	assert_int_equal(eois, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(interrupt_is_ended_then_handled, setup),
		cmocka_unit_test_setup(spurious_interrupt_gets_no_eoi, setup),
		cmocka_unit_test_setup(interrupt_that_nobody_expects_is_ended, setup),
		cmocka_unit_test_setup(acknowledged_vector_is_an_interrupt_whatever_its_number,
				       setup),
		cmocka_unit_test_setup(fault_with_a_fixup_goes_on_there, setup),
		cmocka_unit_test_setup(nmi_that_was_a_wake_up_is_nothing, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
