/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/dev/vpic.c tests/host/fake/machine.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/mem.c tests/host/fake/bug.c */
/* The 8259 pair: every command of the datasheet, the cascade, and the ELCR. */

#include "vm/dev/vpic.h"

#include "arch/mem.h"
#include "tests/host/fake/machine.h"
#include "tests/host/test.h"

#define M_CMD  0x20
#define M_DATA 0x21
#define S_CMD  0xa0
#define S_DATA 0xa1
#define ELCR   0x4d0

#define READ_IRR 0x0a
#define READ_ISR 0x0b
#define EOI      0x20

static u32 rises;

void virq_pic_output(struct vm *vm, bool level)
{
	(void)vm;
	rises += level;
}

static u32 in(u16 port)
{
	return machine_in(port, 1);
}

static void out(u16 port, u32 val)
{
	machine_out(port, 1, val);
}

static enum virq_result line(u32 irq, bool level)
{
	enum virq_result r;

	spin_lock(&machine_vm.chipset_lock);
	r = vpic_set(&machine_vm, irq, level);
	spin_unlock(&machine_vm.chipset_lock);
	return r;
}

static enum virq_result edge(u32 irq)
{
	line(irq, false);
	return line(irq, true);
}

/* As PC firmware and systems do: vectors 0x20 and 0x28, all open. icw4: bits beside 8086 mode. */
static void start(u32 icw4)
{
	out(M_CMD, 0x11);
	out(M_DATA, 0x20);
	out(M_DATA, 0x04);
	out(M_DATA, 0x01 | icw4);
	out(S_CMD, 0x11);
	out(S_DATA, 0x28);
	out(S_DATA, 0x02);
	out(S_DATA, 0x01 | icw4);
}

static int set_up(void **state)
{
	(void)state;
	machine_init(1);
	assert_int_equal(vpic_create(&machine_vm), 0);
	vpic_reset(&machine_vm);
	start(0);
	rises = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vpic_destroy(&machine_vm);
	assert_int_equal(fake_mem_live, 0);
	return 0;
}

static void ack(int vector)
{
	assert_true(vpic_pending(&machine_vm));
	assert_int_equal(vpic_ack(&machine_vm), vector);
}

static u32 isr(u16 port)
{
	out(port, READ_ISR);
	return in(port);
}

static u32 irr(u16 port)
{
	out(port, READ_IRR);
	return in(port);
}

static void an_edge_is_taken_once(void **state)
{
	(void)state;
	assert_int_equal(edge(3), VIRQ_DELIVERED);
	assert_int_equal(rises, 1);
	assert_int_equal(edge(3), VIRQ_MERGED);
	assert_int_equal(irr(M_CMD), 0x08);
	ack(0x23);
	assert_int_equal(isr(M_CMD), 0x08);
	assert_int_equal(irr(M_CMD), 0);
	assert_false(vpic_pending(&machine_vm));
	/* One more may wait while the first is in service. */
	assert_int_equal(edge(3), VIRQ_DELIVERED);
	assert_false(vpic_pending(&machine_vm));
	out(M_CMD, EOI);
	ack(0x23);
	out(M_CMD, EOI);
	assert_int_equal(isr(M_CMD), 0);
	/* A line that stays high is no edge. */
	line(3, true);
	assert_false(vpic_pending(&machine_vm));
}

static void lower_numbers_interrupt_higher_ones(void **state)
{
	(void)state;
	edge(5);
	ack(0x25);
	edge(6);
	assert_false(vpic_pending(&machine_vm));
	edge(1);
	ack(0x21);
	assert_int_equal(isr(M_CMD), 0x22);
	out(M_CMD, EOI); /* the highest in service */
	assert_int_equal(isr(M_CMD), 0x20);
	out(M_CMD, 0x60 | 5); /* specific */
	ack(0x26);
}

static void masks_hold_back_and_edges_wait_behind_them(void **state)
{
	(void)state;
	out(M_DATA, 0x10);
	assert_int_equal(in(M_DATA), 0x10);
	assert_int_equal(edge(4), VIRQ_IGNORED);
	assert_false(vpic_pending(&machine_vm));
	out(M_DATA, 0);
	ack(0x24);
}

static void the_second_answers_through_the_first(void **state)
{
	(void)state;
	edge(12);
	assert_int_equal(irr(M_CMD), 0x04);
	assert_int_equal(irr(S_CMD), 0x10);
	ack(0x2c);
	assert_int_equal(isr(M_CMD), 0x04);
	assert_int_equal(isr(S_CMD), 0x10);
	/* Fully nested: a higher one of the second waits for the first's end. */
	edge(8);
	assert_false(vpic_pending(&machine_vm));
	out(S_CMD, EOI);
	out(M_CMD, EOI);
	ack(0x28);
	out(S_CMD, EOI);
	out(M_CMD, EOI);
	/* Special fully nested: it does not wait. */
	start(0x10);
	edge(12);
	ack(0x2c);
	edge(9);
	ack(0x29);
	assert_int_equal(isr(S_CMD), 0x12);
}

static void nothing_there_is_spurious_7(void **state)
{
	(void)state;
	edge(3);
	out(M_DATA, 0x08);
	assert_false(vpic_pending(&machine_vm));
	assert_int_equal(vpic_ack(&machine_vm), 0x27);
	assert_int_equal(isr(M_CMD), 0);
}

static void automatic_end_leaves_nothing_in_service(void **state)
{
	(void)state;
	start(0x02);
	edge(3);
	ack(0x23);
	assert_int_equal(isr(M_CMD), 0);
	/* With rotation the one just served comes last. */
	out(M_CMD, 0x80);
	edge(3);
	edge(4);
	ack(0x23);
	edge(3);
	ack(0x24);
	ack(0x23);
	out(M_CMD, 0x00);
}

static void rotation_moves_the_bottom(void **state)
{
	(void)state;
	edge(3);
	ack(0x23);
	out(M_CMD, 0xa0); /* rotate on end: 3 is last now, 4 first */
	assert_int_equal(isr(M_CMD), 0);
	edge(3);
	edge(4);
	edge(2 + 5);
	ack(0x24);
	out(M_CMD, 0xe0 | 4); /* specific, rotating */
	ack(0x27);
	out(M_CMD, EOI);
	ack(0x23);
	out(M_CMD, EOI);
	out(M_CMD, 0xc0 | 5); /* 5 is last, 6 first */
	edge(5);
	edge(6);
	ack(0x26);
}

static void special_mask_lets_lower_ones_through(void **state)
{
	(void)state;
	edge(1);
	ack(0x21);
	out(M_CMD, 0x68);
	edge(5);
	assert_false(vpic_pending(&machine_vm));
	out(M_DATA, 0x02); /* masking the one in service unblocks the rest */
	ack(0x25);
	out(M_CMD, EOI); /* does not end the masked one */
	assert_int_equal(isr(M_CMD), 0x02);
	out(M_CMD, 0x48);
	out(M_CMD, EOI);
	assert_int_equal(isr(M_CMD), 0);
}

static void a_poll_is_an_acknowledge(void **state)
{
	(void)state;
	out(M_CMD, 0x0c);
	assert_int_equal(in(M_CMD), 0);
	edge(6);
	out(M_CMD, 0x0c);
	assert_int_equal(in(M_CMD), 0x86);
	assert_int_equal(isr(M_CMD), 0x40);
	assert_false(vpic_pending(&machine_vm));
	out(M_CMD, EOI);
	edge(10);
	out(M_CMD, 0x0c);
	assert_int_equal(in(M_CMD), 0x82);
	out(S_CMD, 0x0c);
	assert_int_equal(in(S_CMD), 0x82);
}

static void level_lines_stay_as_long_as_they_are_high(void **state)
{
	(void)state;
	out(ELCR, 0xff);
	out(ELCR + 1, 0xff);
	assert_int_equal(in(ELCR), 0xf8);
	assert_int_equal(in(ELCR + 1), 0xde);
	line(11, true);
	ack(0x2b);
	out(S_CMD, EOI);
	out(M_CMD, EOI);
	ack(0x2b);
	line(11, false);
	out(S_CMD, EOI);
	out(M_CMD, EOI);
	assert_false(vpic_pending(&machine_vm));
	line(11, true);
	line(11, false);
	assert_false(vpic_pending(&machine_vm));
}

static void initialisation_forgets_edges_and_masks(void **state)
{
	(void)state;
	out(M_DATA, 0xff);
	edge(3);
	out(M_CMD, 0x10); /* no ICW4 */
	out(M_DATA, 0x40);
	out(M_DATA, 0x04);
	assert_int_equal(in(M_DATA), 0);
	assert_false(vpic_pending(&machine_vm));
	edge(3);
	ack(0x43);
	out(M_CMD, 0x12); /* single: no ICW3 either */
	out(M_DATA, 0x50);
	out(M_DATA, 0x01); /* so this is the mask */
	assert_int_equal(in(M_DATA), 0x01);
}

static void power_on_is_masked(void **state)
{
	(void)state;
	edge(3);
	spin_lock(&machine_vm.chipset_lock);
	vpic_reset(&machine_vm);
	spin_unlock(&machine_vm.chipset_lock);
	assert_false(vpic_pending(&machine_vm));
	assert_int_equal(in(M_DATA), 0xff);
}

static void random_writes_do_no_harm(void **state)
{
	static const u16 port[] = { M_CMD, M_DATA, S_CMD, S_DATA, ELCR, ELCR + 1 };
	u64 seed = 99;

	(void)state;
	for (u32 n = 0; n < 200000; n++) {
		u64 r = test_random(&seed);
		u16 p = port[(r >> 8) % ARRAY_SIZE(port)];

		if (r & 1)
			out(p, (u32)(r >> 16) & 0xff);
		else
			in(p);
		line((u32)(r >> 24) & 15, r >> 32 & 1);
		if (r & 2 && vpic_pending(&machine_vm))
			assert_in_range(vpic_ack(&machine_vm), 0, 255);
		assert_in_range(in(p), 0, 255);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(an_edge_is_taken_once),
		T(lower_numbers_interrupt_higher_ones),
		T(masks_hold_back_and_edges_wait_behind_them),
		T(the_second_answers_through_the_first),
		T(nothing_there_is_spurious_7),
		T(automatic_end_leaves_nothing_in_service),
		T(rotation_moves_the_bottom),
		T(special_mask_lets_lower_ones_through),
		T(a_poll_is_an_acknowledge),
		T(level_lines_stay_as_long_as_they_are_high),
		T(initialisation_forgets_edges_and_masks),
		T(power_on_is_masked),
		T(random_writes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
