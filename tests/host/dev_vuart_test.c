/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/dev/vuart.c tests/host/fake/machine.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/mem.c tests/host/fake/bug.c */
/* COM1: what systems probe, both directions, interrupts by priority, loopback. */

#include "vm/dev/vuart.h"

#include "arch/mem.h"
#include "tests/host/fake/machine.h"
#include "tests/host/test.h"

#define IRQ 4

enum {
	DATA,
	IER,
	IIR,
	LCR,
	MCR,
	LSR,
	MSR,
	SCR
};

static u32 rd(u32 reg)
{
	return machine_in((u16)(0x3f8 + reg), 1);
}

static void wr(u32 reg, u32 val)
{
	machine_out((u16)(0x3f8 + reg), 1, val);
}

static void type(const char *s)
{
	vuart_input(&machine_vm, s, strlen(s));
}

static int set_up(void **state)
{
	(void)state;
	machine_init(1);
	assert_int_equal(vuart_create(&machine_vm), 0);
	vuart_reset(&machine_vm);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vuart_destroy(&machine_vm);
	assert_int_equal(fake_mem_live, 0);
	return 0;
}

static void registers_after_reset(void **state)
{
	static const u8 want[] = { 0, 0, 0x01, 0, 0, 0x60, 0xb0, 0 };

	(void)state;
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(rd(i), want[i]);
	assert_false(machine_line[IRQ]);
}

static void it_is_probed_as_a_16550a(void **state)
{
	(void)state;
	wr(IER, 0xff);
	assert_int_equal(rd(IER), 0x0f);
	wr(IER, 0);
	wr(SCR, 0xa5);
	assert_int_equal(rd(SCR), 0xa5);
	wr(IIR, 0x01);
	assert_int_equal(rd(IIR), 0xc1);
	wr(IIR, 0xe1); /* no 64-byte FIFO */
	assert_int_equal(rd(IIR), 0xc1);
	wr(IIR, 0x00);
	assert_int_equal(rd(IIR), 0x01);
	wr(LCR, 0x83);
	wr(DATA, 0x34);
	wr(IER, 0x12);
	assert_int_equal(rd(DATA), 0x34);
	assert_int_equal(rd(IER), 0x12);
	wr(LCR, 0x03);
	assert_int_equal(rd(IER), 0);
	assert_int_equal(rd(LCR), 0x03);
}

static void output_goes_to_the_console_at_once(void **state)
{
	(void)state;
	for (const char *p = "login: "; *p; p++) {
		assert_int_equal(rd(LSR) & 0x60, 0x60);
		wr(DATA, (u8)*p);
	}
	assert_string_equal(machine_console, "login: ");
}

static void an_empty_transmitter_interrupts_once(void **state)
{
	(void)state;
	wr(IER, 0x02);
	assert_true(machine_line[IRQ]);
	assert_int_equal(rd(IIR), 0x02);
	assert_false(machine_line[IRQ]); /* reading it was the acknowledgement */
	assert_int_equal(rd(IIR), 0x01);
	wr(DATA, 'x');
	assert_true(machine_line[IRQ]);
	wr(IER, 0x00);
	assert_false(machine_line[IRQ]);
	wr(IER, 0x02);
	assert_int_equal(machine_edges[IRQ], 3);
}

static void input_waits_behind_the_fifo(void **state)
{
	char text[101] = { 0 };

	(void)state;
	wr(IIR, 0x81); /* trigger at 8 */
	wr(IER, 0x01);
	type("abc");
	assert_true(machine_line[IRQ]);
	assert_int_equal(rd(IIR), 0xcc); /* time-out: less than the trigger */
	for (u32 i = 0; i < 100; i++)
		text[i] = (char)('0' + i % 10);
	type(text);
	assert_int_equal(rd(IIR), 0xc4);
	assert_int_equal(rd(DATA), 'a');
	assert_int_equal(rd(DATA), 'b');
	assert_int_equal(rd(DATA), 'c');
	for (u32 i = 0; i < 100; i++) {
		assert_int_equal(rd(LSR), 0x61);
		assert_int_equal(rd(DATA), text[i]);
	}
	assert_int_equal(rd(LSR), 0x60);
	assert_false(machine_line[IRQ]);
	assert_int_equal(rd(DATA), 0);
}

static void too_much_input_is_an_overrun(void **state)
{
	(void)state;
	wr(IER, 0x04);
	for (u32 i = 0; i < 103; i++)
		type("0123456789");
	assert_true(machine_line[IRQ]);
	assert_int_equal(rd(IIR), 0x06);
	assert_int_equal(rd(LSR), 0x63);
	assert_false(machine_line[IRQ]);
	assert_int_equal(rd(LSR), 0x61);
	wr(IIR, 0x03); /* clears what the guest could see */
	assert_int_equal(rd(DATA), '1');
}

static void priorities_are_the_datasheets(void **state)
{
	(void)state;
	wr(IIR, 0x01);
	wr(IER, 0x0f);
	wr(MCR, 0x10);
	wr(MCR, 0x12); /* RTS appears as CTS */
	for (u32 i = 0; i < 17; i++)
		wr(DATA, i); /* comes back; one too many */
	assert_int_equal(rd(IIR), 0xc6);
	rd(LSR);
	assert_int_equal(rd(IIR), 0xc4);
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(rd(DATA), i);
	assert_int_equal(rd(IIR), 0xc2);
	assert_int_equal(rd(IIR), 0xc0);
	rd(MSR);
	assert_int_equal(rd(IIR), 0xc1);
	assert_string_equal(machine_console, "");
}

static void loopback_turns_outputs_into_inputs(void **state)
{
	(void)state;
	wr(MCR, 0x1a);
	assert_int_equal(rd(MSR) & 0xf0, 0x90); /* as Linux probes */
	assert_int_equal(rd(MSR), 0x90);
	wr(MCR, 0x15);
	assert_int_equal(rd(MSR), 0x60 | 0x0b); /* all but RI's rise */
	wr(MCR, 0x11);
	assert_int_equal(rd(MSR), 0x24); /* RI fell */
	type("lost");
	assert_int_equal(rd(LSR), 0x60);
	wr(MCR, 0x0b);
	assert_int_equal(rd(MSR) & 0xf0, 0xb0);
	assert_int_equal(rd(MCR), 0x0b);
}

static void random_accesses_do_no_harm(void **state)
{
	u64 seed = 16550;

	(void)state;
	for (u32 n = 0; n < 200000; n++) {
		u64 r = test_random(&seed);

		if (r & 1)
			wr(r >> 8 & 7, (u32)(r >> 16) & 0xff);
		else
			rd(r >> 8 & 7);
		if ((r & 6) == 0)
			type("some text");
		rd(IIR); /* may acknowledge the transmitter */
		assert_int_equal(machine_line[IRQ], !(rd(IIR) & 1));
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(registers_after_reset),
		T(it_is_probed_as_a_16550a),
		T(output_goes_to_the_console_at_once),
		T(an_empty_transmitter_interrupts_once),
		T(input_waits_behind_the_fifo),
		T(too_much_input_is_an_overrun),
		T(priorities_are_the_datasheets),
		T(loopback_turns_outputs_into_inputs),
		T(random_accesses_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
