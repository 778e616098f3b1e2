/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: drivers/cmos.c lib/date.c tests/host/fake/clock.c tests/host/fake/bug.c */
/* The host's clock in its four formats, during an update, and broken. */

#include "drivers/cmos.h"

#include "arch/x86.h"
#include "tests/host/test.h"

static u8 reg[128], selected;
static u32 updating;  /* reads of register A that show an update */
static bool advances; /* the seconds change at every reading */

void outb(u16 port, u8 v)
{
	assert_int_equal(port, 0x70);
	selected = v;
}

u8 inb(u16 port)
{
	assert_int_equal(port, 0x71);
	if (selected == 10 && updating) {
		updating--;
		return 0xa6;
	}
	if (selected == 0 && advances)
		reg[0]++;
	return reg[selected];
}

static void set(u8 b, u8 hour)
{
	static const u8 bcd[] = { 0x21, 0, 0x43, 0, 0, 0, 7, 0x21, 0x11, 0x26, 0x26 };
	static const u8 binary[] = { 21, 0, 43, 0, 0, 0, 7, 21, 11, 26, 0x26 };

	memcpy(reg, b & 4 ? binary : bcd, sizeof(bcd));
	reg[4] = hour;
	reg[11] = b;
	updating = 0;
	advances = false;
}

#define T_2026_11_21 1795219200ULL /* midnight */
#define T(h)         (T_2026_11_21 + (h)*3600 + 43 * 60 + 21)

static void all_formats_are_read(void **state)
{
	(void)state;
	set(0x02, 0x15);
	assert_int_equal(cmos_time(), T(15));
	set(0x06, 15);
	assert_int_equal(cmos_time(), T(15));
	set(0x00, 0x83);
	assert_int_equal(cmos_time(), T(15));
	set(0x04, 0x80 | 12);
	assert_int_equal(cmos_time(), T(12));
	set(0x00, 0x12);
	assert_int_equal(cmos_time(), T(0));
}

static void an_update_is_waited_for_but_not_for_ever(void **state)
{
	(void)state;
	set(0x02, 0x15);
	updating = 100;
	assert_int_equal(cmos_time(), T(15));
	assert_int_equal(updating, 0);
	updating = ~0U;
	assert_int_equal(cmos_time(), T(15));
	set(0x06, 15);
	advances = true;
	assert_true(cmos_time() > T(15));
}

static void nonsense_is_no_time(void **state)
{
	(void)state;
	memset(reg, 0xff, sizeof(reg));
	assert_int_equal(cmos_time(), 0);
	memset(reg, 0, sizeof(reg));
	assert_int_equal(cmos_time(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_formats_are_read),
		cmocka_unit_test(an_update_is_waited_for_but_not_for_ever),
		cmocka_unit_test(nonsense_is_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
