/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* The audit must find damage: each case plants one kind and names the invariant that must break. */

#include "mmu_sim.h"

#include "mmu/direct.h"
#include "mmu/farray.h"
#include "mmu/spte.h"

#define RAM_FRAME (SIM_RAM >> PAGE_SHIFT)

static struct mmu_vm vm, other;

/*
 * Every kind of slot, entry and page: RAM small and large, ROM, devices, a log, a tracked frame,
 * and a page in quarantine that a running CPU holds back.
 */
static void start(u8 fmt)
{
	sim_start(fmt, 128, 2);
	assert_int_equal(mmu_vm_init(&other, &(struct mmu_vm_cfg){ .vm_id = 9, .quota_pages = 9 }),
			 0);
	sim_vm(&vm, 1, 100);
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0, 0x900, RAM_FRAME), 0);
	assert_int_equal(sim_add(&vm, SLOT_ROM, 0xfffe0, 0x20, RAM_FRAME + 0x1000), 0);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0xfee00, 1, 4), 0);
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0x2000, 70, RAM_FRAME + 0x2000), 0);
	assert_int_equal(mmu_prebuild(&vm), 0);
	assert_int_equal(mmu_dirty_start(&vm, GFN(0x2000)), 0);
	assert_int_equal(mmu_track_add(&vm, GFN(0x203), MMU_W), 0);
	assert_int_equal(mmu_track_add(&vm, GFN(0x603), MMU_W), 0);
	sim_enter(1, &vm);
	mmu_track_remove(&vm, GFN(0x603), MMU_W);
	assert_int_not_equal(vm.quarantine, 0);
}

static void expect(const char *inv)
{
	struct mmu_audit a;

	mmu_audit_begin(&a);
	while (!mmu_audit_step(&vm, &a, 1))
		;
	for (u32 i = 0; i < MIN(a.errors, (u32)MMU_AUDIT_KEEP); i++)
		if (!strcmp(a.err[i].inv, inv) && a.err[i].text)
			return;
	fail_msg("%u errors, the first is %s, but none is %s", a.errors,
		 a.errors ? a.err[0].inv : "none", inv);
}

static u64 *entry(u64 gfn, u32 level)
{
	struct tree_pos p = tree_find(&vm, GFN(gfn), level);

	assert_int_equal(p.level, level);
	return &sp_table(p.sp)[p.idx];
}

static spx_t table(u64 gfn, u32 level)
{
	return tree_find(&vm, GFN(gfn), level).sp;
}

/* --- the damage ------------------------------------------------------------------------------- */

static void leaf_outside_slots(void)
{
	*entry(0x2046, 1) = *entry(0x2000, 1);
	sp_get(table(0x2046, 1))->nr_present++;
}

static void leaf_to_wrong_frame(void)
{
	*entry(0x200, 1) += 0x1000;
}

static void large_leaf_to_wrong_frame(void)
{
	*entry(0x400, 2) += SZ_2M;
}

static void leaf_too_large(void)
{
	u64 *e = entry(0x200, 2);

	pool_zap(&vm, sp_of_hpa(spte_hpa(*e)));
	(void)tree_zap(&vm, 1);
	*e = spte_leaf(HPA(SIM_RAM + SZ_2M), 2, MMU_R | MMU_X, SPTE_SLOT_W);
}

static void table_entry_to_free_page(void)
{
	*entry(0, 3) = spte_table(sp_hpa(mmu_pool.free_list));
}

static void table_entry_to_other_vm(void)
{
	*entry(0, 3) = spte_table(sp_hpa(other.root.sp));
}

static void table_entry_outside_pool(void)
{
	*entry(0, 3) = spte_table(HPA(SIM_RAM));
}

static void table_linked_twice(void)
{
	*entry(0x40000, 3) = *entry(0, 3);
	sp_get(table(0x40000, 3))->nr_present++;
}

static void writable_rom(void)
{
	u64 *e = entry(0xfffe0, 1);

	*e = spte_leaf(spte_hpa(*e), 1, MMU_R | MMU_W | MMU_X, SPTE_SLOT_W | SPTE_MMU_W);
}

static void writable_without_software_bits(void)
{
	u64 *e = entry(0x203, 1);

	*e = spte_leaf(spte_hpa(*e), 1, MMU_R | MMU_W | MMU_X, SPTE_SLOT_W);
}

static void writable_tracked_frame(void)
{
	u64 *e = entry(0x203, 1);

	*e = spte_leaf(spte_hpa(*e), 1, MMU_R | MMU_W | MMU_X, SPTE_SLOT_W | SPTE_MMU_W);
}

static void leaf_of_a_frame_without_rights(void)
{
	assert_int_equal(mmu_track_add(&vm, GFN(0x204), MMU_R | MMU_X), 0);
	*entry(0x204, 1) = spte_leaf(HPA(SIM_RAM + 0x204000), 1, MMU_R | MMU_X, SPTE_SLOT_W);
	sp_get(table(0x204, 1))->nr_present++;
}

/* R is bit 0, W bit 1 in both formats. */
static void leaf_without_r(void)
{
	*entry(0x203, 1) &= ~3ULL;
}

static void writable_logged_frame(void)
{
	u64 *e = entry(0x2005, 1);

	*e = spte_leaf(spte_hpa(*e), 1, MMU_R | MMU_W | MMU_X, SPTE_SLOT_W | SPTE_MMU_W);
}

static void reserved_bit(void)
{
	*entry(0x200, 1) |= 1ULL << 45;
}

static void reserved_bit_in_table_entry(void)
{
	*entry(0, 3) |= 1ULL << 45;
}

static void trap_entry_of_another_slot(void)
{
	*entry(0xfee00, 1) = spte_trap(0, vm.slots.gen);
}

static void trap_entry_larger_than_its_slot(void)
{
	u64 e = *entry(0xfee00, 1);

	pool_zap(&vm, table(0xfee00, 1));
	(void)tree_zap(&vm, 1);
	*entry(0xfee00, 2) = e;
}

static void trap_entry_in_ram(void)
{
	*entry(0x300, 1) = spte_trap(2, vm.slots.gen);
}

static void wrong_count(void)
{
	sp_get(table(0x200, 1))->nr_present--;
}

static void empty_table(void)
{
	spx_t x = table(0xfee00, 1);

	sp_table(x)[0] = 0;
	sp_get(x)->nr_present = 0;
}

static void wrong_role(void)
{
	sp_get(table(0x200, 1))->role.fmt = 3;
}

static void wrong_frame(void)
{
	sp_get(table(0x200, 1))->gfn.v += 512;
}

static void reserved_role_bit(void)
{
	sp_get(vm.root.sp)->role.pkey = 1;
}

static void root_with_a_parent(void)
{
	sp_get(vm.root.sp)->parent = 600;
}

static void orphan(void)
{
	*entry(0x40000 * 3, 3) = 0;
	sp_get(table(0xc0000, 3))->nr_present--;
}

static void root_elsewhere(void)
{
	vm.root.hw.v += 4096;
}

static void tracked_count_of_slot(void)
{
	vm.slots.slot[0].nr_tracked++;
}

static void tracked_count_of_page(void)
{
	sp_get(farray_page(&vm.slots.slot[0].tracks, 0, FARRAY_U16))->nr_present++;
}

static void tracked_count_of_block(void)
{
	sp_get(farray_page(&vm.slots.slot[0].tracks, 0, FARRAY_U16))->unsync_map[2]++;
}

static void logged_count(void)
{
	vm.nr_logged = 0;
}

static void slots_overlap(void)
{
	vm.slots.slot[0].nr = 0x2001;
}

static void slot_in_the_pool(void)
{
	vm.slots.slot[1].hfn = HFN((SIM_POOL >> 12) + 8);
}

static void floor_in_the_future(void)
{
	vm.flush_floor = vm.epoch + 1;
}

static void tag_in_the_future(void)
{
	sim_cpu[0].tag.flushed_epoch = vm.epoch + 1;
}

static void stamp_in_the_future(void)
{
	sp_get(vm.quarantine)->stamp = vm.epoch + 1;
}

static void lost_from_quarantine(void)
{
	vm.quarantine = 0;
}

static void lost_from_the_zap_list(void)
{
	sp_get(vm.quarantine)->state = SP_ZAPPING;
	vm.quarantine = sp_get(vm.quarantine)->next;
}

static void lost_data_page(void)
{
	vm.slots.slot[0].tracks.index = 0;
	vm.slots.slot[0].nr_tracked = 0;
	*entry(0x203, 1) = 0;
	sp_get(table(0x203, 1))->nr_present--;
}

static void unknown_state(void)
{
	sp_get(vm.quarantine)->state = 77;
}

static void books_of_the_vm(void)
{
	vm.used++;
}

static void books_of_the_pool(void)
{
	mmu_pool.nr_free--;
}

static void over_quota(void)
{
	vm.quota = vm.used - 1;
}

static void double_free(void)
{
	sp_get(mmu_pool.free_list)->next = mmu_pool.free_list;
}

static const struct {
	void (*damage)(void);
	const char *inv;
} cases[] = {
	{ leaf_outside_slots, "I1" },
	{ leaf_to_wrong_frame, "I1" },
	{ large_leaf_to_wrong_frame, "I1" },
	{ leaf_too_large, "I16" },
	{ table_entry_to_free_page, "I2" },
	{ table_entry_to_other_vm, "I2" },
	{ table_entry_outside_pool, "I2" },
	{ table_linked_twice, "I8" },
	{ writable_rom, "I3" },
	{ writable_without_software_bits, "I4" },
	{ writable_tracked_frame, "I3" },
	{ leaf_of_a_frame_without_rights, "I1" },
	{ leaf_without_r, "I4" },
	{ writable_logged_frame, "I17" },
	{ reserved_bit, "I4" },
	{ reserved_bit_in_table_entry, "I4" },
	{ trap_entry_of_another_slot, "I21" },
	{ trap_entry_larger_than_its_slot, "I21" },
	{ trap_entry_in_ram, "I21" },
	{ wrong_count, "I13" },
	{ empty_table, "I13" },
	{ wrong_role, "I9" },
	{ wrong_frame, "I9" },
	{ reserved_role_bit, "I9" },
	{ root_with_a_parent, "I9" },
	{ orphan, "I8" },
	{ root_elsewhere, "I9" },
	{ tracked_count_of_slot, "I15" },
	{ tracked_count_of_page, "I15" },
	{ tracked_count_of_block, "I15" },
	{ logged_count, "I17" },
	{ slots_overlap, "I1" },
	{ slot_in_the_pool, "I1" },
	{ floor_in_the_future, "I34" },
	{ tag_in_the_future, "I34" },
	{ stamp_in_the_future, "I29" },
	{ lost_from_quarantine, "I30" },
	{ lost_from_the_zap_list, "I30" },
	{ lost_data_page, "I30" },
	{ unknown_state, "I30" },
	{ books_of_the_vm, "I32" },
	{ books_of_the_pool, "I32" },
	{ over_quota, "I32" },
	{ double_free, "I32" },
};

static void every_kind_of_damage_is_found(void **state)
{
	(void)state;
	for (u8 fmt = SPTE_NPT; fmt <= SPTE_EPT; fmt++)
		for (u32 i = 0; i < ARRAY_SIZE(cases); i++) {
			start(fmt);
			sim_audit(&vm);
			cases[i].damage();
			expect(cases[i].inv);
		}
}

static void secrets_may_leak_through_an_unprotected_entry(void **state)
{
	(void)state;
	start(SPTE_NPT);
	sim_audit(&vm);
	/* The same tables on a processor with L1TF: the MMIO entry names cacheable memory. */
	mmu_hw.l1tf = true;
	expect("I4");
	mmu_vm_fini(&other);
}

static void changes_in_progress_are_no_damage(void **state)
{
	(void)state;
	start(SPTE_NPT);
	vm.refitting = true;
	leaf_to_wrong_frame();
	sim_audit(&vm);
	vm.refitting = false;
	expect("I1");
}

static void slices_check_all(void **state)
{
	struct mmu_audit one, all;

	(void)state;
	start(SPTE_NPT);
	mmu_audit_begin(&all);
	assert_true(mmu_audit_step(&vm, &all, ~0U));
	mmu_audit_begin(&one);
	while (!mmu_audit_step(&vm, &one, 1))
		;
	assert_int_equal(one.tables, all.tables);
	assert_int_equal(one.entries, all.entries);
	assert_true(all.tables >= 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_damage_is_found),
		cmocka_unit_test(secrets_may_leak_through_an_unprotected_entry),
		cmocka_unit_test(changes_in_progress_are_no_damage),
		cmocka_unit_test(slices_check_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
