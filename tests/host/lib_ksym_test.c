/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: lib/ksym.c */
/* Look-up of function names, over a table of three functions. */

#include "lib/ksym.h"

#include "tests/host/test.h"

#define HIGH 0xffffffff00000000ULL

const u32 ksym_addrs[] = { 0x80001000, 0x80001010, 0x80002000 };
const u32 ksym_nr = 3;
const char ksym_names[] = "first\0second\0third";

static void check(u64 addr, const char *name, u64 off)
{
	u64 got = ~0ULL;

	assert_string_equal(ksym_lookup(addr, &got), name);
	assert_int_equal(got, off);
}

static void address_in_function_gives_name_and_offset(void **state)
{
	(void)state;
	check(HIGH | 0x80001000, "first", 0);
	check(HIGH | 0x8000100f, "first", 0xf);
	check(HIGH | 0x80001010, "second", 0);
	check(HIGH | 0x80001fff, "second", 0xfef);
	check(HIGH | 0x80002000, "third", 0);
	check(HIGH | 0xffffffff, "third", 0x7fffdfff);
}

static void address_outside_the_image_has_no_name(void **state)
{
	u64 off;

	(void)state;
	assert_null(ksym_lookup(HIGH | 0x80000fff, &off));
	assert_null(ksym_lookup(0x80001000, &off));
	assert_null(ksym_lookup(0, &off));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(address_in_function_gives_name_and_offset),
		cmocka_unit_test(address_outside_the_image_has_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
