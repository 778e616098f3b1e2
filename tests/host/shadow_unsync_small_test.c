/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* CFLAGS: -DPVEC_NR=2 */
/*
 * Collection of unsync tables with a vector of two, for all cases of up to five leaf tables: which
 * are unsync, which were unlinked meanwhile, and how they are spread over directories. After every
 * step a bit is clear only where all below is in sync or in the vector.
 */
#include "tests/sim/guest_os.h"

#include "mmu/shadow/unsync.h"

#define TABLES_MAX 5

static struct sim_space space;
static struct sim_vcpu *const v0 = &sim.vcpu[0];

static u64 page(u32 i, u32 per_pd)
{
	return 4 * SZ_1G + i / per_pd * SZ_1G + i % per_pd * SZ_2M;
}

static bool in_vector(const struct pvec *pv, spx_t x)
{
	for (u32 i = 0; i < pv->nr; i++)
		if (pv->sp[i] == x)
			return true;
	return false;
}

/* Every way to a table that is unsync and in no vector is marked. */
static void check_marks(const struct pvec *pv, u32 nr, u32 per_pd, u32 gone)
{
	for (u32 i = 0; i < nr; i++) {
		spx_t x = os_shadow_of(&space, page(i, per_pd), 1);

		if (!os_unsync(x) || in_vector(pv, x) || gone & BIT32(i))
			continue;
		for (u32 level = 2; level <= 4; level++) {
			u64 pte = sim_pte(&space, page(i, per_pd), level);

			assert_true(os_bit(os_shadow(pte), (u32)(pte % PAGE_SIZE / 8)));
		}
	}
	for (u32 i = 0; i < nr; i++)
		for (u32 level = 2; level <= 4; level++) {
			spx_t x = os_shadow_of(&space, page(i, per_pd), level);

			assert_int_equal(os_bits(x), sp_get(x)->nr_unsync);
		}
}

static void collect_all(u32 nr, u32 per_pd, u32 gone, u32 expected)
{
	struct pvec pv = { .nr = 0 };
	enum collect rc;
	u32 found = 0, rounds = 0;

	do {
		rc = unsync_collect_and_clear(os_shadow(space.cr3), &pv);
		check_marks(&pv, nr, per_pd, gone);
		assert_true(rc == COLLECT_DONE || pv.nr == PVEC_NR);
		found += pv.nr;
		unsync_resolve(&sim.vm, &pv);
		check_marks(&pv, nr, per_pd, gone);
		assert_true(++rounds <= TABLES_MAX);
	} while (rc == COLLECT_MORE);
	assert_int_equal(found, expected);
	assert_int_equal(sp_get(os_shadow(space.cr3))->nr_unsync, 0);
}

/* One case: tables of the mask unsync are, those of the mask gone are unlinked then. */
static void one_case(u32 nr, u32 per_pd, u32 unsync, u32 gone)
{
	os_boot(1);
	space = sim_space_new(SIM_LM4);
	for (u32 i = 0; i < nr; i++)
		os_map(&space, page(i, per_pd), DATA(i));
	sim_set_space(v0, &space, true, true);
	for (u32 i = 0; i < nr; i++)
		sim_expect_ok(v0, page(i, per_pd), MMU_R, DATA(i));
	for (u32 i = 0; i < nr; i++)
		if (unsync & BIT32(i))
			os_set_pte(v0, &space, page(i, per_pd), 1, OTHER(i) | LEAF);
	os_leave(v0);
	env_lock(&sim.vm.lock);
	for (u32 i = 0; i < nr; i++) {
		u64 pde = sim_pte(&space, page(i, per_pd), 2);

		if (gone & BIT32(i))
			sp_drop(&sim.vm, os_shadow(pde), (u32)(pde % PAGE_SIZE / 8));
	}
	collect_all(nr, per_pd, gone, (u32)__builtin_popcount(unsync & ~gone));
	env_unlock(&sim.vm.lock);
	sim_load_cr3(v0, space.cr3);
	for (u32 i = 0; i < nr; i++)
		sim_expect_ok(v0, page(i, per_pd), MMU_R, unsync & BIT32(i) ? OTHER(i) : DATA(i));
	os_end();
}

/* S4.4, S4.8 */
static void a_clear_bit_means_that_all_below_is_covered(void **state)
{
	(void)state;
	for (u32 nr = 3; nr <= TABLES_MAX; nr += 2)
		for (u32 per_pd = 1; per_pd <= nr; per_pd++)
			for (u32 unsync = 1; unsync < BIT32(nr); unsync++)
				one_case(nr, per_pd, unsync, 0);
}

/* S4.6 */
static void tables_that_were_unlinked_are_not_collected(void **state)
{
	(void)state;
	for (u32 per_pd = 1; per_pd <= 3; per_pd++)
		for (u32 gone = 1; gone < 8; gone++)
			one_case(3, per_pd, 7, gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clear_bit_means_that_all_below_is_covered),
		cmocka_unit_test(tables_that_were_unlinked_are_not_collected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
