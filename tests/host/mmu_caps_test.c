/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* Interned paging capabilities: one number for equal records, never one for different ones. */

#include "mmu_sim.h"

#include <errno.h>

#include "mmu/caps.h"
#include "mmu/walk.h"

static struct mmu_caps record(u32 n)
{
	return (struct mmu_caps){
		.maxphyaddr = (u8)(36 + n % 17),
		.has_nx = n & 1,
		.has_1g = n & 2,
		.has_pse36 = n & 4,
	};
}

static void equal_records_have_one_number(void **state)
{
	struct caps_table t = { 0 };

	(void)state;
	for (u32 round = 0; round < 2; round++)
		for (u32 n = 0; n < MMU_CAPS_NR; n++) {
			struct mmu_caps c = record(n);

			assert_int_equal(caps_intern(&t, &c), n);
			assert_int_equal(t.nr, round ? MMU_CAPS_NR : n + 1);
		}
}

static void each_field_makes_another_record(void **state)
{
	const struct mmu_caps base = { .maxphyaddr = 40 };
	struct mmu_caps c[5] = { base, base, base, base, base };
	struct caps_table t = { 0 };

	(void)state;
	c[1].maxphyaddr = 41;
	c[2].has_nx = true;
	c[3].has_1g = true;
	c[4].has_pse36 = true;
	for (u32 i = 0; i < 5; i++)
		assert_int_equal(caps_intern(&t, &c[i]), i);
}

static void the_17th_record_is_refused(void **state)
{
	struct caps_table t = { 0 };
	struct mmu_caps c;

	(void)state;
	for (u32 n = 0; n < MMU_CAPS_NR; n++) {
		c = record(n);
		assert_true(caps_intern(&t, &c) >= 0);
	}
	c = record(MMU_CAPS_NR);
	assert_int_equal(caps_intern(&t, &c), -ENOSPC);
	assert_int_equal(t.nr, MMU_CAPS_NR);
	/* The known ones are still there. */
	c = record(3);
	assert_int_equal(caps_intern(&t, &c), 3);
}

static void no_processor_has_such_a_width(void **state)
{
	static const u8 bad[] = { 0, 12, 31, 53, 64, 255 };
	struct caps_table t = { 0 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(caps_intern(&t, &(struct mmu_caps){ .maxphyaddr = bad[i] }),
				 -EINVAL);
	assert_int_equal(t.nr, 0);
	assert_int_equal(caps_intern(&t, &(struct mmu_caps){ .maxphyaddr = 32 }), 0);
	assert_int_equal(caps_intern(&t, &(struct mmu_caps){ .maxphyaddr = 52 }), 1);
}

static void a_record_comes_back_as_it_was(void **state)
{
	struct caps_table t = { 0 };

	(void)state;
	for (u32 n = 0; n < MMU_CAPS_NR; n++) {
		struct mmu_regs r = { .cr0 = 1, .cr3 = 2, .cr4 = 3, .efer = 4 };
		struct mmu_caps c = record(n);
		int id = caps_intern(&t, &c);

		caps_apply(&t, (u32)id, &r);
		assert_int_equal(r.maxphyaddr, c.maxphyaddr);
		assert_int_equal(r.has_nx, c.has_nx);
		assert_int_equal(r.has_1g, c.has_1g);
		assert_int_equal(r.has_pse36, c.has_pse36);
		assert_int_equal(r.cr0 + r.cr3 + r.cr4 + r.efer, 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_records_have_one_number),
		cmocka_unit_test(each_field_makes_another_record),
		cmocka_unit_test(the_17th_record_is_refused),
		cmocka_unit_test(no_processor_has_such_a_width),
		cmocka_unit_test(a_record_comes_back_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
