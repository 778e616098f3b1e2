/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/dev/vpit.c tests/host/fake/machine.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/mem.c tests/host/fake/bug.c */
/* The 8254: six modes, latches, the gate, and the ticks that a guest is owed. */

#include "vm/dev/vpit.h"

#include "arch/mem.h"
#include "tests/host/fake/machine.h"
#include "tests/host/test.h"
#include "vm/dev/virq.h"

#define CONTROL 0x43
#define P61     0x61
#define OUT2    0x20
#define TICK_NS 838.0953445 /* 1 / 1193182 Hz */

static enum virq_result result;
static u32 pulses;

enum virq_result virq_pulse(struct vm *vm, u32 gsi)
{
	vm_irq_set(vm, gsi, false);
	vm_irq_set(vm, gsi, true);
	pulses++;
	return result;
}

static u32 in(u16 port)
{
	return machine_in(port, 1);
}

static void out(u16 port, u32 val)
{
	machine_out(port, 1, val);
}

static void wait_ticks(u32 n)
{
	machine_wait((u64)(n * TICK_NS) + 2);
}

static void program(u32 ch, u32 mode, u32 count)
{
	out(CONTROL, ch << 6 | 0x30 | mode << 1);
	out((u16)(0x40 + ch), count & 0xff);
	out((u16)(0x40 + ch), count >> 8);
}

static u32 count_of(u32 ch)
{
	u32 low;

	out(CONTROL, ch << 6);
	low = in((u16)(0x40 + ch));
	return in((u16)(0x40 + ch)) << 8 | low;
}

static u32 status_of(u32 ch)
{
	out(CONTROL, 0xe0 | 2U << ch);
	return in((u16)(0x40 + ch));
}

static int set_up(void **state)
{
	(void)state;
	machine_init(1);
	assert_int_equal(vpit_create(&machine_vm), 0);
	vpit_reset(&machine_vm);
	result = VIRQ_DELIVERED;
	pulses = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	spin_lock(&machine_vm.chipset_lock);
	vpit_quiesce(&machine_vm);
	spin_unlock(&machine_vm.chipset_lock);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	vpit_destroy(&machine_vm);
	assert_int_equal(fake_mem_live, 0);
	return 0;
}

static void it_stands_still_until_programmed(void **state)
{
	(void)state;
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	machine_wait(1000000);
	assert_int_equal(pulses, 0);
}

static void mode_0_rises_at_zero_and_counts_on(void **state)
{
	(void)state;
	machine_line[0] = true;
	program(0, 2, 1000);
	program(0, 0, 1000);
	assert_false(machine_line[0]);
	wait_ticks(400);
	assert_in_range(count_of(0), 599, 600);
	assert_int_equal(status_of(0), 0x30);
	wait_ticks(602);
	assert_true(machine_line[0]);
	assert_int_equal(pulses, 1);
	assert_int_equal(status_of(0), 0xb0);
	wait_ticks(100);
	assert_in_range(count_of(0), 0xff90, 0xffa0);
	wait_ticks(200000);
	assert_int_equal(pulses, 1);
	/* The first byte of a new count stops it and drops the output. */
	program(0, 0, 1000);
	out(0x40, 0x34);
	wait_ticks(2000);
	assert_int_equal(pulses, 1);
	assert_int_equal(status_of(0) & 0xc0, 0x40);
	out(0x40, 0x12);
	wait_ticks(0x1234 + 2);
	assert_int_equal(pulses, 2);
}

static void mode_2_ticks_at_its_rate_for_ever(void **state)
{
	(void)state;
	program(0, 2, 11932);
	machine_wait(10000000000ULL); /* 10 s at 99.9985 Hz */
	assert_in_range(pulses, 998, 1000);
	assert_in_range(count_of(0), 1, 11932);
	/* Over a day no tick is lost or won: the fake clock fires each in time. */
	pulses = 0;
	program(0, 2, 0);
	machine_wait(86400000000000ULL);
	assert_in_range(pulses, 1573042, 1573043);
}

static void a_new_count_waits_for_the_end_of_the_period(void **state)
{
	(void)state;
	program(0, 2, 1000);
	wait_ticks(500);
	out(0x40, 100);
	out(0x40, 0);
	assert_int_equal(status_of(0) & 0x40, 0x40);
	wait_ticks(100);
	assert_in_range(count_of(0), 398, 400);
	wait_ticks(420);
	assert_int_equal(pulses, 1);
	assert_int_equal(status_of(0) & 0x40, 0);
	assert_in_range(count_of(0), 70, 90);
	wait_ticks(100);
	assert_int_equal(pulses, 2);
}

static void reading_does_not_swallow_a_tick(void **state)
{
	(void)state;
	program(0, 2, 1000);
	fake_tsc += 3000000; /* the timer is late: a read comes first */
	count_of(0);
	machine_wait(1);
	assert_int_equal(pulses, 1);
	wait_ticks(1000);
	assert_true(pulses >= 4); /* the other two that were owed, and this one */
}

static void mode_3_is_a_square_wave(void **state)
{
	(void)state;
	out(P61, 1);
	program(2, 3, 1000);
	assert_int_equal(in(P61)&OUT2, OUT2);
	wait_ticks(100);
	assert_in_range(count_of(2), 796, 800);
	wait_ticks(450);
	assert_int_equal(in(P61)&OUT2, 0);
	assert_in_range(count_of(2), 890, 900);
	wait_ticks(460);
	assert_int_equal(in(P61)&OUT2, OUT2);
	program(0, 3, 1000);
	wait_ticks(10010);
	assert_int_equal(pulses, 10);
}

static void modes_1_and_5_wait_for_the_gate(void **state)
{
	(void)state;
	program(2, 1, 1000);
	assert_int_equal(status_of(2), 0xf2);
	out(P61, 1);
	assert_int_equal(status_of(2), 0x32);
	wait_ticks(1002);
	assert_int_equal(in(P61)&OUT2, OUT2);
	out(P61, 0);
	out(P61, 1); /* again */
	assert_int_equal(in(P61)&OUT2, 0);
	wait_ticks(500);
	assert_in_range(count_of(2), 498, 500);
	program(0, 1, 1000); /* the gate of channel 0 never rises */
	program(0, 5, 1000);
	wait_ticks(5000);
	assert_int_equal(pulses, 0);
}

static void mode_4_strobes_once(void **state)
{
	(void)state;
	program(0, 4, 1000);
	wait_ticks(990);
	assert_int_equal(pulses, 0);
	wait_ticks(12);
	assert_int_equal(pulses, 1);
	wait_ticks(200000);
	assert_int_equal(pulses, 1);
}

static void the_gate_holds_the_count(void **state)
{
	(void)state;
	out(P61, 1);
	program(2, 0, 1000);
	wait_ticks(300);
	out(P61, 0);
	wait_ticks(5000);
	assert_in_range(count_of(2), 698, 700);
	assert_int_equal(in(P61)&OUT2, 0);
	out(P61, 1);
	wait_ticks(702);
	assert_int_equal(in(P61)&OUT2, OUT2);
	/* Periodic modes begin anew. */
	program(2, 2, 1000);
	wait_ticks(300);
	out(P61, 0);
	assert_int_equal(in(P61)&OUT2, OUT2);
	out(P61, 1);
	assert_in_range(count_of(2), 999, 1000);
}

static void linux_calibrates_with_channel_2(void **state)
{
	u64 start;

	(void)state;
	out(P61, (in(P61) & ~2U) | 1);
	out(CONTROL, 0xb0);
	out(0x42, 59659 & 0xff); /* 50 ms */
	out(0x42, 59659 >> 8);
	start = fake_tsc;
	while (!(in(P61)&OUT2))
		machine_wait(100);
	assert_in_range(fake_tsc - start, 49999000, 50001000);
}

static void latches_keep_until_read(void **state)
{
	u32 low;

	(void)state;
	program(0, 2, 10000);
	wait_ticks(1000);
	out(CONTROL, 0x00);
	wait_ticks(1000);
	out(CONTROL, 0x00); /* a second latch is ignored */
	wait_ticks(1000);
	low = in(0x40);
	assert_in_range(in(0x40) << 8 | low, 8998, 9000);
	assert_in_range(count_of(0), 6990, 7000);
	/* Read-back of count and status: status first. */
	out(CONTROL, 0xc2);
	assert_int_equal(in(0x40), 0xb4);
	low = in(0x40);
	assert_in_range(in(0x40) << 8 | low, 6990, 7000);
}

static void byte_modes_and_bcd(void **state)
{
	(void)state;
	out(CONTROL, 0x14); /* low byte only, mode 2 */
	out(0x40, 200);
	wait_ticks(50);
	assert_in_range(in(0x40), 149, 150);
	out(CONTROL, 0x24); /* high byte only */
	out(0x40, 0x10);
	wait_ticks(0x100);
	assert_int_equal(in(0x40), 0x0e + 1);
	out(CONTROL, 0x35); /* BCD, mode 2 */
	out(0x40, 0x00);
	out(0x40, 0x10); /* 1000 */
	wait_ticks(1);
	assert_in_range(count_of(0), 0x998, 0x999);
	out(CONTROL, 0x31); /* BCD, mode 0: 0 means 10000 */
	out(0x40, 0x00);
	out(0x40, 0x00);
	wait_ticks(1);
	assert_in_range(count_of(0), 0x9998, 0x9999);
}

static void lost_ticks_are_owed_but_not_for_ever(void **state)
{
	(void)state;
	program(0, 2, 1193);  /* 1 kHz */
	result = VIRQ_MERGED; /* the guest does not take them */
	machine_wait(20500000);
	assert_in_range(pulses, 20, 21);
	result = VIRQ_DELIVERED;
	pulses = 0;
	machine_wait(10000000);
	/* 10 of these 10 ms and 20 owed, at most four a period. */
	assert_in_range(pulses, 29, 32);
	/* Masked: nothing is owed. */
	result = VIRQ_IGNORED;
	machine_wait(50000000);
	result = VIRQ_DELIVERED;
	pulses = 0;
	machine_wait(10000000);
	assert_in_range(pulses, 9, 11);
	/* Away for a minute: the bound holds. */
	fake_tsc += 60000000000ULL;
	pulses = 0;
	machine_wait(100000000);
	assert_in_range(pulses, 160, 166);
}

static void no_period_storms(void **state)
{
	(void)state;
	program(0, 2, 1);
	machine_wait(10000000);
	assert_in_range(pulses, 1, 501);
	program(0, 3, 2);
	pulses = 0;
	machine_wait(10000000);
	assert_in_range(pulses, 1, 501);
}

static void random_accesses_do_no_harm(void **state)
{
	static const u16 port[] = { 0x40, 0x41, 0x42, 0x43, 0x43, P61 };
	u64 seed = 8254;

	(void)state;
	for (u32 n = 0; n < 200000; n++) {
		u64 r = test_random(&seed);
		u16 p = port[(r >> 8) % ARRAY_SIZE(port)];

		result = r >> 40 & 3 ? VIRQ_DELIVERED : VIRQ_MERGED;
		if (r & 1)
			out(p, (u32)(r >> 16) & 0xff);
		else
			in(p);
		if ((r & 6) == 0)
			machine_wait(r >> 50);
		if ((r & 0xff0) == 0)
			fake_tsc += r >> 30;
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(it_stands_still_until_programmed),
		T(mode_0_rises_at_zero_and_counts_on),
		T(mode_2_ticks_at_its_rate_for_ever),
		T(a_new_count_waits_for_the_end_of_the_period),
		T(reading_does_not_swallow_a_tick),
		T(mode_3_is_a_square_wave),
		T(modes_1_and_5_wait_for_the_gate),
		T(mode_4_strobes_once),
		T(the_gate_holds_the_count),
		T(linux_calibrates_with_channel_2),
		T(latches_keep_until_read),
		T(byte_modes_and_bcd),
		T(lost_ticks_are_owed_but_not_for_ever),
		T(no_period_storms),
		T(random_accesses_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
