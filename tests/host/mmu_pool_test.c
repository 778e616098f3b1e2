/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* The page pool: what is given out, to whom, and what comes back. */

#include "mmu_sim.h"

#include <errno.h>

#include "mmu/farray.h"
#include "mmu/flush.h"
#include "mmu/stat.h"

static struct mmu_vm a, b;

static void start(u32 pages, u32 quota_a, u32 quota_b)
{
	sim_start(SPTE_NPT, pages, 1);
	sim_vm(&a, 1, quota_a);
	assert_int_equal(
		mmu_vm_init(&b, &(struct mmu_vm_cfg){ .vm_id = 2, .quota_pages = quota_b }), 0);
}

static void headers_come_out_of_the_range(void **state)
{
	static const u32 sizes[] = { 2, 3, 127, 128, 129, 130, 258, 259, 4096, 100000 };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		u32 n = sizes[i], headers;

		sim_start(SPTE_NPT, n, 1);
		headers = n - mmu_pool_total();
		assert_int_equal(mmu_pool_free(), mmu_pool_total());
		/* Room for a header of each page and the unused one, but not a page too much. */
		assert_true((u64)headers * 4096 >= (mmu_pool_total() + 1ULL) * sizeof(struct sp));
		assert_true((headers - 1ULL) * 4096 <
			    (mmu_pool_total() + 2ULL) * sizeof(struct sp));
		assert_int_equal(sp_hpa(1).v, SIM_POOL + headers * 4096ULL);
		assert_int_equal(sp_hpa(mmu_pool_total()).v, SIM_POOL + (n - 1ULL) * 4096);
		assert_int_equal(sp_of_hpa(sp_hpa(1)), 1);
		assert_int_equal(sp_of_hpa(HPA(sp_hpa(mmu_pool_total()).v + 0xfff)),
				 mmu_pool_total());
		assert_int_equal(sp_of_hpa(HPA(SIM_POOL + n * 4096ULL)), 0);
		assert_int_equal(sp_of_hpa(HPA(sp_hpa(1).v - 1)), 0);
		assert_int_equal(sp_of_hpa(HPA(0)), 0);
	}
}

static void quota_and_pool_limit_a_reserve(void **state)
{
	struct mmu_res r = { .nr = 0 }, s = { .nr = 0 };

	(void)state;
	start(12, 5, 100);
	/* 11 pages, one for each root. */
	assert_int_equal(mmu_pool_free(), 9);
	assert_int_equal(res_fill(&a, &r, 4), 0);
	assert_int_equal(a.used, 5);
	assert_int_equal(res_fill(&a, &r, 4), 0);
	assert_int_equal(res_fill(&a, &r, 3), 0);
	assert_int_equal(r.nr, 4);
	assert_int_equal(res_fill(&a, &r, 5), -ENOMEM);
	assert_int_equal(r.nr, 4);
	assert_int_equal(res_fill(&b, &s, 6), -ENOMEM);
	assert_int_equal(res_fill(&b, &s, 5), 0);
	assert_int_equal(mmu_pool_free(), 0);
	assert_int_equal(mmu_stat_get(&a, MMU_STAT_NOMEM), 1);
	sim_audit(&a);
	sim_audit(&b);
	res_drop(&a, &r);
	res_drop(&b, &s);
	assert_int_equal(a.used, 1);
	assert_int_equal(mmu_pool_free(), 9);
	mmu_vm_fini(&a);
	mmu_vm_fini(&b);
	assert_int_equal(mmu_pool_free(), mmu_pool_total());
}

static void pages_come_zeroed(void **state)
{
	struct mmu_res r = { .nr = 0 };

	(void)state;
	start(20, 10, 10);
	for (u32 round = 0; round < 3; round++) {
		assert_int_equal(res_fill(&a, &r, 8), 0);
		for (u32 i = 0; i < 8; i++) {
			const u64 *t = sp_table(r.page[i]);

			for (u32 j = 0; j < 512; j++)
				assert_int_equal(t[j], 0);
			memset(sp_table(r.page[i]), 0xff, PAGE_SIZE);
		}
		res_drop(&a, &r);
	}
	mmu_vm_fini(&a);
	mmu_vm_fini(&b);
}

static void vm_without_a_page_for_its_root_is_refused(void **state)
{
	(void)state;
	sim_start(SPTE_NPT, 20, 1);
	assert_int_equal(mmu_vm_init(&a, &(struct mmu_vm_cfg){ .vm_id = 1, .quota_pages = 0 }),
			 -ENOMEM);
	mmu_vm_fini(&a);
	assert_int_equal(
		mmu_vm_init(&a, &(struct mmu_vm_cfg){ .vm_id = MMU_MAX_VMS, .quota_pages = 5 }),
		-EINVAL);
	assert_int_equal(mmu_pool_free(), mmu_pool_total());
}

static void frame_arrays_grow_where_they_are_used(void **state)
{
	struct mmu_res r = { .nr = 0 };
	struct farray f = { 0 };
	spx_t first;

	(void)state;
	start(20, 15, 10);
	assert_int_equal(res_fill(&a, &r, 8), 0);
	assert_int_equal(farray_page(&f, 0, FARRAY_U16), 0);
	assert_int_equal(farray_needs(&f, 0, FARRAY_U16), 2);
	first = farray_extend(&f, 5, FARRAY_U16, &r);
	assert_int_equal(farray_page(&f, 2047, FARRAY_U16), first);
	assert_int_equal(farray_needs(&f, 2047, FARRAY_U16), 0);
	assert_int_equal(farray_needs(&f, 2048, FARRAY_U16), 1);
	assert_int_not_equal(farray_extend(&f, MMU_SLOT_MAX_FRAMES - 1, FARRAY_U16, &r), first);
	assert_int_equal(r.nr, 5);
	assert_int_equal(farray_extend(&f, 1, FARRAY_U16, &r), first);
	assert_int_equal(r.nr, 5);
	farray_free(&a, &f);
	farray_free(&a, &f);
	assert_int_equal(a.used, 6);
	res_drop(&a, &r);
	mmu_vm_fini(&a);
	mmu_vm_fini(&b);
	assert_int_equal(mmu_pool_free(), mmu_pool_total());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_come_out_of_the_range),
		cmocka_unit_test(quota_and_pool_limit_a_reserve),
		cmocka_unit_test(pages_come_zeroed),
		cmocka_unit_test(vm_without_a_page_for_its_root_is_refused),
		cmocka_unit_test(frame_arrays_grow_where_they_are_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
