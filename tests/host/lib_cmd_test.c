/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: lib/cmd.c lib/fmt.c */
/* Numbers and sizes as people write them, both ways, and the ACPI checksum. */

#include "lib/cmd.h"

#include <errno.h>

#include "lib/fmt.h"
#include "tests/host/test.h"

static void good(const char *s, u64 want)
{
	u64 got = ~want;

	assert_int_equal(cmd_parse_u64(s, &got), 0);
	assert_int_equal(got, want);
}

static void bad(const char *s, int want)
{
	u64 got = 42;

	assert_int_equal(cmd_parse_u64(s, &got), want);
	assert_int_equal(got, 42); /* untouched */
}

static void numbers_and_suffixes_are_read(void **state)
{
	(void)state;
	good("0", 0);
	good("7", 7);
	good("010", 10);
	good("0x10", 16);
	good("0XfF", 255);
	good("256M", 256 * SZ_1M);
	good("256m", 256 * SZ_1M);
	good("4k", SZ_4K);
	good("2G", 2 * SZ_1G);
	good("1T", 1024 * SZ_1G);
	good("0x10K", 0x4000);
	good("18446744073709551615", UINT64_MAX);
	good("0xffffffffffffffff", UINT64_MAX);
	good("17179869183G", 17179869183ULL << 30);
}

static void anything_else_is_refused(void **state)
{
	static const char *const texts[] = { "",  " 1",  "1 ",  "-1",  "+1",  "0x", "0xg", "x10",
					     "K", "12x", "1KB", "1MM", "1.5", "M1", "1\n", "ten" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		bad(texts[i], -EINVAL);
}

static void what_does_not_fit_is_refused(void **state)
{
	(void)state;
	bad("18446744073709551616", -ERANGE);
	bad("0x10000000000000000", -ERANGE);
	bad("17179869184G", -ERANGE);
	bad("99999999999999999999999999999999", -ERANGE);
}

static void sizes_read_back_as_the_same_number(void **state)
{
	char buf[FMT_SIZE_MAX];
	u64 seed = 1;

	(void)state;
	assert_string_equal(fmt_size(buf, 0), "0");
	assert_string_equal(fmt_size(buf, 1), "1");
	assert_string_equal(fmt_size(buf, 1024), "1K");
	assert_string_equal(fmt_size(buf, 1025 * 1024), "1025K");
	assert_string_equal(fmt_size(buf, 256 * SZ_1M), "256M");
	assert_string_equal(fmt_size(buf, 1024 * SZ_1G), "1T");
	assert_string_equal(fmt_size(buf, 1ULL << 63), "8388608T");
	assert_string_equal(fmt_size(buf, UINT64_MAX), "18446744073709551615");
	for (u32 i = 0; i < 10000; i++) {
		u64 v = test_random(&seed) << (i % 64), back;

		assert_int_equal(cmd_parse_u64(fmt_size(buf, v), &back), 0);
		assert_int_equal(back, v);
	}
}

static void checksum_is_the_sum_modulo_256(void **state)
{
	static const u8 bytes[] = { 0xff, 0x80, 0x81, 0x00 };

	(void)state;
	assert_int_equal(fmt_sum8(bytes, 0), 0);
	assert_int_equal(fmt_sum8(bytes, 1), 0xff);
	assert_int_equal(fmt_sum8(bytes, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_suffixes_are_read),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(sizes_read_back_as_the_same_number),
		cmocka_unit_test(checksum_is_the_sum_modulo_256),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
