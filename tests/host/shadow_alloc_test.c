/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* CFLAGS: -DMMU_LEVEL_BITS=2 */
/*
 * Shadow paging without memory: every allocation refused once, and the least quota that is enough.
 */
#include "test.h"

#include <errno.h>

#include "mmu/geom.h"
#include "mmu/reader.h"
#include "mmu/shadow/fetch.h"
#include "mmu/shadow/idlist.h"
#include "tests/host/mmu_ref.h"
#include "tests/sim/driver.h"
#include "tests/sim/sim.h"

#define VA   0x3000ULL
#define DATA 0x1a000ULL

/* Every allocation of a short run is refused in turn: the access gives "no memory" at most, leaves
 * nothing half done, and succeeds when it is tried again. */
static void refuse_each(bool steady)
{
	for (u64 seed = 1; seed <= 6; seed++) {
		struct driver_options o = { .seed = seed,
					    .ops = 300,
					    .episode = 300,
					    .audit = true,
					    .refuse = ~0ULL,
					    .steady = steady };
		u64 n = driver_run(&o);

		assert_true(n > 20);
		for (o.refuse = 1; o.refuse <= n; o.refuse++)
			driver_run(&o);
	}
}

static void any_allocation_may_fail_once(void **state)
{
	(void)state;
	refuse_each(false);
}

static void any_allocation_may_fail_with_all_after_it(void **state)
{
	(void)state;
	refuse_each(true);
}

static void least_quota_makes_progress(void **state)
{
	struct driver_options o = { .seed = 500,
				    .ops = 20000,
				    .episode = 1000,
				    .audit = true,
				    .stats = true,
				    .tiny = true };

	(void)state;
	driver_run(&o);
}

/* Pages that nobody but a lock-free reader holds back are waited for: that is not "no memory". */
static void reader_that_holds_pages_back_makes_it_retry(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s;
	struct mmu_reader *reader;
	struct sim_turn t;
	u64 refused;

	(void)state;
	sim_start(&(struct sim_cfg){ .cpus = 3, .vcpus = 1 });
	sim.keep = SIM_KEEP_NOTHING;
	sim_tables_at(1);
	s = sim_space_new(SIM_LM4);
	sim_map(&s, VA, DATA, P_ | W_ | U_ | A_ | D_, 1);
	sim_set_space(v, &s, true, true);
	sim_expect_ok(v, VA, MMU_R, DATA);
	sim.vm.quota = sim.vm.used;
	refused = sim_stat(MMU_STAT_NOMEM);
	t = sim_cpu_take(1);
	reader = mmu_read_begin();
	sim_cpu_back(t);
	t = sim_elsewhere();
	mmu_unshadow(&sim.vm, GFN(sim_pte(&s, VA, 1) >> PAGE_SHIFT));
	sim_cpu_back(t);
	sim.may_stick = true;
	assert_int_equal(sim_do(v, VA, MMU_R).end, SIM_STUCK);
	assert_int_equal(sim_stat(MMU_STAT_NOMEM), refused);
	mmu_read_end(reader);
	sim.may_stick = false;
	sim_expect_ok(v, VA, MMU_R, DATA);
	sim_audit();
	sim_stop();
}

/* Takes of the lock that are still to come before another CPU drops everything; 0: it has. */
static u32 before_drop;

static void drop_all(void)
{
	struct sim_turn t;

	if (sim.vm.lock.held || !before_drop || --before_drop)
		return;
	t = sim_elsewhere();
	mmu_shadow_zap_all(&sim.vm);
	env_lock(&sim.vm.lock);
	idlist_trim(&sim.vm, &sim.vm.shadow.ids);
	env_unlock(&sim.vm.lock);
	sim_cpu_back(t);
}

/*
 * A vCPU finds no page. Before it can take some from others somebody has dropped all there is: it
 * has nothing to take then, but there are pages again.
 */
static void pages_that_others_have_dropped_are_found(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s;

	(void)state;
	for (u32 locks = 1; locks < 40; locks++) {
		sim_start(&(struct sim_cfg){ .cpus = 3, .vcpus = 2 });
		sim.keep = SIM_KEEP_NOTHING;
		sim_tables_at(1);
		s = sim_space_new(SIM_LM4);
		sim_map(&s, VA, DATA, P_ | W_ | U_ | A_ | D_, 1);
		sim_set_space(v, &s, true, true);
		sim_set_space(&sim.vcpu[1], &s, true, true);
		sim_expect_ok(&sim.vcpu[1], VA, MMU_R, DATA);
		sim_exit(&sim.vcpu[1]);
		/* One page is lacking. */
		sim.vm.quota = sim.vm.used + FETCH_PAGES - 1;
		before_drop = locks;
		env_sim.locking = drop_all;
		sim_load_cr3(v, 0x3000);
		(void)sim_enter(v);
		env_sim.locking = NULL;
		assert_true(v->in_guest);
		sim_stop();
		if (before_drop)
			return; /* it has taken the lock less often */
	}
}

/* --- the beginning ---------------------------------------------------------------------------- */

static u64 left;

static bool count_down(enum mmu_hook h)
{
	return h == HOOK_ALLOC && left-- == 0;
}

static int begin(void)
{
	static struct mmu_ctx ctx;
	static struct mmu_tag tag;
	const struct mmu_caps caps = { 40, true, true, true };
	int r = mmu_shadow_init(&sim.vm);

	if (r)
		return r;
	mmu_tag_register(&sim.vm, &tag, 0);
	r = mmu_ctx_init(&ctx, &sim.vm, &tag, &caps);
	if (r == 0)
		mmu_ctx_fini(&ctx);
	mmu_tag_unregister(&sim.vm, &tag);
	return r;
}

static void beginning_without_memory_says_so_and_loses_nothing(void **state)
{
	u64 n = 0;
	int r;

	(void)state;
	do {
		sim_start(&(struct sim_cfg){ .cpus = 1, .vcpus = 0 });
		sim_stop();
		assert_int_equal(mmu_vm_init(&sim.vm, &(struct mmu_vm_cfg){ .vm_id = 3,
									    .quota_pages = 200 }),
				 0);
		left = n++;
		env_sim.hook = count_down;
		r = begin();
		env_sim.hook = NULL;
		assert_true(r == 0 || r == -ENOMEM);
		mmu_vm_fini(&sim.vm);
		assert_int_equal(mmu_pool_free(), mmu_pool_total());
	} while (r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_allocation_may_fail_once),
		cmocka_unit_test(any_allocation_may_fail_with_all_after_it),
		cmocka_unit_test(least_quota_makes_progress),
		cmocka_unit_test(reader_that_holds_pages_back_makes_it_retry),
		cmocka_unit_test(pages_that_others_have_dropped_are_found),
		cmocka_unit_test(beginning_without_memory_says_so_and_loses_nothing),
	};

	ref_level_bits = MMU_LEVEL_BITS;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
