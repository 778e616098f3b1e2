/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * Leaf tables out of sync: marks, collection, bringing up to date. Rows S4.* and "unsync bugs" of
 * docs/seeds.md. The guest changes its leaf tables through a window, which makes them unsync, and
 * flushes.
 */
#include "tests/sim/guest_os.h"

#include "mmu/shadow/unsync.h"

/* --- a guest with many leaf tables ------------------------------------------------------------ */

#define PD_SPAN SZ_1G
#define PT_SPAN SZ_2M

static struct sim_space space;
static struct sim_vcpu *const v0 = &sim.vcpu[0], *const v1 = &sim.vcpu[1];

/* Page i of nr: each in a leaf table of its own; the first per_pd below one directory. */
static u64 page(u32 i, u32 per_pd)
{
	return 4 * PD_SPAN + i / per_pd * PD_SPAN + i % per_pd * PT_SPAN;
}

/* nr leaf tables, shadowed and in sync. */
static void boot(u32 vcpus, u32 nr, u32 per_pd)
{
	os_boot(vcpus);
	space = sim_space_new(SIM_LM4);
	for (u32 i = 0; i < nr; i++)
		os_map(&space, page(i, per_pd), DATA(i));
	for (u32 i = 0; i < vcpus; i++)
		sim_set_space(&sim.vcpu[i], &space, true, true);
	for (u32 i = 0; i < nr; i++)
		sim_expect_ok(v0, page(i, per_pd), MMU_R, DATA(i));
}

/* The guest moves each page to another frame, and does not say so yet. */
static void move_all(u32 nr, u32 per_pd)
{
	for (u32 i = 0; i < nr; i++) {
		os_set_pte(v0, &space, page(i, per_pd), 1, OTHER(i) | LEAF);
		assert_true(os_unsync(os_shadow_of(&space, page(i, per_pd), 1)));
	}
}

static void flush(void)
{
	sim_load_cr3(v0, space.cr3);
	assert_true(sim_enter(v0));
}

static void expect_moved(u32 nr, u32 per_pd)
{
	for (u32 i = 0; i < nr; i++)
		sim_expect_ok(v0, page(i, per_pd), MMU_R, OTHER(i));
}

/* Under the lock, as mmu/ calls them itself. */
static enum collect collect(spx_t x, struct pvec *pv)
{
	enum collect rc;

	env_lock(&sim.vm.lock);
	rc = unsync_collect_and_clear(x, pv);
	env_unlock(&sim.vm.lock);
	return rc;
}

static void resolve(struct pvec *pv)
{
	struct sim_turn t;

	os_leave(v0);
	t = sim_cpu_take(0);
	env_lock(&sim.vm.lock);
	unsync_resolve(&sim.vm, pv);
	env_unlock(&sim.vm.lock);
	sim_cpu_back(t);
	assert_int_equal(pv->nr, 0);
}

static u32 steps;

static bool count_steps(enum mmu_hook h)
{
	steps += h == HOOK_IN_COLLECT;
	return false;
}

/* --- the rows --------------------------------------------------------------------------------- */

/* S4.1 */
static void every_page_of_a_vector_is_resolved(void **state)
{
	struct pvec pv = { .nr = 0 };
	spx_t x[5];

	(void)state;
	boot(1, 5, 5);
	move_all(5, 5);
	/* Two of them have become such that an entry cannot be kept. */
	os_set_pte(v0, &space, page(1, 5), 1, 0);
	os_set_pte(v0, &space, page(2, 5), 1, OTHER(2) | LEAF | BIT(45));
	for (u32 i = 0; i < 5; i++)
		x[i] = os_shadow_of(&space, page(i, 5), 1);
	assert_int_equal(collect(os_shadow(space.cr3), &pv), COLLECT_DONE);
	assert_int_equal(pv.nr, 5);
	resolve(&pv);
	for (u32 i = 0; i < 5; i++)
		assert_int_equal(sp_get(x[i])->flags & (SP_UNSYNC | SP_INPVEC), 0);
	flush();
	sim_expect_ok(v0, page(0, 5), MMU_R, OTHER(0));
	sim_expect_pf(v0, page(1, 5), MMU_R, 0);
	sim_expect_pf(v0, page(2, 5), MMU_R, PFEC_P | PFEC_RSVD);
	os_end();
}

/* S4.2 */
static void one_walk_collects_and_clears(void **state)
{
	(void)state;
	boot(1, 10, 5);
	move_all(10, 5);
	sim.any_hook = count_steps;
	steps = 0;
	flush();
	/* Ten leaf tables, two directories, the one above them: each is looked at once. */
	assert_int_equal(steps, 13);
	steps = 0;
	flush();
	assert_int_equal(steps, 0);
	sim.any_hook = NULL;
	expect_moved(10, 5);
	os_end();
}

static u64 synced_before, synced_at_most;

static void lock_given_up(void)
{
	u64 synced = sim_stat(MMU_STAT_SYNC);

	synced_at_most = MAX(synced_at_most, synced - synced_before);
	synced_before = synced;
}

/* S4.3 */
static void the_lock_is_held_for_one_vector_at_most(void **state)
{
	(void)state;
	boot(1, 3 * PVEC_NR, 5);
	move_all(3 * PVEC_NR, 5);
	synced_before = sim_stat(MMU_STAT_SYNC);
	synced_at_most = 0;
	env_sim.unlocked = lock_given_up;
	flush();
	env_sim.unlocked = NULL;
	assert_int_equal(synced_at_most, PVEC_NR);
	expect_moved(3 * PVEC_NR, 5);
	os_end();
}

/* S4.3: nor when a directory over many unsync tables is linked again. */
static void linking_holds_the_lock_for_one_vector_at_most(void **state)
{
	u64 pdpte, old;

	(void)state;
	boot(1, 3 * PVEC_NR, 3 * PVEC_NR);
	pdpte = sim_pte(&space, page(0, 3 * PVEC_NR), 3);
	os_window(&space, pdpte);
	move_all(3 * PVEC_NR, 3 * PVEC_NR);
	old = sim_peek(pdpte, 8);
	os_write(v0, pdpte, 0, 8);
	os_write(v0, pdpte, old, 8);
	flush();
	synced_before = sim_stat(MMU_STAT_SYNC);
	synced_at_most = 0;
	env_sim.unlocked = lock_given_up;
	expect_moved(3 * PVEC_NR, 3 * PVEC_NR);
	env_sim.unlocked = NULL;
	assert_int_equal(synced_at_most, PVEC_NR);
	os_end();
}

/* S4.4 */
static void a_bit_is_cleared_only_for_what_is_in_the_vector(void **state)
{
	struct pvec pv = { .nr = 0 };
	spx_t pd;

	(void)state;
	boot(1, PVEC_NR + 1, PVEC_NR + 1);
	move_all(PVEC_NR + 1, PVEC_NR + 1);
	pd = os_shadow_of(&space, page(0, PVEC_NR + 1), 2);
	assert_int_equal(os_bits(pd), PVEC_NR + 1);
	assert_int_equal(collect(os_shadow(space.cr3), &pv), COLLECT_MORE);
	assert_int_equal(pv.nr, PVEC_NR);
	assert_int_equal(sp_get(pd)->nr_unsync, 1);
	assert_true(os_bit(pd, PVEC_NR));
	resolve(&pv);
	assert_int_equal(collect(os_shadow(space.cr3), &pv), COLLECT_DONE);
	assert_int_equal(pv.nr, 1);
	assert_int_equal(sp_get(pd)->nr_unsync, 0);
	resolve(&pv);
	assert_int_equal(collect(os_shadow(space.cr3), &pv), COLLECT_DONE);
	assert_int_equal(pv.nr, 0);
	flush();
	expect_moved(PVEC_NR + 1, PVEC_NR + 1);
	os_end();
}

/* S4.5 */
static void only_leaf_tables_go_out_of_sync(void **state)
{
	struct sim_out out;
	u64 pde;

	(void)state;
	os_boot(1);
	space = sim_space_new(SIM_LM4);
	os_map(&space, page(0, 5), DATA(0));
	os_map(&space, page(1, 5), DATA(1));
	pde = sim_pte(&space, page(0, 5), 2);
	os_window(&space, pde);
	sim_set_space(v0, &space, true, true);
	sim_expect_ok(v0, page(0, 5), MMU_R, DATA(0));
	sim_expect_ok(v0, page(1, 5), MMU_R, DATA(1));
	out = os_write(v0, pde, sim_peek(pde + 8, 8), 8);
	assert_true(out.emulated);
	assert_false(os_unsync(os_shadow(pde)));
	sim_audit();
	flush();
	sim_expect_ok(v0, page(0, 5), MMU_R, DATA(1));
	/* A leaf table that is a directory elsewhere: neither shadow may be unsync. */
	os_write(v0, pde, (pde & ~0xfffULL) | LEAF, 8);
	flush();
	(void)sim_do(v0, page(0, 5), MMU_R);
	out = os_set_pte(v0, &space, page(0, 5), 2, OTHER(0) | LEAF);
	assert_true(out.emulated);
	os_end();
}

/* S4.6 */
static void a_bit_without_an_unsync_table_below_is_cleared(void **state)
{
	struct sim_space b;
	u64 pt, synced;

	(void)state;
	boot(1, 2, 5);
	/* A second address space with directories of its own over the same leaf table. */
	b = sim_space_new(SIM_LM4);
	sim_map(&b, page(1, 5), DATA(1), LEAF, 1);
	sim_map(&b, page(0, 5), 0, 0, 1);
	pt = sim_pte(&space, page(0, 5), 1) & ~0xfffULL;
	sim_poke(sim_pte(&b, page(0, 5), 2), pt | P_ | W_ | U_ | A_, 8);
	sim_load_cr3(v0, b.cr3);
	sim_expect_ok(v0, page(0, 5), MMU_R, DATA(0));
	sim_load_cr3(v0, space.cr3);
	os_set_pte(v0, &space, page(0, 5), 1, OTHER(0) | LEAF);
	assert_int_equal(os_bits(os_shadow_of(&b, page(0, 5), 2)), 1);
	flush();
	/* Synced from this side; the other side's bits are stale. */
	assert_false(os_unsync(os_shadow(pt)));
	assert_int_equal(os_bits(os_shadow_of(&b, page(0, 5), 2)), 1);
	synced = sim_stat(MMU_STAT_SYNC);
	sim_load_cr3(v0, b.cr3);
	sim_expect_ok(v0, page(0, 5), MMU_R, OTHER(0));
	assert_int_equal(sim_stat(MMU_STAT_SYNC), synced);
	for (u32 level = 2; level <= 4; level++) {
		assert_int_equal(os_bits(os_shadow_of(&b, page(0, 5), level)), 0);
		assert_int_equal(sp_get(os_shadow_of(&b, page(0, 5), level))->nr_unsync, 0);
	}
	os_end();
}

/* S4.3: another vCPU writes to the tables again as fast as they are synced. */
static void a_load_ends_while_others_go_on_writing(void **state)
{
	enum mmu_verdict v = MMU_RETRY;
	u32 nr = 2 * PVEC_NR, loads = 0;
	struct mmu_result r;

	(void)state;
	boot(2, nr, nr);
	/* What is in sync at the event needs no look at all. */
	for (u32 i = 0; i < nr; i++)
		os_set_pte(v1, &space, page(i, nr), 1, OTHER(i) | LEAF);
	sim_load_cr3(v0, space.cr3);
	for (; v == MMU_RETRY && loads < 200; loads++) {
		struct sim_turn t;

		for (u32 i = 0; i < nr; i++)
			os_set_pte(v1, &space, page(i, nr), 1,
				   (loads % 2 ? DATA(i) : OTHER(i)) | LEAF);
		t = sim_cpu_take(v0->cpu);
		v = mmu_shadow_load(&v0->ctx, &r);
		sim_cpu_back(t);
	}
	assert_int_equal(v, MMU_FIXED);
	/* Slices, but not for ever. */
	assert_in_range(loads, 2, 100);
	assert_int_equal(os_bits(os_shadow_of(&space, page(0, nr), 2)), 0);
	os_end();
}

/* S4.7 */
static void a_full_vector_is_not_the_end(void **state)
{
	(void)state;
	for (u32 per_pd = 1; per_pd <= 3 * PVEC_NR + 2; per_pd += 7) {
		boot(1, 3 * PVEC_NR + 2, per_pd);
		move_all(3 * PVEC_NR + 2, per_pd);
		flush();
		expect_moved(3 * PVEC_NR + 2, per_pd);
		os_end();
	}
}

/* S4.8: the vector is full exactly where a subtree ends. */
static void the_way_to_what_is_left_keeps_its_bits(void **state)
{
	struct pvec pv = { .nr = 0 };
	u64 last = page(PVEC_NR, PVEC_NR);

	(void)state;
	boot(1, PVEC_NR + 1, PVEC_NR);
	move_all(PVEC_NR + 1, PVEC_NR);
	assert_int_equal(collect(os_shadow(space.cr3), &pv), COLLECT_MORE);
	assert_int_equal(pv.nr, PVEC_NR);
	assert_int_equal(os_bits(os_shadow_of(&space, page(0, PVEC_NR), 2)), 0);
	for (u32 level = 2; level <= 4; level++)
		assert_int_equal(os_bits(os_shadow_of(&space, last, level)), 1);
	resolve(&pv);
	flush();
	expect_moved(PVEC_NR + 1, PVEC_NR);
	os_end();
}

/* S4.10 */
static void a_table_linked_512_times_is_collected_once(void **state)
{
	struct pvec pv = { .nr = 0 };
	u64 pt, base = page(0, 512);
	spx_t pd;

	(void)state;
	os_boot(1);
	space = sim_space_new(SIM_LM4);
	os_map(&space, base, DATA(0));
	pt = sim_pte(&space, base, 1) & ~0xfffULL;
	for (u32 i = 1; i < 512; i++)
		sim_poke(sim_pte(&space, base, 2) + i * 8, pt | P_ | W_ | U_ | A_, 8);
	sim_set_space(v0, &space, true, true);
	for (u32 i = 0; i < 512; i++)
		sim_expect_ok(v0, base + i * PT_SPAN, MMU_R, DATA(0));
	os_set_pte(v0, &space, base, 1, OTHER(0) | LEAF);
	pd = os_shadow_of(&space, base, 2);
	assert_int_equal(sp_get(pd)->nr_unsync, 512);
	assert_int_equal(collect(os_shadow(space.cr3), &pv), COLLECT_DONE);
	assert_int_equal(pv.nr, 1);
	assert_int_equal(sp_get(pd)->nr_unsync, 0);
	assert_int_equal(os_bits(pd), 0);
	resolve(&pv);
	flush();
	for (u32 i = 0; i < 512; i++)
		sim_expect_ok(v0, base + i * PT_SPAN, MMU_R, OTHER(0));
	os_end();
}

/* S4.11 */
static void a_clear_bit_is_not_counted_down_again(void **state)
{
	struct pvec pv = { .nr = 0 };
	spx_t pd, pt;

	(void)state;
	boot(1, 2, 5);
	move_all(2, 5);
	pd = os_shadow_of(&space, page(0, 5), 2);
	pt = os_shadow_of(&space, page(0, 5), 1);
	assert_int_equal(collect(os_shadow(space.cr3), &pv), COLLECT_DONE);
	assert_int_equal(sp_get(pd)->nr_unsync, 0);
	resolve(&pv);
	/* The links whose bits are clear already go away. */
	os_leave(v0);
	mmu_unshadow(&sim.vm, sp_get(pt)->gfn);
	assert_int_equal(sp_get(pd)->nr_unsync, 0);
	sim_audit();
	flush();
	expect_moved(2, 5);
	os_end();
}

static void write_second_table(void *arg)
{
	const struct sim_access a = {
		.gva = WINDOW + sim_pte(&space, page(1, 2), 1),
		.access = MMU_W,
		.size = 8,
		.value = *(const u64 *)arg,
	};

	(void)sim_touch(v1, &a);
}

/*
 * S4.12, bug (c): table a maps table b writable, both are unsync, and another CPU still holds that
 * translation. Whichever comes first in the vector, nobody writes b unnoticed after its sync.
 */
static void no_table_is_writable_once_it_is_in_sync(void **state)
{
	static const u64 late = OTHER(7) | LEAF;

	(void)state;
	for (u32 order = 0; order < 2; order++) {
		u64 first = page(order, 2), second = page(1 - order, 2);

		boot(2, 2, 2);
		/* The first table's entry 1 leads to the second table. */
		os_set_pte(v0, &space, first, 1, DATA(0) | LEAF);
		os_write(v0, sim_pte(&space, first, 1) + 8,
			 (sim_pte(&space, second, 1) & ~0xfffULL) | LEAF, 8);
		(void)sim_do(v1, first + PAGE_SIZE, MMU_W);
		move_all(2, 2);
		sim_expect_ok(v1, WINDOW + sim_pte(&space, page(1, 2), 1), MMU_R,
			      sim_pte(&space, page(1, 2), 1));
		write_second_table(&(u64){ OTHER(6) | LEAF });
		os_leave(v0);
		flush();
		/* No exit, whatever the TLB of the other CPU says. */
		write_second_table((void *)(uintptr_t)&late);
		sim_audit();
		flush();
		(void)sim_do(v0, page(1, 2), MMU_R);
		os_end();
	}
}

/* S4.12: the freeze of the vector is acknowledged before anything is read. */
static void all_are_frozen_before_one_is_synced(void **state)
{
	(void)state;
	boot(2, 2, 2);
	move_all(2, 2);
	/* The other CPU may write the second table without an exit. */
	assert_int_equal(os_set_pte(v1, &space, page(1, 2), 1, OTHER(1) | LEAF).end, SIM_OK);
	assert_true(v1->in_guest);
	flush();
	assert_false(v1->in_guest);
	expect_moved(2, 2);
	os_end();
}

/* --- bugs of others --------------------------------------------------------------------------- */

/* Bug (a): an absent entry needs no flush to become present, so its table must be right before. */
static void an_unsync_table_is_synced_before_it_is_linked(void **state)
{
	u64 pt, pde;

	(void)state;
	boot(1, 2, 2);
	pt = sim_pte(&space, page(0, 2), 1) & ~0xfffULL;
	pde = sim_pte(&space, page(0, 2), 2) + 8 * 8;
	sim_map(&space, page(0, 2) + 64 * PAGE_SIZE, DATA(9), LEAF, 1);
	os_window(&space, pde);
	sim_expect_ok(v0, page(0, 2) + 64 * PAGE_SIZE, MMU_R, DATA(9));
	move_all(2, 2);
	/* The entry below changes before the one above appears: no old value is legal there. */
	os_write(v0, pde, pt | LEAF, 8);
	sim_expect_ok(v0, page(0, 2) + 8 * PT_SPAN + 64 * PAGE_SIZE, MMU_R, DATA(9));
	sim_expect_ok(v0, page(0, 2) + 8 * PT_SPAN, MMU_R, OTHER(0));
	os_end();
}

/* Bug (b): one table in two modes, with different reserved bits. */
static void a_table_is_synced_by_its_own_role(void **state)
{
	u64 e = DATA(0) | LEAF | NX_;

	(void)state;
	boot(2, 1, 1);
	sim_set_space(v1, &space, true, false);
	sim_expect_ok(v1, page(0, 1), MMU_R, DATA(0));
	os_set_pte(v0, &space, page(0, 1), 1, e);
	sim_load_cr3(v1, space.cr3);
	sim_expect_pf(v1, page(0, 1), MMU_R, PFEC_P | PFEC_RSVD);
	flush();
	sim_expect_ok(v0, page(0, 1), MMU_R, DATA(0));
	sim_expect_pf(v0, page(0, 1), MMU_X, PFEC_P | PFEC_F);
	os_end();
}

/* Bug (c): no leaf that lets the guest write a table outlives the table's sync. */
static void a_synced_table_is_mapped_writable_nowhere(void **state)
{
	(void)state;
	boot(1, 2, 2);
	move_all(2, 2);
	flush();
	sim_audit();
	/* The next store is seen again. */
	os_set_pte(v0, &space, page(0, 2), 1, DATA(5) | LEAF);
	assert_true(os_unsync(os_shadow_of(&space, page(0, 2), 1)));
	flush();
	sim_expect_ok(v0, page(0, 2), MMU_R, DATA(5));
	os_end();
}

/* Bug (d): under the lock the order of the two cannot be seen, but that both happen can. */
static void a_writable_table_is_marked(void **state)
{
	struct sim_out out;

	(void)state;
	boot(1, 1, 1);
	out = os_set_pte(v0, &space, page(0, 1), 1, OTHER(0) | LEAF);
	assert_false(out.emulated);
	sim_audit();
	flush();
	expect_moved(1, 1);
	os_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_page_of_a_vector_is_resolved),
		cmocka_unit_test(one_walk_collects_and_clears),
		cmocka_unit_test(the_lock_is_held_for_one_vector_at_most),
		cmocka_unit_test(linking_holds_the_lock_for_one_vector_at_most),
		cmocka_unit_test(a_bit_is_cleared_only_for_what_is_in_the_vector),
		cmocka_unit_test(only_leaf_tables_go_out_of_sync),
		cmocka_unit_test(a_bit_without_an_unsync_table_below_is_cleared),
		cmocka_unit_test(a_load_ends_while_others_go_on_writing),
		cmocka_unit_test(a_full_vector_is_not_the_end),
		cmocka_unit_test(the_way_to_what_is_left_keeps_its_bits),
		cmocka_unit_test(a_table_linked_512_times_is_collected_once),
		cmocka_unit_test(a_clear_bit_is_not_counted_down_again),
		cmocka_unit_test(no_table_is_writable_once_it_is_in_sync),
		cmocka_unit_test(all_are_frozen_before_one_is_synced),
		cmocka_unit_test(an_unsync_table_is_synced_before_it_is_linked),
		cmocka_unit_test(a_table_is_synced_by_its_own_role),
		cmocka_unit_test(a_synced_table_is_mapped_writable_nowhere),
		cmocka_unit_test(a_writable_table_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
