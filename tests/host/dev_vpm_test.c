/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/dev/vpm.c tests/host/fake/machine.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/mem.c tests/host/fake/bug.c */
/* ACPI fixed hardware: the timer's rate and carry, the SCI, power-off. */

#include "vm/dev/vpm.h"

#include "arch/mem.h"
#include "tests/host/fake/machine.h"
#include "tests/host/test.h"

#define SECOND 1000000000ULL
#define STS    VPM_PM1_EVT
#define EN     (VPM_PM1_EVT + 2)

/* The timer's highest bit changes so often. */
#define CARRY (SECOND * 0x80000000ULL / VPM_TIMER_HZ)

static int set_up(void **state)
{
	(void)state;
	machine_init(1);
	assert_int_equal(vpm_create(&machine_vm), 0);
	vpm_reset(&machine_vm);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vpm_quiesce(&machine_vm);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
	vpm_destroy(&machine_vm);
	assert_int_equal(fake_mem_live, 0);
	return 0;
}

static void the_timer_has_its_frequency(void **state)
{
	(void)state;
	assert_int_equal(machine_in(VPM_TIMER, 4), 0);
	machine_wait(100 * SECOND);
	assert_in_range(machine_in(VPM_TIMER, 4), 357954499, 357954500);
	machine_wait(1100 * SECOND);
	assert_in_range(machine_in(VPM_TIMER, 4), (u32)(1200 * VPM_TIMER_HZ) - 5,
			(u32)(1200 * VPM_TIMER_HZ));
	assert_int_equal(machine_in(VPM_TIMER + 1, 1), machine_in(VPM_TIMER, 4) >> 8 & 0xff);
}

static void the_carry_is_a_status_bit_and_an_interrupt(void **state)
{
	(void)state;
	machine_wait(CARRY - 1000);
	assert_int_equal(machine_in(STS, 2), 0);
	machine_wait(2000);
	assert_int_equal(machine_in(STS, 2), 1);
	assert_int_equal(machine_edges[9], 0);
	machine_out(EN, 2, 1);
	assert_true(machine_line[9]);
	machine_out(STS, 2, 0); /* only ones clear */
	assert_true(machine_line[9]);
	machine_out(STS, 1, 1);
	assert_false(machine_line[9]);
	assert_int_equal(machine_in(STS, 4), 0x10000);
	for (u32 i = 2; i < 5; i++) {
		machine_wait(CARRY + 200000);
		assert_int_equal(machine_edges[9], i);
		machine_out(STS, 2, 1);
		assert_false(machine_line[9]);
	}
	machine_out(EN, 2, 0);
	machine_wait(2 * CARRY);
	assert_int_equal(machine_edges[9], 4);
}

static void only_known_enable_bits_stay(void **state)
{
	(void)state;
	machine_out(EN, 2, 0xffff);
	assert_int_equal(machine_in(EN, 2), 0x0721);
	machine_out(EN + 1, 1, 0);
	assert_int_equal(machine_in(EN, 2), 0x21);
	machine_out(STS, 4, 0);
	assert_int_equal(machine_in(EN, 2), 0);
}

static void sleep_type_5_powers_off(void **state)
{
	(void)state;
	assert_int_equal(machine_in(VPM_PM1_CNT, 2), 1); /* ACPI mode */
	machine_out(VPM_PM1_CNT, 2, 0);
	assert_int_equal(machine_in(VPM_PM1_CNT, 2), 1);
	machine_out(VPM_PM1_CNT, 2, 4 << 10 | 1 << 13);
	assert_null(machine_poweroff);
	/* Linux writes the type first, then the type with the enable bit. */
	machine_out(VPM_PM1_CNT, 2, 5 << 10 | 1);
	assert_null(machine_poweroff);
	assert_int_equal(machine_in(VPM_PM1_CNT, 2), 5 << 10 | 1);
	machine_out(VPM_PM1_CNT, 2, 5 << 10 | 1 << 13 | 1);
	assert_string_equal(machine_poweroff, "ACPI power-off");
	assert_int_equal(machine_in(VPM_PM1_CNT, 2), 5 << 10 | 1);
	/* By the high byte alone. */
	machine_poweroff = NULL;
	machine_out(VPM_PM1_CNT + 1, 1, 0x34);
	assert_non_null(machine_poweroff);
}

static void random_accesses_do_no_harm(void **state)
{
	u64 seed = 6;

	(void)state;
	for (u32 n = 0; n < 100000; n++) {
		u64 r = test_random(&seed);
		u16 port = (u16)(VPM_PM1_EVT + (r >> 8) % 12);
		u8 size = (u8)(1 << (r >> 4) % 3);

		if (r & 1)
			machine_out(port, size, (u32)(r >> 16));
		else
			machine_in(port, size);
		if ((r & 14) == 0)
			machine_wait(r >> 24);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(the_timer_has_its_frequency), T(the_carry_is_a_status_bit_and_an_interrupt),
		T(only_known_enable_bits_stay), T(sleep_type_5_powers_off),
		T(random_accesses_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
