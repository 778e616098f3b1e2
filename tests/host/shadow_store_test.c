/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * Stores to guest tables that are shadowed: of any size and place, by whoever; floods of them;
 * tables under large pages; tracking and logging; guests whose tables map themselves.
 */
#include "tests/sim/guest_os.h"

#define V (4 * SZ_1G)

static struct sim_space space;
static struct sim_vcpu *const v0 = &sim.vcpu[0], *const v1 = &sim.vcpu[1];

static void flush(void)
{
	sim_load_cr3(v0, space.cr3);
}

/* The hypervisor, or a device of its own, stores bytes. */
static void store_bytes(u64 gpa, const void *from, u64 len)
{
	struct sim_turn t = sim_elsewhere();

	for (u64 a = gpa & ~7ULL; a < gpa + len; a += 8)
		sim_pending(a, true);
	assert_int_equal(mmu_write(&sim.vm, GPA(gpa), from, len), 0);
	sim_noted(gpa, len);
	for (u64 a = gpa & ~7ULL; a < gpa + len; a += 8)
		sim_pending(a, false);
	sim_cpu_back(t);
}

/* --- sizes and places ------------------------------------------------------------------------- */

#define PAGES 6

static u64 page(u32 i)
{
	/* The last three entries of one leaf table and the first three of the next one. */
	return V + SZ_2M + ((u64)i << PAGE_SHIFT) - 3 * PAGE_SIZE;
}

/* Stores len bytes of other entries at off into the six, across the border of two tables. */
static void store_and_look(u32 off, u32 len)
{
	u64 image[PAGES], first;

	os_boot(1);
	space = sim_space_new(SIM_LM4);
	for (u32 i = 0; i < PAGES; i++) {
		sim_map(&space, page(i), DATA(i), LEAF, 1);
		image[i] = OTHER(i) | LEAF;
	}
	first = sim_pte(&space, page(0), 1);
	assert_true(sim_pte(&space, page(3), 1) == first + 3 * sizeof(u64));
	sim_set_space(v0, &space, true, true);
	for (u32 i = 0; i < PAGES; i++)
		sim_expect_ok(v0, page(i), MMU_R, DATA(i));
	store_bytes(first + off, (const u8 *)image + off, len);
	flush();
	for (u32 i = 0; i < PAGES; i++)
		sim_expect_ok(v0, page(i), MMU_R,
			      sim_peek(first + i * sizeof(u64), 8) & MASK(51, 12));
	os_end();
}

static void a_store_touches_every_entry_that_it_overlaps(void **state)
{
	static const u8 len[] = { 1, 2, 3, 4, 8, 16, 17 };

	(void)state;
	for (u32 off = 0; off <= 27; off++)
		for (u32 i = 0; i < ARRAY_SIZE(len); i++)
			store_and_look(off, len[i]);
}

static void boot_one(void)
{
	os_boot(2);
	space = sim_space_new(SIM_LM4);
	os_map(&space, V, DATA(0));
	sim_set_space(v0, &space, true, true);
	sim_set_space(v1, &space, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
}

static void a_compare_exchange_is_a_store(void **state)
{
	u64 pte, old = 1, new = 2;

	(void)state;
	boot_one();
	pte = sim_pte(&space, V, 1);
	/* One that fails stores nothing. */
	os_leave(v0);
	assert_int_equal(mmu_cmpxchg(&sim.vm, GPA(pte), &old, &new, 8), 0);
	assert_true(old == sim_peek(pte, 8));
	flush();
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	assert_true(sim_dma(pte, OTHER(0) | LEAF, 8, SIM_BY_CMPXCHG));
	flush();
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	os_end();
}

static void a_reported_store_through_a_pointer_is_a_store(void **state)
{
	(void)state;
	boot_one();
	assert_true(sim_dma(sim_pte(&space, V, 1), OTHER(0) | LEAF, 8, SIM_BY_POINTER));
	flush();
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	os_end();
}

/* One guest entry of a directory is two of ours, in one of four tables. */
static void a_directory_entry_of_4_bytes_is_two_of_ours(void **state)
{
	static const u64 base[] = { 0x400000, 0x40c00000, 0xa0000000, 0xffc00000 };

	(void)state;
	for (u32 q = 0; q < ARRAY_SIZE(base); q++) {
		u64 low = base[q] + 5 * PAGE_SIZE, high = low + SZ_2M, pde, old;

		os_boot(1);
		space = sim_space_new(SIM_32);
		sim_map(&space, low, DATA(0), LEAF, 1);
		sim_map(&space, high, DATA(1), LEAF, 1);
		pde = sim_pte(&space, low, 2);
		os_window(&space, pde);
		/* Another table for the same place. */
		old = sim_peek(pde, 4);
		sim_poke(pde, 0, 4);
		sim_map(&space, low, OTHER(0), LEAF, 1);
		sim_map(&space, high, OTHER(1), LEAF, 1);
		sim_set_space(v0, &space, true, true);
		sim_expect_ok(v0, low, MMU_R, OTHER(0));
		sim_expect_ok(v0, high, MMU_R, OTHER(1));
		assert_true(os_write(v0, pde, old, 4).emulated);
		flush();
		sim_expect_ok(v0, low, MMU_R, DATA(0));
		sim_expect_ok(v0, high, MMU_R, DATA(1));
		/* A leaf table has two quadrants. */
		store_bytes(sim_pte(&space, high, 1), &(u32){ OTHER(7) | LEAF }, 4);
		flush();
		sim_expect_ok(v0, low, MMU_R, DATA(0));
		sim_expect_ok(v0, high, MMU_R, OTHER(7));
		os_end();
	}
}

/* --- floods ----------------------------------------------------------------------------------- */

static u64 flood_boot(void)
{
	u64 pde;

	os_boot(1);
	space = sim_space_new(SIM_LM4);
	for (u32 i = 0; i < 64; i++)
		sim_map(&space, V + i * SZ_2M, DATA(i), LEAF, 1);
	pde = sim_pte(&space, V, 2);
	os_window(&space, pde);
	sim_set_space(v0, &space, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	return pde;
}

static void a_table_that_is_only_written_is_dropped(void **state)
{
	u64 pde, zaps;

	(void)state;
	pde = flood_boot();
	for (u32 i = 0; i < sim.vm.shadow.tune.flood; i++)
		assert_true(os_write(v0, pde + 400 * 8, i << 12, 8).emulated);
	assert_true(mmu_is_shadowed(&sim.vm, GFN(pde >> PAGE_SHIFT)));
	zaps = sim_stat(MMU_STAT_FLOOD);
	os_write(v0, pde + 400 * 8, 0, 8);
	assert_int_equal(sim_stat(MMU_STAT_FLOOD), zaps + 1);
	assert_false(mmu_is_shadowed(&sim.vm, GFN(pde >> PAGE_SHIFT)));
	/* Until its next use it is memory as any other. */
	assert_false(os_write(v0, pde + 400 * 8, 4, 8).emulated);
	flush();
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	os_end();
}

static void a_table_in_use_is_not_flooded(void **state)
{
	u64 pde, zaps;

	(void)state;
	pde = flood_boot();
	zaps = sim_stat(MMU_STAT_SP_ZAP);
	for (u32 i = 1; i < 40; i++) {
		assert_true(os_write(v0, pde + 400 * 8, i << 12, 8).emulated);
		if (i % 3 == 0)
			sim_expect_ok(v0, V + i * SZ_2M, MMU_R, DATA(i));
	}
	assert_int_equal(sim_stat(MMU_STAT_SP_ZAP), zaps);
	/* And a root never is. */
	for (u32 i = 0; i < 20; i++)
		store_bytes(space.cr3 + 300 * 8, &(u64){ 0 }, 8);
	assert_int_equal(sim_stat(MMU_STAT_SP_ZAP), zaps);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	os_end();
}

/* The root of a process that does not run is a table as any other: so many stores trap, no more. */
static void a_parked_root_that_is_only_written_is_dropped(void **state)
{
	struct sim_space other;
	u32 traps = 0;

	(void)state;
	os_boot(2);
	space = sim_space_new(SIM_LM4);
	other = sim_space_new(SIM_LM4);
	sim_map(&other, V, DATA(1), LEAF, 1);
	sim_map(&space, V, DATA(0), LEAF, 1);
	os_window(&space, other.cr3);
	sim_set_space(v1, &other, true, true);
	sim_set_space(v0, &other, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(1));
	sim_expect_ok(v1, V, MMU_R, DATA(1));
	sim_set_space(v0, &space, true, true);
	/* In use by another CPU it stays. */
	for (u32 i = 0; i < 10; i++)
		assert_true(os_write(v0, other.cr3 + 300 * 8, i << 12, 8).emulated);
	sim_set_space(v1, &space, true, true);
	for (u32 i = 0; i < 40; i++)
		traps += os_write(v0, other.cr3 + 300 * 8, i << 12, 8).emulated;
	assert_in_range(traps, 1, sim.vm.shadow.tune.flood + 1u);
	assert_false(mmu_is_shadowed(&sim.vm, GFN(other.cr3 >> PAGE_SHIFT)));
	sim_set_space(v0, &other, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(1));
	os_end();
}

/* --- large pages ------------------------------------------------------------------------------ */

#define BIG (8 * SZ_1G)

static u64 pages_mapped(u64 gva)
{
	struct sim_tlbe t;
	bool ok;

	assert_true(sim_enter(v0));
	ok = sim_hw_peek(v0, gva, &t);
	return ok ? t.nr : 0;
}

/* A 2 MiB page over frames of which one is a table, or becomes one. */
static void no_large_leaf_covers_a_table(void **state)
{
	u64 pte, in_big;

	(void)state;
	for (u32 table_first = 0; table_first < 2; table_first++) {
		os_boot(1);
		space = sim_space_new(SIM_LM4);
		sim_map(&space, BIG, 0x800000, LEAF, 2);
		/* The other tables are elsewhere. */
		sim_map(&space, V + SZ_2M, DATA(1), LEAF, 1);
		sim_tables_at(0x900);
		sim_map(&space, V, DATA(0), LEAF, 1);
		sim_tables_at(0x1800);
		pte = sim_pte(&space, V, 1);
		assert_int_equal(pte >> PAGE_SHIFT, 0x900);
		in_big = BIG + (pte - 0x800000);
		sim_set_space(v0, &space, true, true);
		if (table_first) {
			sim_expect_ok(v0, V, MMU_R, DATA(0));
			sim_expect_ok(v0, BIG + 64, MMU_W, 0x800000 + 64);
			assert_int_equal(pages_mapped(BIG), 1);
		} else {
			sim_expect_ok(v0, BIG + 64, MMU_W, 0x800000 + 64);
			assert_int_equal(pages_mapped(BIG), 512);
			sim_expect_ok(v0, V, MMU_R, DATA(0));
			assert_int_equal(pages_mapped(BIG), 0);
		}
		assert_int_equal(sim_store(v0, in_big, OTHER(0) | LEAF, 8).end, SIM_OK);
		flush();
		sim_expect_ok(v0, V, MMU_R, OTHER(0));
		os_end();
	}
}

static void a_large_leaf_comes_back(void **state)
{
	(void)state;
	os_boot(1);
	space = sim_space_new(SIM_LM4);
	sim_map(&space, BIG, 0x800000, LEAF, 2);
	sim_map(&space, V + SZ_2M, DATA(1), LEAF, 1);
	sim_tables_at(0x900);
	sim_map(&space, V, DATA(0), LEAF, 1);
	sim_set_space(v0, &space, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	sim_expect_ok(v0, BIG, MMU_W, 0x800000);
	assert_int_equal(pages_mapped(BIG), 1);
	os_leave(v0);
	mmu_unshadow(&sim.vm, GFN(0x900));
	sim_expect_ok(v0, BIG + 7 * PAGE_SIZE, MMU_W, 0x807000);
	assert_int_equal(pages_mapped(BIG), 512);
	os_end();
}

/* --- tracking and logging --------------------------------------------------------------------- */

static bool touch(struct sim_vcpu *v, u64 gva)
{
	return sim_touch(
		v, &(struct sim_access){ .gva = gva, .access = MMU_W, .size = 8, .value = 77 });
}

static void a_tracked_frame_is_written_by_nobody_unseen(void **state)
{
	gfn_t gfn = GFN(DATA(0) >> PAGE_SHIFT);

	(void)state;
	boot_one();
	sim_expect_ok(v0, V, MMU_W, DATA(0));
	sim_expect_ok(v1, V, MMU_W, DATA(0));
	assert_true(touch(v1, V));
	os_leave(v0);
	assert_int_equal(mmu_track_add(&sim.vm, gfn, MMU_W), 0);
	assert_false(touch(v1, V));
	assert_true(sim_do(v0, V, MMU_W).emulated);
	assert_true(sim_do(v1, V, MMU_W).emulated);
	assert_false(sim_do(v1, V, MMU_R).emulated);
	sim_audit();
	os_leave(v0);
	mmu_track_remove(&sim.vm, gfn, MMU_W);
	assert_false(sim_do(v0, V, MMU_W).emulated);
	os_end();
}

/* sim_dirty_fetch() fails if a frame that was written is not in the log. */
static void each_write_is_in_the_log(void **state)
{
	(void)state;
	boot_one();
	sim_expect_ok(v0, V, MMU_W, DATA(0));
	os_leave(v0);
	assert_int_equal(sim_dirty_start(0), 0);
	sim_expect_ok(v0, V, MMU_W, DATA(0));
	assert_true(touch(v0, V));
	sim_audit();
	os_leave(v0);
	sim_dirty_fetch(0);
	os_end();
}

static void a_write_after_a_fetch_is_in_the_next_one(void **state)
{
	(void)state;
	boot_one();
	sim_map(&space, BIG, 0x800000, LEAF, 2);
	sim_expect_ok(v0, BIG + SZ_1M, MMU_W, 0x800000 + SZ_1M);
	os_leave(v0);
	assert_int_equal(sim_dirty_start(0), 0);
	for (u32 i = 0; i < 4; i++) {
		sim_expect_ok(v0, BIG + SZ_1M, MMU_W, 0x800000 + SZ_1M);
		sim_expect_ok(v1, V, MMU_W, DATA(0));
		assert_true(touch(v1, V));
		os_leave(v0);
		/* The other CPU is in its guest, and its TLB has W. */
		sim_dirty_fetch(0);
		assert_false(touch(v1, V));
		sim_audit();
	}
	os_leave(v0);
	os_leave(v1);
	assert_int_equal(sim_dirty_stop(0), 0);
	sim_expect_ok(v0, BIG + SZ_1M, MMU_W, 0x800000 + SZ_1M);
	os_end();
}

/* --- tables that map themselves --------------------------------------------------------------- */

#define SELF 510

/* The linear address at which entry levels of gva are seen: depth times through the slot. */
static u64 self_map(u64 gva, u32 depth)
{
	u64 a = gva & MASK(47, 0);

	for (u32 i = 0; i < depth; i++)
		a = a >> 9 | (u64)SELF << 39;
	return (u64)((s64)((a & ~7ULL) << 16) >> 16);
}

static void a_root_that_maps_itself_works_at_every_level(void **state)
{
	u64 pte;

	(void)state;
	os_boot(1);
	space = sim_space_new(SIM_LM4);
	sim_map(&space, V, DATA(0), LEAF, 1);
	sim_map(&space, V + PAGE_SIZE, DATA(1), LEAF, 1);
	sim_poke(space.cr3 + SELF * 8, space.cr3 | LEAF, 8);
	sim_set_space(v0, &space, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	for (u32 depth = 1; depth <= 4; depth++)
		sim_expect_ok(v0, self_map(V, depth), MMU_R, sim_pte(&space, V, depth));
	/* The guest changes an entry of each level in its own way, and flushes. */
	for (u32 round = 0; round < 3; round++)
		for (u32 depth = 1; depth <= 4; depth++) {
			pte = sim_pte(&space, V, depth);
			assert_int_equal(
				sim_store(v0, self_map(V, depth), sim_peek(pte, 8) ^ BIT(9), 8).end,
				SIM_OK);
			sim_invlpg(v0, V);
			sim_expect_ok(v0, V, MMU_R, DATA(0));
			sim_audit();
		}
	assert_int_equal(sim_store(v0, self_map(V, 1), OTHER(0) | LEAF, 8).end, SIM_OK);
	sim_invlpg(v0, V);
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	sim_expect_ok(v0, V + PAGE_SIZE, MMU_R, DATA(1));
	os_end();
}

static struct sim_out store_or_unshadow(u64 gva, u64 value)
{
	return sim_access(
		v0,
		&(struct sim_access){
			.gva = gva, .access = MMU_W, .size = 8, .value = value, .unshadow = true });
}

/* A directory that maps itself: dropping its shadow to let the store through, the store's own walk
 * would shadow it again, for ever. */
static void a_write_to_a_table_of_its_own_walk_is_emulated(void **state)
{
	struct sim_out out;
	u64 pd, gva;

	(void)state;
	os_boot(1);
	space = sim_space_new(SIM_LM4);
	sim_map(&space, V, DATA(0), LEAF, 1);
	pd = ALIGN_DOWN(sim_pte(&space, V, 2), PAGE_SIZE);
	sim_poke(pd + SELF * 8, pd | LEAF, 8);
	sim_set_space(v0, &space, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	gva = V + SELF * SZ_2M + SELF * PAGE_SIZE;
	sim_expect_ok(v0, gva, MMU_R, pd);
	out = store_or_unshadow(gva + 300 * 8, OTHER(0) | LEAF);
	assert_int_equal(out.end, SIM_OK);
	assert_true(out.emulated);
	assert_false(out.may_unshadow);
	assert_true(sim_peek(pd + 300 * 8, 8) == (OTHER(0) | LEAF));
	os_end();
}

/* Nor does it help where a root in use points to the table itself. */
static void a_write_to_a_current_root_is_emulated(void **state)
{
	struct sim_out out;
	u64 pd;

	(void)state;
	os_boot(1);
	space = sim_space_new(SIM_PAE);
	sim_map(&space, 0x400000, DATA(0), LEAF, 1);
	pd = ALIGN_DOWN(sim_pte(&space, 0x400000, 2), PAGE_SIZE);
	os_window(&space, pd);
	sim_set_space(v0, &space, true, true);
	sim_expect_ok(v0, 0x400000, MMU_R, DATA(0));
	out = store_or_unshadow(WINDOW + pd + 300 * 8, 0);
	assert_int_equal(out.end, SIM_OK);
	assert_true(out.emulated);
	assert_false(out.may_unshadow);
	os_end();
}

/* Where it does help, it is one fault more and no emulation. */
static void unshadowing_lets_a_store_through(void **state)
{
	struct sim_out out;
	u64 pde;

	(void)state;
	pde = flood_boot();
	out = store_or_unshadow(WINDOW + pde + 8, DATA(3) | LEAF | PS_);
	assert_int_equal(out.end, SIM_OK);
	assert_false(out.emulated);
	assert_true(out.may_unshadow);
	flush();
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	os_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_touches_every_entry_that_it_overlaps),
		cmocka_unit_test(a_compare_exchange_is_a_store),
		cmocka_unit_test(a_reported_store_through_a_pointer_is_a_store),
		cmocka_unit_test(a_directory_entry_of_4_bytes_is_two_of_ours),
		cmocka_unit_test(a_table_that_is_only_written_is_dropped),
		cmocka_unit_test(a_table_in_use_is_not_flooded),
		cmocka_unit_test(a_parked_root_that_is_only_written_is_dropped),
		cmocka_unit_test(no_large_leaf_covers_a_table),
		cmocka_unit_test(a_large_leaf_comes_back),
		cmocka_unit_test(a_tracked_frame_is_written_by_nobody_unseen),
		cmocka_unit_test(each_write_is_in_the_log),
		cmocka_unit_test(a_write_after_a_fetch_is_in_the_next_one),
		cmocka_unit_test(a_root_that_maps_itself_works_at_every_level),
		cmocka_unit_test(a_write_to_a_table_of_its_own_walk_is_emulated),
		cmocka_unit_test(a_write_to_a_current_root_is_emulated),
		cmocka_unit_test(unshadowing_lets_a_store_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
