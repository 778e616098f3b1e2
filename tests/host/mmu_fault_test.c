/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* Verdicts of nested faults, one by one. */

#include "mmu_sim.h"

#include "mmu/reader.h"
#include "mmu/stat.h"

#define RAM_FRAME (SIM_RAM >> PAGE_SHIFT)

static struct mmu_vm vm;
static struct mmu_result r;

static void start(u32 quota)
{
	sim_start(SPTE_NPT, 64, 2);
	sim_vm(&vm, 0, quota);
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0, 1024, RAM_FRAME), 0);
	assert_int_equal(sim_add(&vm, SLOT_ROM, 2048, 4, RAM_FRAME + 4096), 0);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0xfec00, 1, 5), 0);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0xfee00, 2, 6), 0);
}

static void finish(void)
{
	sim_audit(&vm);
	mmu_vm_fini(&vm);
	assert_int_equal(mmu_pool_free(), mmu_pool_total());
}

static enum mmu_verdict fault(u64 gpa, u32 access)
{
	r = (struct mmu_result){ .dev = 0x7777 };
	return mmu_fault(&vm, &(struct mmu_fault){ .gpa = GPA(gpa), .access = access }, &r);
}

static void device_page_is_answered_from_the_lookaside(void **state)
{
	(void)state;
	start(60);
	assert_int_equal(mmu_prebuild(&vm), 0);
	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(fault(0xfee01abc, MMU_W), MMU_MMIO);
		assert_int_equal(r.dev, 6);
		assert_int_equal(r.dev_base.v, 0xfee00000);
		assert_int_equal(fault(0xfec00000, MMU_R), MMU_MMIO);
		assert_int_equal(r.dev, 5);
		assert_int_equal(r.dev_base.v, 0xfec00000);
		assert_non_null(r.reason);
	}
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_MMIO), 6);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_MMIO_SLOW), 0);
	finish();
}

static void lookaside_forgets_a_slot_that_has_changed(void **state)
{
	(void)state;
	start(60);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(fault(0xfee00000, MMU_W), MMU_MMIO);
	assert_int_equal(fault(0xfec00000, MMU_W), MMU_MMIO);
	assert_int_equal(mmu_slot_remove(&vm, GFN(0xfee00)), 0);
	assert_int_equal(fault(0xfee00000, MMU_W), MMU_MMIO);
	assert_int_equal(r.dev, MMU_DEV_NONE);
	/* The same place again, another device; and it takes the same number in the table. */
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0xfee00, 1, 9), 0);
	assert_int_equal(fault(0xfee00000, MMU_W), MMU_MMIO);
	assert_int_equal(r.dev, 9);
	/* The other device's entry is of the old generation: found anew, once. */
	assert_int_equal(fault(0xfec00000, MMU_W), MMU_MMIO);
	assert_int_equal(r.dev, 5);
	assert_int_equal(fault(0xfec00000, MMU_W), MMU_MMIO);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_MMIO_SLOW), 1);
	finish();
}

static void hole_reads_ones_and_is_not_cached(void **state)
{
	u32 used;

	(void)state;
	start(60);
	assert_int_equal(mmu_prebuild(&vm), 0);
	used = vm.used;
	assert_int_equal(fault(0x80000000, MMU_R), MMU_MMIO);
	assert_int_equal(r.dev, MMU_DEV_NONE);
	assert_int_equal(fault(1ULL << 39, MMU_R), MMU_MMIO);
	assert_int_equal(fault(1ULL << 51, MMU_R), MMU_MMIO);
	assert_int_equal(r.dev, MMU_DEV_NONE);
	/* Where the tables would wrap round to a device. */
	assert_int_equal(fault(1ULL << 48 | 0xfee00000, MMU_R), MMU_MMIO);
	assert_int_equal(r.dev, MMU_DEV_NONE);
	assert_int_equal(vm.used, used);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_HOLE), 4);
	finish();
}

static void writes_that_must_be_seen_are_emulated(void **state)
{
	(void)state;
	start(60);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(fault(2048ULL << 12, MMU_W), MMU_EMULATE);
	assert_string_equal(r.reason, "write to ROM");
	assert_int_equal(mmu_track_add(&vm, GFN(17), MMU_W), 0);
	assert_int_equal(fault(17ULL << 12, MMU_W), MMU_TRACKED);
	assert_string_equal(r.reason, "access to a tracked frame");
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_ROM), 1);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_TRACKED), 1);
	/* Tracking W is about writes. */
	assert_int_equal(fault(17ULL << 12, MMU_R), MMU_SPURIOUS);
	finish();
}

static void access_that_a_track_withholds_is_said(void **state)
{
	(void)state;
	start(60);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(mmu_track_add(&vm, GFN(17), MMU_R), 0);
	assert_int_equal(fault(17ULL << 12, MMU_R), MMU_TRACKED);
	assert_int_equal(fault(17ULL << 12, MMU_W), MMU_TRACKED);
	/* No entry of this format has X alone. */
	assert_int_equal(fault(17ULL << 12, MMU_X), MMU_TRACKED);
	assert_int_equal(mmu_track_add(&vm, GFN(18), MMU_X), 0);
	assert_int_equal(fault(18ULL << 12, MMU_X), MMU_TRACKED);
	assert_int_equal(fault(18ULL << 12, MMU_W), MMU_SPURIOUS);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_TRACKED), 4);
	mmu_track_remove(&vm, GFN(17), MMU_R);
	assert_int_equal(fault(17ULL << 12, MMU_R), MMU_SPURIOUS);
	finish();
}

/* With the log on as well the frame is written only once both let it be. */
static void tracked_frame_in_a_logged_slot_is_not_marked(void **state)
{
	u64 bits[16];

	(void)state;
	start(60);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(mmu_track_add(&vm, GFN(17), MMU_R), 0);
	assert_int_equal(mmu_dirty_start(&vm, GFN(0)), 0);
	assert_int_equal(fault(17ULL << 12, MMU_W), MMU_TRACKED);
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(0), 1024, bits), 0);
	assert_int_equal(bits[0], 0);
	mmu_track_remove(&vm, GFN(17), MMU_R);
	assert_int_equal(fault(17ULL << 12, MMU_W), MMU_FIXED);
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(0), 1024, bits), 0);
	assert_int_equal(bits[0], 1 << 17);
	finish();
}

static void missing_entry_is_installed(void **state)
{
	u64 hpa;
	u32 level;

	(void)state;
	start(60);
	assert_int_equal(sim_hw_walk(&vm, GPA(0), &hpa, &level), 0);
	assert_int_equal(fault(0x1000, MMU_W), MMU_FIXED);
	assert_int_equal(sim_hw_walk(&vm, GPA(0), &hpa, &level), MMU_R | MMU_W | MMU_X);
	assert_int_equal(level, 2);
	assert_int_equal(fault(0xfee00000, MMU_W), MMU_MMIO);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_MMIO_SLOW), 1);
	assert_int_equal(fault(0xfee00000, MMU_W), MMU_MMIO);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_MMIO), 1);
	finish();
}

static void endless_spurious_fault_stops_the_vm(void **state)
{
	u64 floor;
	u32 n = 1;

	(void)state;
	start(60);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(fault(0x1000, MMU_W), MMU_SPURIOUS);
	floor = vm.flush_floor;
	assert_int_equal(fault(0x2000, MMU_W), MMU_SPURIOUS);
	assert_int_equal(vm.flush_floor, floor);
	/* Twice in a row: the next entry flushes. */
	assert_int_equal(fault(0x2000, MMU_W), MMU_SPURIOUS);
	assert_true(vm.flush_floor > floor);
	while (n < 200000 && fault(0x1000, MMU_W) == MMU_SPURIOUS)
		n++;
	assert_in_range(n, 1000, 100000);
	assert_int_equal(fault(0x5000, MMU_W), MMU_KILL_VM);
	assert_non_null(r.reason);
	/* Device pages that are cached are still served until the VM is stopped. */
	finish();
}

static void progress_in_between_is_no_endless_fault(void **state)
{
	u64 bits[16];

	(void)state;
	start(60);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(mmu_dirty_start(&vm, GFN(0)), 0);
	for (u32 i = 0; i < 40000; i++) {
		if (i % 1000 == 0)
			assert_int_equal(mmu_dirty_fetch(&vm, GFN(0), 1024, bits), 0);
		assert_int_equal(fault(0x1000, MMU_W), i % 1000 ? MMU_SPURIOUS : MMU_FIXED);
	}
	finish();
}

static void used_up_quota_is_said(void **state)
{
	(void)state;
	start(2);
	assert_int_equal(fault(0x1000, MMU_W), MMU_NOMEM);
	assert_non_null(r.reason);
	assert_int_equal(fault(0xfee00000, MMU_W), MMU_MMIO);
	assert_int_equal(r.dev, 6);
	assert_true(mmu_stat_get(&vm, MMU_STAT_NOMEM) > 0);
	finish();
}

static void pages_held_by_a_reader_mean_retry(void **state)
{
	struct mmu_reader *reader;

	(void)state;
	start(60);
	assert_int_equal(fault(0x1000, MMU_W), MMU_FIXED);
	assert_int_equal(mmu_track_add(&vm, GFN(1), MMU_W), 0);
	mmu_track_remove(&vm, GFN(1), MMU_W);
	vm.quota = vm.used;
	env_sim.cpu = 1;
	reader = mmu_read_begin();
	env_sim.cpu = 0;
	assert_int_equal(fault(2048ULL << 12, MMU_R), MMU_RETRY);
	mmu_read_end(reader);
	assert_int_equal(fault(2048ULL << 12, MMU_R), MMU_FIXED);
	finish();
}

static void first_write_to_a_logged_frame_is_let_through(void **state)
{
	u64 bits[16];

	(void)state;
	start(60);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(mmu_dirty_start(&vm, GFN(0)), 0);
	assert_int_equal(fault(0x3000, MMU_W), MMU_FIXED);
	assert_int_equal(fault(0x3000, MMU_W), MMU_SPURIOUS);
	assert_int_equal(mmu_stat_get(&vm, MMU_STAT_FAULT_DIRTY), 1);
	assert_int_equal(mmu_dirty_fetch(&vm, GFN(0), 1024, bits), 0);
	assert_int_equal(bits[0], 1 << 3);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_page_is_answered_from_the_lookaside),
		cmocka_unit_test(lookaside_forgets_a_slot_that_has_changed),
		cmocka_unit_test(hole_reads_ones_and_is_not_cached),
		cmocka_unit_test(writes_that_must_be_seen_are_emulated),
		cmocka_unit_test(access_that_a_track_withholds_is_said),
		cmocka_unit_test(tracked_frame_in_a_logged_slot_is_not_marked),
		cmocka_unit_test(missing_entry_is_installed),
		cmocka_unit_test(endless_spurious_fault_stops_the_vm),
		cmocka_unit_test(progress_in_between_is_no_endless_fault),
		cmocka_unit_test(used_up_quota_is_said),
		cmocka_unit_test(pages_held_by_a_reader_mean_retry),
		cmocka_unit_test(first_write_to_a_logged_frame_is_let_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
