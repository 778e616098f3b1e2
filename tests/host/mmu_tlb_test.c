/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/*
 * The tag-epoch protocol: who must flush, who is waited for, when a table page may be used again;
 * with other CPUs that act at every point where the protocol could be interrupted.
 */

#include "mmu_sim.h"

#include <errno.h>

#include "mmu/flush.h"
#include "mmu/reader.h"
#include "mmu/stat.h"

#define RAM_FRAME (SIM_RAM >> PAGE_SHIFT)

static struct mmu_vm vm;

static void start(void)
{
	sim_start(SPTE_NPT, 128, 3);
	sim_vm(&vm, 1, 100);
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0, 2048, RAM_FRAME), 0);
	assert_int_equal(mmu_prebuild(&vm), 0);
}

static void finish(void)
{
	sim_audit(&vm);
	mmu_vm_fini(&vm);
	assert_int_equal(mmu_pool_free(), mmu_pool_total());
}

static void sync_locked(void)
{
	env_lock(&vm.lock);
	tlb_sync(&vm);
	env_unlock(&vm.lock);
}

/* --- entry and exit --------------------------------------------------------------------------- */

static void fresh_tag_flushes_once(void **state)
{
	struct mmu_tag *t = &sim_cpu[0].tag;

	(void)state;
	start();
	assert_int_equal(mmu_enter(&vm, t), MMU_FLUSH_TAG);
	assert_int_equal(t->in_guest, 1);
	mmu_exit(t);
	assert_int_equal(t->in_guest, 0);
	/* The world switch did not take place: the flush is still owed. */
	assert_int_equal(mmu_enter(&vm, t), MMU_FLUSH_TAG);
	mmu_exit(t);
	mmu_flushed(t);
	assert_int_equal(mmu_enter(&vm, t), MMU_FLUSH_NONE);
	mmu_exit(t);
	mmu_tag_fresh(t, 2);
	assert_int_equal(t->cpu, 2);
	assert_int_equal(mmu_enter(&vm, t), MMU_FLUSH_TAG);
	mmu_exit(t);
	finish();
}

static void parked_tag_flushes_before_it_runs_again(void **state)
{
	(void)state;
	start();
	sim_enter(0, &vm);
	sim_exit(0);
	sync_locked();
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FLUSH_KICK), 0);
	sim_enter(0, &vm);
	assert_true(sim_cpu[0].flush);
	sim_exit(0);
	sim_enter(0, &vm);
	assert_false(sim_cpu[0].flush);
	sim_exit(0);
	finish();
}

static void unregistered_tag_is_not_waited_for(void **state)
{
	struct mmu_tag other;

	(void)state;
	start();
	mmu_tag_register(&vm, &other, 1);
	mmu_tag_unregister(&vm, &sim_cpu[1].tag);
	mmu_tag_unregister(&vm, &sim_cpu[1].tag);
	sim_cpu[1].tag.in_guest = 1;
	sync_locked();
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FLUSH_KICK), 0);
	mmu_tag_unregister(&vm, &other);
	finish();
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void running_cpus_are_kicked_and_awaited(void **state)
{
	(void)state;
	start();
	sim_enter(1, &vm);
	sim_enter(2, &vm);
	sync_locked();
	assert_null(sim_cpu[1].vm);
	assert_null(sim_cpu[2].vm);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FLUSH_KICK), 2);
	finish();
}

static u32 turns;

static void come_back_at_once(void)
{
	turns++;
	if (turns == 3) {
		/* Out and in again: it runs on, but with a flush behind it. */
		sim_exit(1);
		sim_enter(1, &vm);
		assert_true(sim_cpu[1].flush);
	}
	sim_cpu[1].kicked = false;
}

static void cpu_that_came_back_is_not_awaited_again(void **state)
{
	(void)state;
	start();
	sim_enter(1, &vm);
	sim_exit(1);
	sim_enter(1, &vm);
	turns = 0;
	env_sim.relax = come_back_at_once;
	sync_locked();
	assert_int_equal(turns, 3);
	assert_non_null(sim_cpu[1].vm);
	sim_exit(1);
	finish();
}

static void lose_the_kick(void)
{
	turns++;
	if (turns < 2500000)
		sim_cpu[1].kicked = false;
}

static void lost_kick_is_repeated(void **state)
{
	(void)state;
	start();
	sim_enter(1, &vm);
	turns = 0;
	env_sim.relax = lose_the_kick;
	sync_locked();
	assert_true(mmu_stat_get(&vm, MMU_STAT_FLUSH_KICK) >= 3);
	finish();
}

/* --- races ------------------------------------------------------------------------------------ */

/*
 * Another CPU takes rights away while this one is inside mmu_enter(): before the tag is published,
 * between the fence and the loads, or after. In each case this CPU flushes, or is waited for.
 */
static int when;
static bool waited;

static void enter_finishes(void)
{
	waited = true;
	sim_cpu[0].tag.in_guest = 0;
}

static void sync_now(void)
{
	if (when != 1)
		return;
	when = 0;
	env_sim.relax = enter_finishes;
	sync_locked();
	env_sim.relax = NULL;
	if (waited)
		sim_cpu[0].tag.in_guest = 1;
}

static void sync_during_entry_is_seen_by_one_side(void **state)
{
	struct mmu_tag *t = &sim_cpu[0].tag;

	(void)state;
	for (int point = 0; point < 3; point++) {
		enum mmu_flush flush;

		start();
		(void)mmu_enter(&vm, t);
		mmu_exit(t);
		mmu_flushed(t);
		waited = false;
		if (point == 0)
			sync_locked();
		when = point;
		env_sim.published = sync_now;
		flush = mmu_enter(&vm, t);
		env_sim.published = NULL;
		if (point == 2) {
			env_sim.relax = enter_finishes;
			sync_locked();
			env_sim.relax = NULL;
		}
		assert_true(flush == MMU_FLUSH_TAG || waited);
		mmu_exit(t);
		finish();
	}
}

/* --- pages ------------------------------------------------------------------------------------ */

static u32 quarantined(void)
{
	u32 n = 0;

	for (spx_t x = vm.quarantine; x; x = sp_get(x)->next)
		n++;
	return n;
}

/* Splits and gives back 2 MiB: one table page is unlinked while its translations still hold. */
static void unlink_a_table(void)
{
	assert_int_equal(mmu_track_add(&vm, GFN(700), MMU_W), 0);
	mmu_track_remove(&vm, GFN(700), MMU_W);
}

static void drain(void)
{
	env_lock(&vm.lock);
	pool_drain(&vm);
	env_unlock(&vm.lock);
}

static void unlinked_table_waits_for_running_cpus_without_a_kick(void **state)
{
	u64 kicks;

	(void)state;
	start();
	assert_int_equal(mmu_track_add(&vm, GFN(700), MMU_W), 0);
	sim_enter(1, &vm);
	kicks = mmu_stat_get(&vm, MMU_STAT_FLUSH_KICK);
	mmu_track_remove(&vm, GFN(700), MMU_W);
	drain();
	assert_int_equal(quarantined(), 1);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FLUSH_KICK), kicks);
	sim_exit(1);
	drain();
	assert_int_equal(quarantined(), 0);
	/* Parked while its page was freed: it flushes before it runs. */
	sim_enter(1, &vm);
	assert_true(sim_cpu[1].flush);
	sim_exit(1);
	finish();
}

static void reader_holds_pages_back(void **state)
{
	struct mmu_reader *r;
	struct mmu_res res = { .nr = 0 };

	(void)state;
	start();
	unlink_a_table();
	env_sim.cpu = 2;
	r = mmu_read_begin();
	env_sim.cpu = 0;
	drain();
	assert_int_equal(quarantined(), 1);
	/* And a request that needs just that page must come again later. */
	vm.quota = vm.used;
	assert_int_equal(res_fill(&vm, &res, 1), -EAGAIN);
	mmu_read_end(r);
	assert_int_equal(res_fill(&vm, &res, 1), 0);
	assert_int_equal(quarantined(), 0);
	res_drop(&vm, &res);
	finish();
}

static void page_request_kicks_when_nothing_else_is_left(void **state)
{
	struct mmu_res res = { .nr = 0 };

	(void)state;
	start();
	assert_int_equal(mmu_track_add(&vm, GFN(700), MMU_W), 0);
	sim_enter(1, &vm);
	mmu_track_remove(&vm, GFN(700), MMU_W);
	vm.quota = vm.used;
	assert_non_null(sim_cpu[1].vm);
	assert_int_equal(res_fill(&vm, &res, 1), 0);
	assert_null(sim_cpu[1].vm);
	res_drop(&vm, &res);
	finish();
}

static struct mmu_reader *busy;

static void end_reading(void)
{
	if (++turns == 20)
		mmu_read_end(busy);
}

static void slot_change_waits_for_a_reader(void **state)
{
	(void)state;
	start();
	unlink_a_table();
	unlink_a_table();
	vm.quota = vm.used;
	env_sim.cpu = 2;
	busy = mmu_read_begin();
	env_sim.cpu = 0;
	turns = 0;
	env_sim.locking = end_reading;
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0x1001, 1, 1), 0);
	assert_true(turns >= 20);
	finish();
}

/* --- everything at once ----------------------------------------------------------------------- */

static u64 present_hfn; /* of the slot that comes and goes, 0 = gone */

/* During a wait the running CPUs use what they have: old or new, but never a reused page. */
static void run_on(void)
{
	for (u32 c = 1; c < env_sim.nr_cpus; c++)
		for (u32 i = 0; sim_cpu[c].vm && i < SIM_TLB; i++)
			if (sim_cpu[c].tlb[i].nr && !sim_cpu[c].tlb[i].leaf) {
				spx_t x = sp_of_hpa(HPA(sim_cpu[c].tlb[i].hpa));

				assert_int_equal(sp_get(x)->vm, vm.id);
				assert_int_not_equal(sp_get(x)->state, SP_FREE);
			}
}

static void access_all(u32 c)
{
	struct mmu_result r;
	u64 hpa;

	for (u32 i = 0; i < 8; i++) {
		u64 gfn = 0x10000 + sim_rand(1200);
		enum mmu_verdict v;

		if (!sim_cpu[c].vm)
			sim_enter(c, &vm);
		v = sim_access(c, GPA(gfn << 12), MMU_W, &hpa, &r);
		if (!present_hfn || gfn >= 0x10000 + 1100) {
			assert_int_equal(v, MMU_MMIO);
		} else if (v != MMU_TRACKED) {
			assert_int_equal(v, MMU_SPURIOUS);
			assert_int_equal(hpa, (present_hfn + gfn - 0x10000) << 12);
		}
	}
}

static void stale_translations_never_outlive_a_change(void **state)
{
	(void)state;
	start();
	env_sim.relax = run_on;
	for (u32 round = 0; round < 3000; round++) {
		u64 gfn = 0x10000 + sim_rand(1100);

		switch (sim_rand(4)) {
		case 0:
			if (present_hfn) {
				assert_int_equal(mmu_slot_remove(&vm, GFN(0x10000)), 0);
				present_hfn = 0;
			} else {
				present_hfn = RAM_FRAME + 0x10000 * (1 + sim_rand(3)) + sim_rand(2);
				assert_int_equal(sim_add(&vm, SLOT_RAM, 0x10000, 1100, present_hfn),
						 0);
			}
			break;
		case 1:
			if (present_hfn && mmu_track_add(&vm, GFN(gfn), MMU_W) == 0 && sim_rand(2))
				mmu_track_remove(&vm, GFN(gfn), MMU_W);
			break;
		default:
			break;
		}
		access_all(1);
		access_all(2);
		if (!sim_rand(3) && sim_cpu[1].vm)
			sim_exit(1);
		if (!sim_rand(50))
			sim_audit(&vm);
	}
	for (u32 c = 1; c < 3; c++)
		if (sim_cpu[c].vm)
			sim_exit(c);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh_tag_flushes_once),
		cmocka_unit_test(parked_tag_flushes_before_it_runs_again),
		cmocka_unit_test(unregistered_tag_is_not_waited_for),
		cmocka_unit_test(running_cpus_are_kicked_and_awaited),
		cmocka_unit_test(cpu_that_came_back_is_not_awaited_again),
		cmocka_unit_test(lost_kick_is_repeated),
		cmocka_unit_test(sync_during_entry_is_seen_by_one_side),
		cmocka_unit_test(unlinked_table_waits_for_running_cpus_without_a_kick),
		cmocka_unit_test(reader_holds_pages_back),
		cmocka_unit_test(slot_change_waits_for_a_reader),
		cmocka_unit_test(page_request_kicks_when_nothing_else_is_left),
		cmocka_unit_test(stale_translations_never_outlive_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
