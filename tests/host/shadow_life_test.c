/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * What goes away while CPUs may use it: tables, slots, everything at once. Their TLBs and caches of
 * table pointers keep all they may.
 */
#include "tests/sim/guest_os.h"

#include "mmu/flush.h"
#include "mmu/shadow/fetch.h"

#define V       (4 * SZ_1G)
#define BIG     (8 * SZ_1G)
#define HOT_GFN 0x4000ULL
#define HOT     (HOT_GFN << PAGE_SHIFT)

static struct sim_space space;
static struct sim_vcpu *const v0 = &sim.vcpu[0], *const v1 = &sim.vcpu[1];

static const struct sim_slot hot = {
	.gfn = HOT_GFN, .nr = 16, .hfn = (SIM_RAM >> PAGE_SHIFT) + 0x3000, .kind = SLOT_RAM
};

static void boot(u64 gpa)
{
	os_boot(2);
	space = sim_space_new(SIM_LM4);
	os_map(&space, V, gpa);
	sim_map(&space, BIG, 0x800000, LEAF, 2);
	os_window(&space, sim_pte(&space, BIG, 2));
	sim_set_space(v0, &space, true, true);
	sim_set_space(v1, &space, true, true);
}

static bool touch(struct sim_vcpu *v, u64 gva)
{
	return sim_touch(
		v, &(struct sim_access){ .gva = gva, .access = MMU_W, .size = 8, .value = 77 });
}

static void drain(void)
{
	env_lock(&sim.vm.lock);
	pool_drain(&sim.vm);
	env_unlock(&sim.vm.lock);
}

/* --- tables ----------------------------------------------------------------------------------- */

static void a_table_is_not_used_again_before_all_tags_forget_it(void **state)
{
	spx_t pt;

	(void)state;
	boot(DATA(0));
	sim_expect_ok(v1, V, MMU_W, DATA(0));
	pt = os_shadow_of(&space, V, 1);
	mmu_unshadow(&sim.vm, sp_get(pt)->gfn);
	assert_int_equal(sp_get(pt)->state, SP_QUARANTINE);
	drain();
	/* The other CPU has a pointer to it, and uses it. */
	assert_int_equal(sp_get(pt)->state, SP_QUARANTINE);
	sim_hw_speculate(v1, V + PAGE_SIZE);
	assert_true(touch(v1, V));
	sim_exit(v1);
	drain();
	assert_int_equal(sp_get(pt)->state, SP_FREE);
	/* It flushes before it runs again. */
	sim_expect_ok(v1, V, MMU_W, DATA(0));
	os_end();
}

/* One INVLPG flushes a large page of the guest as a whole, but hardware has it in small pieces. */
static void invlpg_flushes_all_pieces_of_a_large_page(void **state)
{
	(void)state;
	boot(DATA(0));
	assert_int_equal(mmu_track_add(&sim.vm, GFN(0x801), MMU_W), 0);
	sim_expect_ok(v0, BIG, MMU_R, 0x800000);
	sim_expect_ok(v0, BIG + 5 * PAGE_SIZE, MMU_R, 0x805000);
	os_set_pte(v0, &space, BIG, 2, 0xa00000 | LEAF | PS_);
	sim_expect_ok(v0, BIG + 5 * PAGE_SIZE, MMU_R, 0x805000);
	sim_invlpg(v0, BIG);
	sim_expect_ok(v0, BIG + 5 * PAGE_SIZE, MMU_R, 0xa05000);
	sim_expect_ok(v0, BIG, MMU_R, 0xa00000);
	os_leave(v0);
	mmu_track_remove(&sim.vm, GFN(0x801), MMU_W);
	os_end();
}

/* --- tables that memory is wanted from -------------------------------------------------------- */

#define NR_TABLES 40u

static u64 nth(u32 i)
{
	return V + i * SZ_2M;
}

/* A directory of many leaf tables with two pages each, all used once. */
static void boot_many(void)
{
	os_boot(1);
	space = sim_space_new(SIM_LM4);
	for (u32 i = 0; i < NR_TABLES; i++) {
		sim_map(&space, nth(i), DATA(i), LEAF, 1);
		sim_map(&space, nth(i) + 256 * PAGE_SIZE, OTHER(i), LEAF, 1);
	}
	for (u32 i = 0; i < 2; i++)
		sim_map(&space, nth(NR_TABLES + i), DATA(i), LEAF, 1);
	sim_set_space(v0, &space, true, true);
	for (u32 i = 0; i < NR_TABLES; i++)
		sim_expect_ok(v0, nth(i), MMU_R, DATA(i));
}

/* The next fault finds one page less than it reserves. */
static void want_memory(void)
{
	os_leave(v0);
	res_drop(&sim.vm, &v0->ctx.res);
	drain();
	sim.vm.quota = sim.vm.used + FETCH_PAGES - 1;
}

static bool lives(u32 i)
{
	return mmu_is_shadowed(&sim.vm, GFN(sim_pte(&space, nth(i), 1) >> PAGE_SHIFT));
}

static u32 living(u32 first)
{
	u32 n = 0;

	for (u32 i = first; i < NR_TABLES; i += 2)
		n += lives(i);
	return n;
}

/* Those go first that no fault has passed since reclaim looked at them last. */
static void a_table_is_spared_once_for_each_use(void **state)
{
	(void)state;
	boot_many();
	for (spx_t x = sim.vm.shadow.lru_first; x; x = sp_get(x)->lru_next)
		sp_get(x)->flags &= (u8)~SP_USED;
	for (u32 i = 1; i < NR_TABLES; i += 2)
		sim_expect_ok(v0, nth(i) + 256 * PAGE_SIZE, MMU_R, OTHER(i));
	want_memory();
	sim_expect_ok(v0, nth(NR_TABLES), MMU_R, DATA(0));
	assert_in_range(living(0), 1, NR_TABLES / 2 - 8);
	assert_int_equal(living(1), NR_TABLES / 2);
	/* Nobody uses the others meanwhile. */
	want_memory();
	sim_expect_ok(v0, nth(NR_TABLES + 1), MMU_R, DATA(1));
	assert_int_equal(living(0), 0);
	assert_in_range(living(1), 1, NR_TABLES / 2 - 1);
	os_end();
}

/* Use does not keep a table from those who need the memory. */
static void when_all_tables_are_in_use_the_oldest_go(void **state)
{
	(void)state;
	boot_many();
	want_memory();
	sim_expect_ok(v0, nth(NR_TABLES), MMU_R, DATA(0));
	assert_false(lives(0));
	assert_true(lives(NR_TABLES - 1));
	os_end();
}

/* --- everything ------------------------------------------------------------------------------- */

static void after_zap_all_no_cpu_uses_a_table(void **state)
{
	u64 built;

	(void)state;
	boot(DATA(0));
	sim_expect_ok(v0, V, MMU_W, DATA(0));
	sim_expect_ok(v1, V, MMU_W, DATA(0));
	os_leave(v0);
	built = sim_stat(MMU_STAT_SP_ALLOC);
	mmu_shadow_zap_all(&sim.vm);
	assert_false(touch(v1, V));
	sim_audit();
	sim_expect_ok(v0, V, MMU_W, DATA(0));
	sim_expect_ok(v1, V, MMU_W, DATA(0));
	assert_true(sim_stat(MMU_STAT_SP_ALLOC) > built);
	os_end();
}

/* --- slots ------------------------------------------------------------------------------------ */

static void no_cpu_reaches_a_slot_that_has_gone(void **state)
{
	(void)state;
	boot(HOT);
	assert_int_equal(sim_slot_add(3, &hot), 0);
	sim_expect_ok(v0, V, MMU_W, HOT);
	sim_expect_ok(v1, V, MMU_W, HOT);
	os_leave(v0);
	assert_int_equal(sim_slot_remove(3), 0);
	assert_false(touch(v1, V));
	sim_audit();
	assert_int_equal(sim_do(v0, V, MMU_R).end, SIM_MMIO);
	assert_int_equal(sim_do(v1, V, MMU_W).end, SIM_MMIO);
	/* Other memory at its place. */
	assert_int_equal(sim_slot_add(3, &hot), 0);
	sim_expect_ok(v1, V, MMU_R, HOT);
	os_end();
}

/* All tables are obsolete after that; their frames are memory as any other until their next use. */
static void frames_of_obsolete_tables_are_written_freely(void **state)
{
	u64 pt;

	(void)state;
	boot(DATA(0));
	assert_int_equal(sim_slot_add(3, &hot), 0);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	pt = sim_pte(&space, V, 1);
	os_leave(v0);
	assert_true(mmu_is_shadowed(&sim.vm, GFN(pt >> PAGE_SHIFT)));
	assert_int_equal(sim_slot_remove(3), 0);
	assert_false(mmu_is_shadowed(&sim.vm, GFN(pt >> PAGE_SHIFT)));
	assert_int_equal(sim.vm.shadow.nr_live, 0);
	os_end();
}

/* The leaf table itself is in the slot that goes. */
static void tables_in_a_slot_that_has_gone_are_forgotten(void **state)
{
	(void)state;
	os_boot(2);
	assert_int_equal(sim_slot_add(3, &hot), 0);
	space = sim_space_new(SIM_LM4);
	sim_map(&space, V + SZ_2M, DATA(1), LEAF, 1);
	sim_tables_at(HOT_GFN);
	sim_map(&space, V, DATA(0), LEAF, 1);
	sim_set_space(v0, &space, true, true);
	sim_set_space(v1, &space, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	sim_expect_ok(v1, V, MMU_R, DATA(0));
	os_leave(v0);
	assert_int_equal(sim_slot_remove(3), 0);
	assert_false(touch(v1, V));
	sim_audit();
	sim_load_cr3(v0, space.cr3);
	assert_int_equal(sim_do(v0, V, MMU_R).end, SIM_PF);
	assert_int_equal(sim_slot_add(3, &hot), 0);
	sim_load_cr3(v0, space.cr3);
	sim_expect_pf(v0, V, MMU_R, 0);
	os_end();
}

static struct sim_out early;

static void use_new_slot(void *arg)
{
	(void)arg;
	sim.may_stick = true;
	early = sim_do(v1, V, MMU_W);
	sim.may_stick = false;
}

/* Another CPU uses the frames while what shadow paging keeps for them is still being made. */
static void a_slot_is_mapped_only_once_it_is_complete(void **state)
{
	struct sim_turn t;

	(void)state;
	boot(HOT);
	assert_int_equal(sim_do(v1, V, MMU_W).end, SIM_MMIO);
	sim_hook(HOOK_ALLOC, use_new_slot, NULL);
	t = sim_elsewhere();
	assert_int_equal(sim_slot_add(3, &hot), 0);
	sim_cpu_back(t);
	assert_int_not_equal(early.end, SIM_OK);
	sim_audit();
	sim_expect_ok(v1, V, MMU_W, HOT);
	os_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_not_used_again_before_all_tags_forget_it),
		cmocka_unit_test(invlpg_flushes_all_pieces_of_a_large_page),
		cmocka_unit_test(a_table_is_spared_once_for_each_use),
		cmocka_unit_test(when_all_tables_are_in_use_the_oldest_go),
		cmocka_unit_test(after_zap_all_no_cpu_uses_a_table),
		cmocka_unit_test(no_cpu_reaches_a_slot_that_has_gone),
		cmocka_unit_test(frames_of_obsolete_tables_are_written_freely),
		cmocka_unit_test(tables_in_a_slot_that_has_gone_are_forgotten),
		cmocka_unit_test(a_slot_is_mapped_only_once_it_is_complete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
