/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/dev/vioapic.c vm/dev/virq.c vm/dev/vpic.c vm/dev/vapic_msg.c vm/dev/vlapic*.c */
/* SOURCES: tests/host/fake/machine.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/mem.c tests/host/fake/bug.c */
/* The I/O APIC with real local APICs and PICs around it: lines, entries, ends of interrupts. */

#include "vm/dev/vioapic.h"

#include "arch/mem.h"
#include "tests/host/fake/machine.h"
#include "tests/host/test.h"
#include "vm/dev/vlapic.h"
#include "vm/dev/vpic.h"

#define LEVEL  0x8000U
#define MASKED 0x10000U
#define R_IRR  0x4000U

static struct vcpu *const cpu = machine_vcpu;

static u32 rd(u32 reg)
{
	machine_mmio_write(VM_IOAPIC_BASE, 4, reg);
	return (u32)machine_mmio_read(VM_IOAPIC_BASE + 0x10, 4);
}

static void wr(u32 reg, u32 val)
{
	machine_mmio_write(VM_IOAPIC_BASE, 4, reg);
	machine_mmio_write(VM_IOAPIC_BASE + 0x10, 4, val);
}

static void route(u32 pin, u32 low, u32 dest)
{
	wr(0x11 + 2 * pin, dest << 24);
	wr(0x10 + 2 * pin, low);
}

static int set_up(void **state)
{
	(void)state;
	machine_init(2);
	for (u32 i = 0; i < 2; i++) {
		assert_int_equal(vlapic_create(&cpu[i]), 0);
		vlapic_mmio_write(&cpu[i], 0xf0, 4, 0x1ff);
	}
	assert_int_equal(vpic_create(&machine_vm), 0);
	assert_int_equal(vioapic_create(&machine_vm), 0);
	vpic_reset(&machine_vm);
	vioapic_reset(&machine_vm);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vioapic_destroy(&machine_vm);
	vpic_destroy(&machine_vm);
	for (u32 i = 0; i < 2; i++)
		vlapic_destroy(&cpu[i]);
	assert_int_equal(fake_mem_live, 0);
	return 0;
}

static void take(u32 i, int vector)
{
	assert_int_equal(vlapic_pending(&cpu[i]), vector);
	vlapic_accept(&cpu[i], (u8)vector);
}

static void none(u32 i)
{
	assert_int_equal(vlapic_pending(&cpu[i]), -1);
}

static void registers_hold_what_can_be_written(void **state)
{
	(void)state;
	assert_int_equal(rd(1), 0x170011);
	wr(0, ~0U);
	assert_int_equal(rd(0), 0x0f000000);
	assert_int_equal(rd(2), 0x0f000000);
	assert_int_equal(rd(0x10), MASKED);
	wr(0x10 + 47, ~0U);
	assert_int_equal(rd(0x10 + 47), 0xff000000);
	wr(0x10 + 46, ~0U);
	assert_int_equal(rd(0x10 + 46), 0x1afff);
	wr(0x40, ~0U); /* beyond the table */
	assert_int_equal(rd(0x40), 0);
	assert_int_equal(machine_mmio_read(VM_IOAPIC_BASE + 0x20, 4), 0);
}

static void edges_go_once_and_not_while_masked(void **state)
{
	(void)state;
	route(4, 0x34, 1);
	machine_irq(4, true);
	take(1, 0x34);
	machine_irq(4, true);
	none(1);
	vlapic_eoi(&cpu[1]);
	route(4, 0x34 | MASKED, 1);
	machine_irq(4, false);
	machine_irq(4, true);
	route(4, 0x34, 1);
	none(1);
	machine_irq(4, false);
	machine_irq(4, true);
	take(1, 0x34);
}

static void the_timer_line_arrives_at_pin_2(void **state)
{
	(void)state;
	route(0, 0x30, 0);
	route(2, 0x32, 0);
	machine_irq(0, true);
	take(0, 0x32);
	none(0);
	machine_irq(2, true); /* the cascade is no line */
	none(0);
}

static void a_level_waits_for_its_end_and_comes_again(void **state)
{
	(void)state;
	route(9, 0x39 | LEVEL, 0);
	machine_irq(9, true);
	take(0, 0x39);
	assert_int_equal(rd(0x10 + 18) & R_IRR, R_IRR);
	machine_irq(9, false);
	machine_irq(9, true);
	assert_int_equal(vlapic_highest(cpu[0].lapic->irr), -1); /* not while it waits */
	vlapic_eoi(&cpu[0]);
	take(0, 0x39); /* still up */
	machine_irq(9, false);
	vlapic_eoi(&cpu[0]);
	none(0);
	assert_int_equal(rd(0x10 + 18) & R_IRR, 0);
}

static void a_level_shows_when_it_is_unmasked(void **state)
{
	(void)state;
	route(9, 0x39 | LEVEL | MASKED, 0);
	machine_irq(9, true);
	none(0);
	route(9, 0x39 | LEVEL, 0);
	take(0, 0x39);
	/* Going through edge mode clears remote IRR: then the line shows again. */
	route(9, 0x39 | MASKED, 0);
	assert_int_equal(rd(0x10 + 18), 0x39 | MASKED);
	route(9, 0x3a | LEVEL, 0);
	assert_int_equal(vlapic_highest(cpu[0].lapic->irr), 0x3a);
}

static void pins_share_a_vector(void **state)
{
	(void)state;
	route(10, 0x40 | LEVEL, 0);
	route(11, 0x40 | LEVEL, 0);
	machine_irq(10, true);
	machine_irq(11, true);
	take(0, 0x40);
	machine_irq(10, false);
	vlapic_eoi(&cpu[0]);
	take(0, 0x40);
	machine_irq(11, false);
	vlapic_eoi(&cpu[0]);
	none(0);
}

static void modes_and_destinations_are_the_entrys(void **state)
{
	(void)state;
	machine_requests(1);
	route(5, 0x400, 1);
	machine_irq(5, true);
	assert_int_equal(machine_requests(1), VREQ_NMI);
	vlapic_mmio_write(&cpu[0], 0xd0, 4, 1U << 24);
	vlapic_mmio_write(&cpu[1], 0xd0, 4, 2U << 24);
	route(6, 0x46 | 0x800, 3);
	machine_irq(6, true);
	take(0, 0x46);
	take(1, 0x46);
	vlapic_mmio_write(&cpu[0], 0x80, 4, 0x10);
	vlapic_eoi(&cpu[1]);
	route(7, 0x57 | 0x900, 3); /* lowest priority */
	machine_irq(7, true);
	none(0);
	take(1, 0x57);
}

static void results_say_what_became_of_a_pulse(void **state)
{
	(void)state;
	spin_lock(&machine_vm.chipset_lock);
	assert_int_equal(virq_pulse(&machine_vm, 0), VIRQ_IGNORED);
	spin_unlock(&machine_vm.chipset_lock);
	route(2, 0x32, 0);
	spin_lock(&machine_vm.chipset_lock);
	assert_int_equal(virq_pulse(&machine_vm, 0), VIRQ_DELIVERED);
	assert_int_equal(virq_pulse(&machine_vm, 0), VIRQ_MERGED);
	spin_unlock(&machine_vm.chipset_lock);
	take(0, 0x32);
	spin_lock(&machine_vm.chipset_lock);
	assert_int_equal(virq_pulse(&machine_vm, 0), VIRQ_DELIVERED);
	assert_int_equal(virq_pulse(&machine_vm, 24), VIRQ_IGNORED);
	spin_unlock(&machine_vm.chipset_lock);
}

static void the_pics_come_through_lint0_and_pin_0(void **state)
{
	(void)state;
	machine_out(0x20, 1, 0x11);
	machine_out(0x21, 1, 0x20);
	machine_out(0x21, 1, 0x04);
	machine_out(0x21, 1, 0x01);
	machine_requests(0);
	machine_irq(4, true);
	assert_int_equal(machine_requests(0), VREQ_EVENT);
	assert_true(vpic_pending(&machine_vm) && vlapic_accepts_pic(&cpu[0]));
	assert_int_equal(vpic_ack(&machine_vm), 0x24);
	machine_out(0x20, 1, 0x20);
	/* Now to the other vCPU, by an ExtINT entry. */
	assert_false(vlapic_accepts_pic(&cpu[1]));
	route(0, 0x700, 1);
	assert_true(vlapic_accepts_pic(&cpu[1]));
	machine_requests(1);
	machine_irq(4, false);
	machine_irq(4, true);
	assert_int_equal(machine_requests(1), VREQ_EVENT);
	route(0, 0x700 | MASKED, 1);
	assert_false(vlapic_accepts_pic(&cpu[1]));
	route(0, 0x700, 1); /* they still wait */
	assert_int_equal(machine_requests(1), VREQ_EVENT);
	/* LINT0 can also pass the timer on as an interrupt of its own. */
	assert_int_equal(vpic_ack(&machine_vm), 0x24);
	machine_out(0x20, 1, 0x20);
	vlapic_mmio_write(&cpu[0], 0x350, 4, 0x61);
	machine_irq(0, true);
	take(0, 0x61);
}

static void random_accesses_do_no_harm(void **state)
{
	u64 seed = 4711;

	(void)state;
	for (u32 n = 0; n < 200000; n++) {
		u64 r = test_random(&seed);
		u32 i = r >> 4 & 1;
		int vec;

		if (r & 1)
			wr((u32)(r >> 8) & 0x4f, (u32)(r >> 32));
		if (r & 2)
			machine_irq((u32)(r >> 16) % 24, r & 8);
		vec = vlapic_pending(&cpu[i]);
		if (vec >= 0)
			vlapic_accept(&cpu[i], (u8)vec);
		if (r & 4)
			vlapic_eoi(&cpu[i]);
		rd((u32)(r >> 24) & 0xff);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(registers_hold_what_can_be_written),
		T(edges_go_once_and_not_while_masked),
		T(the_timer_line_arrives_at_pin_2),
		T(a_level_waits_for_its_end_and_comes_again),
		T(a_level_shows_when_it_is_unmasked),
		T(pins_share_a_vector),
		T(modes_and_destinations_are_the_entrys),
		T(results_say_what_became_of_a_pulse),
		T(the_pics_come_through_lint0_and_pin_0),
		T(random_accesses_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
