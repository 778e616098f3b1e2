/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/dev/vrtc.c lib/date.c tests/host/fake/machine.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/mem.c tests/host/fake/bug.c */
/* The clock: its formats, setting it, its three interrupts, and CMOS memory. */

#include "vm/dev/vrtc.h"

#include "arch/mem.h"
#include "tests/host/fake/machine.h"
#include "tests/host/test.h"

#define SECOND 1000000000ULL
#define START  1795275801ULL /* Saturday 2026-11-21 15:43:21 */

static u8 rd(u8 reg)
{
	machine_out(0x70, 1, reg);
	return (u8)machine_in(0x71, 1);
}

static void wr(u8 reg, u32 val)
{
	machine_out(0x70, 1, reg);
	machine_out(0x71, 1, val);
}

static int set_up(void **state)
{
	(void)state;
	machine_init(2);
	machine_cmos_time = START;
	machine_vm.cfg.memory = 5 * SZ_1G;
	assert_int_equal(vrtc_create(&machine_vm), 0);
	vrtc_reset(&machine_vm);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vrtc_quiesce(&machine_vm);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	vrtc_destroy(&machine_vm);
	assert_int_equal(fake_mem_live, 0);
	return 0;
}

static void is_time(u32 hour, u32 min, u32 sec)
{
	assert_int_equal(rd(4), hour);
	assert_int_equal(rd(2), min);
	assert_int_equal(rd(0), sec);
}

static void it_starts_with_the_hosts_time_and_goes_on(void **state)
{
	(void)state;
	is_time(0x15, 0x43, 0x21);
	assert_int_equal(rd(6), 7);
	assert_int_equal(rd(7), 0x21);
	assert_int_equal(rd(8), 0x11);
	assert_int_equal(rd(9), 0x26);
	assert_int_equal(rd(0x32), 0x20);
	assert_int_equal(rd(0x0d), 0x80);
	machine_wait(3600 * SECOND + 39 * SECOND);
	is_time(0x16, 0x44, 0x00);
	machine_wait(8 * 3600 * SECOND);
	assert_int_equal(rd(7), 0x22);
	assert_int_equal(rd(6), 1);
}

static void formats_can_change_while_it_runs(void **state)
{
	(void)state;
	wr(11, 0x06);
	/*
	 * The registers hold BCD bytes, read as binary now: as on the chip, they must be set anew.
	 */
	wr(4, 23);
	wr(2, 59);
	wr(0, 59);
	is_time(23, 59, 59);
	wr(11, 0x04);
	wr(4, 0x80 | 11);
	assert_int_equal(rd(4), 0x80 | 11);
	machine_wait(SECOND);
	is_time(12, 0, 0); /* midnight is 12 AM */
	wr(11, 0x00);
	wr(4, 0x92);
	is_time(0x92, 0x00, 0x00); /* noon is 12 PM */
}

static void setting_goes_through_the_set_bit(void **state)
{
	(void)state;
	machine_wait(SECOND / 4);
	wr(11, 0x82);
	machine_wait(5 * SECOND);
	is_time(0x15, 0x43, 0x21); /* it stands still */
	wr(4, 0x23);
	wr(2, 0x59);
	wr(0, 0x58);
	wr(7, 0x28);
	wr(8, 0x02);
	wr(9, 0x24);
	is_time(0x23, 0x59, 0x58);
	wr(11, 0x02);
	machine_wait(2 * SECOND);
	is_time(0x00, 0x00, 0x00);
	assert_int_equal(rd(7), 0x29); /* a leap year */
	/* Releasing the divider makes the next update come after half a second. */
	wr(10, 0x76);
	wr(10, 0x26);
	machine_wait(SECOND / 2 - 1000);
	is_time(0x00, 0x00, 0x00);
	machine_wait(1000);
	is_time(0x00, 0x00, 0x01);
}

static void an_update_is_announced(void **state)
{
	(void)state;
	assert_int_equal(rd(10), 0x26);
	machine_wait(SECOND - 200000);
	assert_int_equal(rd(10), 0xa6);
	machine_wait(200000);
	assert_int_equal(rd(10), 0x26);
	is_time(0x15, 0x43, 0x22);
}

static void the_update_interrupt_comes_every_second(void **state)
{
	(void)state;
	wr(11, 0x12);
	for (u32 i = 1; i <= 5; i++) {
		machine_wait(SECOND);
		assert_int_equal(machine_edges[8], i);
		assert_int_equal(rd(12) & 0x90, 0x90);
		assert_false(machine_line[8]);
		assert_int_equal(rd(12) & 0x90, 0);
	}
	/* Not read: the line stays up, no more edges. */
	machine_wait(3 * SECOND);
	assert_int_equal(machine_edges[8], 6);
	wr(11, 0x02);
	assert_false(machine_line[8]);
}

static void the_periodic_interrupt_has_15_rates(void **state)
{
	static const u32 hz[16] = { 0,   256, 128, 8192, 4096, 2048, 1024, 512,
				    256, 128, 64,  32,   16,   8,    4,    2 };

	(void)state;
	for (u32 rate = 0; rate < 16; rate++) {
		u32 before = machine_edges[8];

		wr(10, 0x20 | rate);
		rd(12);
		wr(11, 0x42);
		for (u64 end = fake_tsc + SECOND; fake_tsc < end; machine_wait(50000))
			if (machine_line[8])
				assert_int_equal(rd(12) & 0xc0, 0xc0);
		wr(11, 0x02);
		assert_in_range(machine_edges[8] - before + 1, hz[rate], hz[rate] + 2);
	}
}

static void flags_show_without_their_interrupts(void **state)
{
	(void)state;
	rd(12);
	machine_wait(SECOND / 512);
	assert_int_equal(rd(12) & 0x40, 0x40);
	machine_wait(2 * SECOND);
	assert_int_equal(rd(12) & 0x50, 0x50);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	assert_int_equal(machine_edges[8], 0);
}

static void the_alarm_rings_at_its_time(void **state)
{
	(void)state;
	wr(5, 0x15);
	wr(3, 0x43);
	wr(1, 0x30);
	wr(11, 0x22);
	machine_wait(9 * SECOND - 1000);
	assert_int_equal(machine_edges[8], 0);
	machine_wait(2000);
	assert_int_equal(machine_edges[8], 1);
	assert_int_equal(rd(12) & 0xa0, 0xa0);
	machine_wait(86399 * SECOND);
	assert_int_equal(machine_edges[8], 1);
	machine_wait(SECOND);
	assert_int_equal(machine_edges[8], 2);
	rd(12);
	wr(5, 0xff); /* every hour */
	machine_wait(3600 * SECOND);
	assert_int_equal(machine_edges[8], 3);
	rd(12);
	wr(3, 0xc0);
	wr(1, 0xc0); /* every second */
	machine_wait(SECOND);
	assert_int_equal(machine_edges[8], 4);
	rd(12);
	wr(1, 0x61); /* never */
	machine_wait(100 * 3600 * SECOND);
	assert_int_equal(machine_edges[8], 4);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
}

static void memory_tells_sizes_and_keeps_bytes(void **state)
{
	(void)state;
	assert_int_equal(rd(0x15) | rd(0x16) << 8, 640);
	assert_int_equal(rd(0x30) | rd(0x31) << 8, 0xffff);
	assert_int_equal(rd(0x34) | rd(0x35) << 8, (0xc0000000 - 0x1000000) >> 16);
	assert_int_equal(rd(0x5b) | rd(0x5c) << 8 | rd(0x5d) << 16, 0x80000000 >> 16);
	assert_int_equal(rd(0x5f), 1);
	for (u8 i = 0x40; i < 0x50; i++)
		wr(i, i ^ 0x5a);
	wr(0x0f, 0x0a);
	vrtc_reset(&machine_vm);
	for (u8 i = 0x40; i < 0x50; i++)
		assert_int_equal(rd(i), i ^ 0x5a);
	assert_int_equal(rd(0x0f), 0x0a);
	assert_int_equal(rd(0xc0), 0x40 ^ 0x5a); /* bit 7 is the NMI mask */
	assert_int_equal(machine_in(0x70, 1), 0xff);
}

static void a_reset_keeps_the_time_and_stops_interrupts(void **state)
{
	(void)state;
	wr(11, 0xf2);
	wr(0, 0x59);
	vrtc_reset(&machine_vm);
	assert_int_equal(rd(11), 0x02);
	is_time(0x15, 0x43, 0x59);
	machine_wait(SECOND);
	is_time(0x15, 0x44, 0x00);
	assert_int_equal(machine_edges[8], 0);
}

static void random_accesses_do_no_harm(void **state)
{
	u64 seed = 146818;

	(void)state;
	for (u32 n = 0; n < 200000; n++) {
		u64 r = test_random(&seed);
		u8 reg = r & 1 ? r >> 8 & 0xf : r >> 8 & 0x7f;

		if (r & 2)
			wr(reg, (u32)(r >> 16) & 0xff);
		else
			rd(reg);
		if ((r & 12) == 0)
			machine_wait(r >> 40);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(it_starts_with_the_hosts_time_and_goes_on),
		T(formats_can_change_while_it_runs),
		T(setting_goes_through_the_set_bit),
		T(an_update_is_announced),
		T(the_update_interrupt_comes_every_second),
		T(the_periodic_interrupt_has_15_rates),
		T(flags_show_without_their_interrupts),
		T(the_alarm_rings_at_its_time),
		T(memory_tells_sizes_and_keeps_bytes),
		T(a_reset_keeps_the_time_and_stops_interrupts),
		T(random_accesses_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
