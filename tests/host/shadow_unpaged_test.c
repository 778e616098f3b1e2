/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * A vCPU without paging that runs on the direct map, as unrestricted guest lets it, beside one that
 * pages: what it writes to the other's tables counts after the other's next flush.
 */
#include "tests/sim/guest_os.h"

#define V (4 * SZ_1G)

static struct sim_space space;
static struct sim_vcpu *const paged = &sim.vcpu[0], *const unpaged = &sim.vcpu[1];

static void boot(void)
{
	static const struct sim_slot slots[] = {
		{ .gfn = 0, .nr = FRAMES, .hfn = SIM_RAM >> PAGE_SHIFT, .kind = SLOT_RAM },
		{ 0 },
	};

	sim_start(
		&(struct sim_cfg){ .cpus = 2, .vcpus = 2, .slots = slots, .unpaged_direct = true });
	sim_tables_at(TABLES);
	sim.keep = SIM_KEEP_ALL;
	space = sim_space_new(SIM_LM4);
	os_map(&space, V, DATA(0));
	sim_set_space(paged, &space, true, true);
}

static void set_paging(struct sim_vcpu *v, bool on)
{
	sim_set_space(v, on ? &space : &(struct sim_space){ .mode = SIM_NONE }, true, true);
}

/* The vCPU without paging stores an entry of V; the other sees it when it has flushed. */
static struct sim_out store_and_look(u32 level, u64 entry, u64 page)
{
	struct sim_out out = sim_store(unpaged, sim_pte(&space, V, level), entry, 8);

	assert_int_equal(out.end, SIM_OK);
	sim_invlpg(paged, V);
	sim_expect_ok(paged, V, MMU_R, page);
	return out;
}

static void tables_written_without_paging_are_seen(void **state)
{
	(void)state;
	boot();
	for (u32 i = 0; i < 4; i++) {
		sim_expect_ok(paged, V, MMU_R, i ? OTHER(i) : DATA(0));
		assert_true(mmu_is_shadowed(&sim.vm, GFN(sim_pte(&space, V, 1) >> PAGE_SHIFT)));
		store_and_look(1, OTHER(i + 1) | LEAF, OTHER(i + 1));
		sim_audit();
	}
	os_end();
}

/* Its TLB and its map have writable entries from before. */
static void tables_shadowed_before_paging_went_off_are_seen(void **state)
{
	(void)state;
	boot();
	sim_store(unpaged, sim_pte(&space, V, 1), DATA(0) | LEAF, 8);
	set_paging(unpaged, true);
	sim_expect_ok(paged, V, MMU_R, DATA(0));
	assert_int_equal(sim.vm.shadow.nr_unpaged, 0);
	set_paging(unpaged, false);
	store_and_look(1, OTHER(0) | LEAF, OTHER(0));
	os_end();
}

/* A large leaf of the direct map gives way, and is not made again over a table. */
static void tables_under_a_large_leaf_are_seen(void **state)
{
	u64 pte, neighbour;

	(void)state;
	boot();
	pte = sim_pte(&space, V, 1);
	neighbour = ALIGN_DOWN(pte, SZ_2M) + SZ_2M - PAGE_SIZE;
	assert_int_equal(sim_do(unpaged, neighbour, MMU_W).faults, 1);
	assert_int_equal(sim_do(unpaged, pte ^ PAGE_SIZE, MMU_R).faults, 0);
	sim_expect_ok(paged, V, MMU_R, DATA(0));
	assert_int_equal(sim_do(unpaged, neighbour, MMU_W).faults, 1);
	store_and_look(1, OTHER(0) | LEAF, OTHER(0));
	os_end();
}

/* What a current root points to stays shadowed: the store is emulated. */
static void root_written_without_paging_is_seen(void **state)
{
	struct sim_space other;
	struct sim_out out;

	(void)state;
	boot();
	other = sim_space_new(SIM_LM4);
	sim_map(&other, V, OTHER(0), LEAF, 1);
	sim_expect_ok(paged, V, MMU_R, DATA(0));
	out = store_and_look(4, sim_peek(sim_pte(&other, V, 4), 8), OTHER(0));
	assert_true(out.emulated);
	os_end();
}

static u32 refusals;

static bool refuse(enum mmu_hook h)
{
	return h == HOOK_ALLOC && refusals && refusals--;
}

/* When none is free shadow pages are given back for the tables of the direct map. */
static void direct_map_takes_pages_from_the_shadow(void **state)
{
	(void)state;
	boot();
	sim_expect_ok(paged, V, MMU_R, DATA(0));
	assert_int_equal(sim_stat(MMU_STAT_RECLAIM), 0);
	sim.any_hook = refuse;
	refusals = 2;
	assert_int_equal(sim_do(unpaged, OTHER(0), MMU_W).end, SIM_OK);
	assert_int_equal(refusals, 0);
	assert_true(sim_stat(MMU_STAT_RECLAIM) > 0);
	sim_expect_ok(paged, V, MMU_R, DATA(0));
	os_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_written_without_paging_are_seen),
		cmocka_unit_test(tables_shadowed_before_paging_went_off_are_seen),
		cmocka_unit_test(tables_under_a_large_leaf_are_seen),
		cmocka_unit_test(root_written_without_paging_is_seen),
		cmocka_unit_test(direct_map_takes_pages_from_the_shadow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
