/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* Frames of a shadowed guest whose reads, or instruction fetches, must be seen. */
#include "tests/sim/guest_os.h"

#define V   (4 * SZ_1G)
#define BIG (5 * SZ_1G)

static struct sim_space space;
static struct sim_vcpu *const v0 = &sim.vcpu[0], *const v1 = &sim.vcpu[1];

static void boot(void)
{
	os_boot(2);
	space = sim_space_new(SIM_LM4);
	for (u32 i = 0; i < 4; i++)
		os_map(&space, V + i * PAGE_SIZE, DATA(i));
	sim_map(&space, BIG, 0x800000, LEAF, 2);
	sim_set_space(v0, &space, true, true);
	sim_set_space(v1, &space, true, true);
}

static gfn_t frame(u32 i)
{
	return GFN(DATA(i) >> PAGE_SHIFT);
}

/* Hardware does it without us. */
static bool touch(struct sim_vcpu *v, u64 gva, u32 access)
{
	return sim_touch(v, &(struct sim_access){ .gva = gva, .access = access, .size = 8 });
}

static void add(gfn_t gfn, u32 rights)
{
	os_leave(v0);
	assert_int_equal(mmu_track_add(&sim.vm, gfn, rights), 0);
}

static void remove_track(gfn_t gfn, u32 rights)
{
	os_leave(v0);
	mmu_track_remove(&sim.vm, gfn, rights);
}

/* Each access at gva with these is seen, and no other. */
static void expect_tracked(u64 gva, u32 rights)
{
	for (u32 access = MMU_R; access <= MMU_X; access <<= 1) {
		if (access == MMU_U)
			continue;
		assert_int_equal(sim_do(v0, gva, access).tracked, (rights & access) != 0);
		assert_int_equal(sim_do(v1, gva, access).tracked, (rights & access) != 0);
	}
	sim_audit();
}

/* A leaf has no X without R here, whatever the hardware's own tables could say. */
static void a_frame_without_r_is_touched_by_nobody_unseen(void **state)
{
	(void)state;
	boot();
	mmu_hw.exec_only = true;
	assert_false(mmu_exec_only(&sim.vm));
	sim_expect_ok(v0, V, MMU_W, DATA(0));
	sim_expect_ok(v1, V, MMU_X, DATA(0));
	assert_true(touch(v1, V, MMU_R));
	add(frame(0), MMU_R);
	assert_false(touch(v1, V, MMU_R));
	expect_tracked(V, MMU_R | MMU_W | MMU_X);
	expect_tracked(V + PAGE_SIZE, 0);
	remove_track(frame(0), MMU_R);
	expect_tracked(V, 0);
	os_end();
}

static void a_frame_without_x_is_executed_by_nobody_unseen(void **state)
{
	(void)state;
	boot();
	sim_expect_ok(v0, V, MMU_W, DATA(0));
	sim_expect_ok(v1, V, MMU_X, DATA(0));
	assert_true(touch(v1, V, MMU_X));
	add(frame(0), MMU_X);
	assert_false(touch(v1, V, MMU_X));
	expect_tracked(V, MMU_X);
	remove_track(frame(0), MMU_X);
	expect_tracked(V, 0);
	os_end();
}

static void nothing_is_filled_ahead_without_r(void **state)
{
	(void)state;
	boot();
	add(frame(1), MMU_R);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	/* One of those that are filled ahead is there, the one between is not. */
	assert_true(touch(v0, V + 2 * PAGE_SIZE, MMU_R));
	assert_false(touch(v0, V + PAGE_SIZE, MMU_R));
	expect_tracked(V + PAGE_SIZE, MMU_R | MMU_W | MMU_X);
	os_end();
}

/* The entry went with a store, and the guest owes the flush itself: a processor that still reads
 * through it is in its rights until somebody must see each read. */
static void a_translation_without_a_leaf_is_flushed(void **state)
{
	u64 e = 0;

	(void)state;
	boot();
	sim_map(&space, V, DATA(0), LEAF & ~(W_ | D_), 1);
	sim_expect_ok(v1, V, MMU_R, DATA(0));
	assert_true(touch(v1, V, MMU_R));
	assert_true(os_write(v0, sim_pte(&space, V, 1), e, 8).emulated ||
		    os_unsync(os_shadow_of(&space, V, 1)));
	sim_invlpg(v0, V);
	assert_true(touch(v1, V, MMU_R));
	add(frame(0), MMU_R);
	assert_false(touch(v1, V, MMU_R));
	os_end();
}

/* The guest changes its entry in another way: what the leaf lost for the track it keeps lost. */
static void a_sync_does_not_give_x_back(void **state)
{
	(void)state;
	boot();
	add(frame(0), MMU_X);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	os_set_pte(v0, &space, V, 1, DATA(0) | (LEAF & ~U_));
	assert_true(os_unsync(os_shadow_of(&space, V, 1)));
	sim_load_cr3(v0, space.cr3);
	/* The leaf stayed, without X. */
	assert_int_equal(sim_do(v0, V, MMU_R).faults, 0);
	expect_tracked(V, MMU_X);
	os_end();
}

static void one_frame_of_a_large_page_is_tracked(void **state)
{
	(void)state;
	boot();
	sim_expect_ok(v0, BIG, MMU_W, 0x800000);
	sim_expect_ok(v1, BIG + 5 * PAGE_SIZE, MMU_X, 0x805000);
	add(GFN(0x805), MMU_R);
	assert_false(touch(v1, BIG + 5 * PAGE_SIZE, MMU_R));
	expect_tracked(BIG + 5 * PAGE_SIZE, MMU_R | MMU_W | MMU_X);
	expect_tracked(BIG + 4 * PAGE_SIZE, 0);
	add(GFN(0x804), MMU_X);
	expect_tracked(BIG + 4 * PAGE_SIZE, MMU_X);
	os_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_without_r_is_touched_by_nobody_unseen),
		cmocka_unit_test(a_frame_without_x_is_executed_by_nobody_unseen),
		cmocka_unit_test(nothing_is_filled_ahead_without_r),
		cmocka_unit_test(a_translation_without_a_leaf_is_flushed),
		cmocka_unit_test(a_sync_does_not_give_x_back),
		cmocka_unit_test(one_frame_of_a_large_page_is_tracked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
