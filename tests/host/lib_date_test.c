/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: lib/date.c */
/* Dates against the C library of this machine. */

#include "lib/date.h"

#include <time.h>

#include "tests/host/test.h"

static void every_day_to_2400_agrees_with_gmtime(void **state)
{
	(void)state;
	for (u64 s = 7; s < 430ULL * 366 * 86400; s += 86400 + 3599) {
		time_t t = (time_t)s;
		struct tm tm;
		struct date d;

		gmtime_r(&t, &tm);
		date_from_seconds(s, &d);
		assert_int_equal(d.year, tm.tm_year + 1900);
		assert_int_equal(d.month, tm.tm_mon + 1);
		assert_int_equal(d.day, tm.tm_mday);
		assert_int_equal(d.hour, tm.tm_hour);
		assert_int_equal(d.min, tm.tm_min);
		assert_int_equal(d.sec, tm.tm_sec);
		assert_int_equal(d.weekday, tm.tm_wday);
		assert_int_equal(date_to_seconds(&d), s);
	}
}

static void fields_out_of_range_carry_or_are_bent(void **state)
{
	struct date d = { .year = 1999, .month = 12, .day = 31, .hour = 24 };

	(void)state;
	assert_int_equal(date_to_seconds(&d), 946684800); /* 2000-01-01 */
	d = (struct date){ .year = 0, .month = 0, .day = 1 };
	assert_int_equal(date_to_seconds(&d), 0);
	d = (struct date){
		.year = 25599, .month = 255, .day = 255, .hour = 255, .min = 255, .sec = 255
	};
	assert_true(date_to_seconds(&d) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_to_2400_agrees_with_gmtime),
		cmocka_unit_test(fields_out_of_range_carry_or_are_bent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
