/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * Bugs that other shadow MMUs had, each as a rule of ours: memory and life of tables, slots,
 * devices, spurious faults. The section "Later reports" of docs/seeds.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mmu/shadow/fetch.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/sp.h"
#include "tests/host/shadow_setup.h"

#define VA 0x40201000ULL

/* A space of 4 levels with one page, in use by the reader. */
static struct sim_space one_page(u64 gpa, u64 flags, u32 level)
{
	struct sim_space s = sim_space_new(SIM_LM4);

	sim_map(&s, VA, gpa, flags, level);
	sim_set_space(reader, &s, true, true);
	return s;
}

static void by_another_cpu(void (*fn)(void))
{
	struct sim_turn t = sim_elsewhere();

	fn();
	sim_cpu_back(t);
}

/* --- CVE-2026-64561 --------------------------------------------------------------------------- */

#define FAR_PAGES 64
#define FAR(i)    (VA + (u64)(i) * (SZ_1G * 512 + SZ_1G))

/*
 * CVE-2026-64561: the quota is far smaller than what the guest's tables need. The roots in use are
 * not reclaimed, whoever's they are, and each access gets what it needs.
 */
static void tables_in_use_are_not_reclaimed(void **state)
{
	struct sim_space s, other;

	(void)state;
	setup_with(110, NULL);
	s = sim_space_new(SIM_LM4);
	for (u32 i = 0; i < FAR_PAGES; i++)
		sim_map(&s, FAR(i), OLD + i * PAGE_SIZE, LEAF, 1);
	other = sim_space_new(SIM_LM4);
	sim_map(&other, VA, NEW, LEAF, 1);
	sim_set_space(reader, &s, true, true);
	sim_set_space(writer, &other, true, true);
	sim_expect_ok(writer, VA, MMU_R, NEW);
	for (u32 i = 0; i < FAR_PAGES * 8; i++) {
		u32 n = i % FAR_PAGES;

		sim_expect_ok(reader, FAR(n), MMU_W, OLD + n * PAGE_SIZE);
		if (i % FAR_PAGES == 0) {
			sim_audit();
			sim_expect_ok(writer, VA, MMU_R, NEW);
		}
	}
	assert_true(sim_stat(MMU_STAT_RECLAIM) > FAR_PAGES);
	finish();
}

static void zap_all(void)
{
	mmu_shadow_zap_all(&sim.vm);
}

static void make_obsolete(void *arg)
{
	(void)arg;
	by_another_cpu(zap_all);
}

/* CVE-2026-64561: a root that has become obsolete on the way gets nothing linked to it. */
static void root_is_validated_last(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2; i++) {
		u64 before;

		setup(true);
		(void)one_page(OLD, LEAF, 1);
		before = sim_stat(MMU_STAT_SHADOW_RETRY);
		sim_hook(i ? HOOK_BEFORE_LOCK : HOOK_AFTER_WALK, make_obsolete, NULL);
		sim_expect_ok(reader, VA, MMU_R, OLD);
		assert_int_equal(sim_stat(MMU_STAT_SHADOW_RETRY), before + 1);
		finish();
	}
}

/* --- life of roots and tables ----------------------------------------------------------------- */

/* XSA-438: a root that two vCPUs share lives as long as one of them uses it. */
static void shared_root_lives_as_long_as_it_is_used(void **state)
{
	struct sim_space s, other;

	(void)state;
	setup(true);
	s = one_page(OLD, LEAF, 1);
	other = sim_space_new(SIM_LM4);
	sim_map(&other, VA, NEW, LEAF, 1);
	sim_expect_ok(reader, VA, MMU_R, OLD);
	sim_set_space(writer, &s, true, true);
	sim_expect_ok(writer, VA, MMU_R, OLD);
	sim_audit();
	for (u32 i = 0; i < 40; i++) {
		/* More spaces than a context caches, so that the first is forgotten. */
		struct sim_space more = sim_space_new(SIM_LM4);

		sim_map(&more, VA, NEW, LEAF, 1);
		sim_load_cr3(reader, more.cr3);
		sim_expect_ok(reader, VA, MMU_R, NEW);
		sim_expect_ok(writer, VA, MMU_R, OLD);
	}
	sim_audit();
	sim_load_cr3(writer, other.cr3);
	sim_expect_ok(writer, VA, MMU_R, NEW);
	finish();
}

static u64 zapped_before, zapped_at_once;

static void count_zapped(void)
{
	u64 now = sim_stat(MMU_STAT_SP_ZAP);

	if (sim.vm.lock.held)
		return;
	if (now - zapped_before > zapped_at_once)
		zapped_at_once = now - zapped_before;
	zapped_before = now;
}

/* XSA-410: freeing many tables does not keep the lock for long. */
static void obsolete_tables_are_freed_in_slices(void **state)
{
	struct sim_space s;

	(void)state;
	setup(true);
	s = sim_space_new(SIM_LM4);
	sim_set_space(reader, &s, true, true);
	for (u32 i = 0; i < FAR_PAGES; i++) {
		sim_map(&s, FAR(i), OLD, LEAF, 1);
		sim_expect_ok(reader, FAR(i), MMU_R, OLD);
	}
	zapped_before = sim_stat(MMU_STAT_SP_ZAP);
	zapped_at_once = 0;
	env_sim.unlocked = count_zapped;
	by_another_cpu(zap_all);
	env_sim.unlocked = NULL;
	assert_true(sim_stat(MMU_STAT_SP_ZAP) >= 3 * FAR_PAGES);
	assert_in_range(zapped_at_once, 1, 32);
	finish();
}

/* --- slots ------------------------------------------------------------------------------------ */

#define SLOT_PAGES 700

static u32 stores, stores_at_once;
static void (*in_between)(void);

static void count_stores(u64 *p, u64 v)
{
	(void)p;
	(void)v;
	stores++;
}

static void end_of_hold(void)
{
	void (*fn)(void) = in_between;

	if (sim.vm.lock.held)
		return;
	stores_at_once = MAX(stores_at_once, stores);
	stores = 0;
	in_between = NULL;
	if (fn)
		fn();
}

static void second_slot_goes(void)
{
	assert_int_equal(sim_slot_remove(1), 0);
}

/* A slot of which many pages are mapped goes; fn is called where the lock is free for the first
 * time. */
static void remove_mapped_slot(void (*fn)(void))
{
	void (*storing)(u64 * p, u64 v) = env_sim.storing;
	struct sim_space s = sim_space_new(SIM_LM4);

	for (u32 i = 0; i < SLOT_PAGES; i++)
		sim_map(&s, VA + i * PAGE_SIZE, GB + i * PAGE_SIZE, LEAF, 1);
	sim_set_space(reader, &s, true, true);
	for (u32 i = 0; i < SLOT_PAGES; i++)
		sim_expect_ok(reader, VA + i * PAGE_SIZE, MMU_R, GB + i * PAGE_SIZE);
	stores = stores_at_once = 0;
	in_between = fn;
	env_sim.storing = count_stores;
	env_sim.unlocked = end_of_hold;
	by_another_cpu(second_slot_goes);
	env_sim.unlocked = NULL;
	env_sim.storing = storing;
}

/* XSA-410, for a slot: unmapping it does not keep the lock for long either. */
static void slot_is_unmapped_in_slices(void **state)
{
	(void)state;
	setup(true);
	remove_mapped_slot(NULL);
	assert_in_range(stores_at_once, 1, 512);
	assert_int_equal(sim_do(reader, VA, MMU_R).end, SIM_MMIO);
	finish();
}

static struct sim_out meanwhile;

static void use_slot(void)
{
	sim.may_stick = true;
	meanwhile = sim_do(reader, VA, MMU_R);
	sim.may_stick = false;
}

/* Between two slices the guest asks for a page of the first one again. */
static void slot_that_goes_gets_no_new_leaves(void **state)
{
	(void)state;
	setup(true);
	sim.keep = SIM_KEEP_NOTHING;
	remove_mapped_slot(use_slot);
	assert_int_equal(meanwhile.end, SIM_STUCK);
	assert_int_equal(sim_do(reader, VA, MMU_R).end, SIM_MMIO);
	finish();
}

static void slot_goes(void *arg)
{
	(void)arg;
	assert_int_equal(sim_slot_remove(1), 0);
}

static void log_ends(void *arg)
{
	(void)arg;
	assert_int_equal(sim_dirty_stop(1), 0);
}

/*
 * XSA-427: a slot that goes, or a log that ends, while a write to it is on its way is noticed under
 * the lock.
 */
static void slot_that_goes_meanwhile_is_noticed(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++) {
		enum mmu_hook where = i & 1 ? HOOK_BEFORE_LOCK : HOOK_AFTER_WALK;
		struct sim_out out;

		setup(true);
		(void)one_page(GB, LEAF, 1);
		assert_int_equal(sim_dirty_start(1), 0);
		sim_hook(where, i & 2 ? slot_goes : log_ends, NULL);
		out = sim_do(reader, VA, MMU_W);
		assert_int_equal(out.end, i & 2 ? SIM_MMIO : SIM_OK);
		/* Nothing was noted in a log that is gone. */
		assert_int_equal(sim_stat(MMU_STAT_FAULT_DIRTY), 0);
		finish();
	}
}

/*
 * XSA-408 and downgrades: rights that a log or tracking takes from the shadow's leaves are gone
 * from every TLB, so that no write is missed. Large leaves and small ones.
 */
static void rights_taken_for_a_log_are_flushed(void **state)
{
	(void)state;
	for (u32 level = 1; level <= 2; level++) {
		const struct sim_access store = {
			.gva = VA, .access = MMU_W, .size = 8, .value = 1
		};

		setup(true);
		(void)one_page(GB, LEAF, level);
		for (u32 i = 0; i < 4; i++) {
			assert_int_equal(sim_access(reader, &store).end, SIM_OK);
			assert_true(reader->in_guest);
			if (i == 0)
				assert_int_equal(sim_dirty_start(1), 0);
			else
				sim_dirty_fetch(1);
			(void)sim_touch(reader, &store);
		}
		sim_dirty_fetch(1);
		finish();
	}
}

/* MMIO generation: what was a device's page, or nothing, is memory after a slot was put there. */
static void device_page_may_become_memory(void **state)
{
	static const struct sim_slot ram = { .gfn = DEV >> PAGE_SHIFT,
					     .nr = 4,
					     .hfn = SIM_RAM / PAGE_SIZE + 5000,
					     .kind = SLOT_RAM };

	(void)state;
	for (u32 hole = 0; hole < 2; hole++) {
		setup(true);
		(void)one_page(DEV, LEAF, 1);
		if (hole)
			assert_int_equal(sim_slot_remove(3), 0);
		for (u32 i = 0; i < 2; i++)
			assert_int_equal(sim_do(reader, VA, MMU_R).end, SIM_MMIO);
		if (!hole)
			assert_int_equal(sim_slot_remove(3), 0);
		assert_int_equal(sim_slot_add(3, &ram), 0);
		sim_expect_ok(reader, VA, MMU_R, DEV);
		finish();
	}
}

/*
 * XSA-173: a frame number beyond 32 bits is not cut to one that exists; in a leaf, or of a table.
 */
static void frame_numbers_are_not_cut_short(void **state)
{
	static const struct mmu_caps wide = {
		.maxphyaddr = 52, .has_nx = true, .has_1g = true, .has_pse36 = true
	};
	const struct mmu_caps caps[] = { wide, wide };

	(void)state;
	for (u32 mode = SIM_PAE; mode <= SIM_LM5; mode++)
		for (u32 bit = 32; bit < 52; bit++) {
			struct sim_space s;

			setup_with(0, caps);
			s = sim_space_new(mode);
			sim_map(&s, VA, OLD | BIT(bit), LEAF, 1);
			sim_map(&s, VA + PAGE_SIZE, OLD, LEAF, 1);
			sim_map(&s, VA + SZ_2M, OLD, LEAF, 1);
			sim_poke(sim_pte(&s, VA + SZ_2M, 2),
				 sim_peek(sim_pte(&s, VA + SZ_2M, 2), 8) | BIT(bit), 8);
			sim_set_space(reader, &s, true, true);
			assert_int_equal(sim_do(reader, VA, MMU_W).end, SIM_MMIO);
			sim_expect_ok(reader, VA + PAGE_SIZE, MMU_W, OLD);
			assert_true(sim_do(reader, VA + SZ_2M, MMU_R).end != SIM_OK);
			finish();
		}
}

/*
 * A leaf of 1 GiB gives way to a table that is put into it, and the guest cannot write to that one
 * unseen.
 */
static void largest_leaf_gives_way_to_a_table(void **state)
{
	static const struct sim_slot slots[] = {
		{ .gfn = 0, .nr = 0x80000, .hfn = SIM_RAM >> PAGE_SHIFT, .kind = SLOT_RAM }, { 0 }
	};
	struct sim_space inside;
	struct sim_tlbe t;
	struct sim_out out;

	(void)state;
	sim_start(&(struct sim_cfg){ .cpus = 2, .vcpus = 2, .pool = 2048, .slots = slots });
	sim_tables_at(16);
	sim.keep = SIM_KEEP_ALL;
	(void)one_page(GB, LEAF, 3);
	sim_expect_ok(reader, SZ_1G, MMU_W, GB);
	assert_true(sim_hw_peek(reader, SZ_1G, &t));
	assert_int_equal(t.nr, SZ_1G / PAGE_SIZE);
	sim_tables_at(0x50000);
	inside = sim_space_new(SIM_LM4);
	sim_map(&inside, VA, NEW, LEAF, 1);
	sim_set_space(writer, &inside, true, true);
	sim_expect_ok(writer, VA, MMU_R, NEW);
	sim_audit();
	/* A page next to it, then the table itself. */
	sim_expect_ok(reader, SZ_1G + (0x10008ULL << PAGE_SHIFT), MMU_W, 0x50008ULL << PAGE_SHIFT);
	out = sim_do(reader, SZ_1G + (0x10000ULL << PAGE_SHIFT) + 0x800, MMU_W);
	assert_int_equal(out.end, SIM_OK);
	assert_true(out.emulated);
	sim_expect_ok(reader, SZ_1G, MMU_W, GB);
	finish();
}

/*
 * Reverse map: a frame that is mapped in thousands of places has a list of bounded length, and all
 * of the places work, then as now.
 */
static void lists_of_leaves_have_a_bound(void **state)
{
	struct sim_space s;

	(void)state;
	setup(true);
	s = sim_space_new(SIM_LM4);
	for (u32 i = 0; i < 3000; i++)
		sim_map(&s, VA + i * PAGE_SIZE, OLD, LEAF, 1);
	sim_set_space(reader, &s, true, true);
	for (u32 round = 0; round < 2; round++)
		for (u32 i = 0; i < 3000; i++) {
			sim_expect_ok(reader, VA + i * PAGE_SIZE, MMU_W, OLD);
			assert_in_range(idlist_count(*rmap_head(&sim.vm, GFN(OLD / PAGE_SIZE), 1)),
					1, IDLIST_CROWD + 2 * IDCHUNK_IDS);
		}
	assert_in_range(sim_stat(MMU_STAT_CROWD), 2, 6);
	finish();
}

/* What lists have grown to is given back before a guest is told that there is no memory. */
static void memory_of_lists_is_given_back(void **state)
{
	struct sim_space s;

	(void)state;
	setup(true);
	s = sim_space_new(SIM_LM4);
	for (u32 i = 0; i < 900; i++)
		sim_map(&s, VA + i * PAGE_SIZE, OLD, LEAF, 1);
	sim_set_space(reader, &s, true, true);
	for (u32 i = 0; i < 900; i++)
		sim_expect_ok(reader, VA + i * PAGE_SIZE, MMU_W, OLD);
	by_another_cpu(zap_all);
	res_drop(&sim.vm, &reader->ctx.res);
	env_lock(&sim.vm.lock);
	pool_drain(&sim.vm);
	env_unlock(&sim.vm.lock);
	assert_in_range(sim.vm.shadow.ids.nr, 2 * IDCHUNKS_PER_PAGE, 4 * IDCHUNKS_PER_PAGE);
	/* Nothing else is left to take: one page is lacking. */
	sim.vm.quota = sim.vm.used + FETCH_PAGES - 1;
	assert_true(sim_enter(reader));
	assert_in_range(sim.vm.shadow.ids.nr, 0, IDCHUNKS_PER_PAGE);
	sim.vm.quota += FETCH_PAGES;
	sim_expect_ok(reader, VA, MMU_W, OLD);
	finish();
}

/* The same for a guest table that is linked in thousands of places. */
static void lists_of_parents_have_a_bound(void **state)
{
	struct sim_space s;
	u64 pde, link;
	spx_t x;

	(void)state;
	setup(true);
	s = one_page(OLD, LEAF, 1);
	link = sim_peek(sim_pte(&s, VA, 2), 8);
	for (u32 i = 0; i < 5; i++) {
		sim_map(&s, VA + i * SZ_1G, OLD, LEAF, 1);
		pde = sim_pte(&s, VA + i * SZ_1G, 2) & ~0xfffULL;
		for (u32 k = 0; k < 512; k++)
			sim_poke(pde + k * 8, link, 8);
	}
	for (u32 round = 0; round < 2; round++)
		for (u32 i = 0; i < 5 * 512; i++) {
			u64 gva = (VA & ~MASK(29, 21)) + i / 512 * SZ_1G + i % 512 * SZ_2M;

			sim_expect_ok(reader, gva, MMU_W, OLD);
			for (x = 0; (x = sp_next_of(&sim.vm, GFN((link & MASK(51, 12)) >> 12), x));)
				assert_in_range(idlist_count(sp_get(x)->parents), 1,
						IDLIST_CROWD + 2 * IDCHUNK_IDS);
		}
	finish();
}

/* CVE-2018-12207: on a processor with the erratum no leaf of the shadow is large. */
static void page_size_erratum_keeps_shadow_leaves_small(void **state)
{
	struct sim_tlbe t;

	(void)state;
	for (u32 erratum = 0; erratum < 2; erratum++) {
		setup(true);
		mmu_hw.multihit = erratum;
		(void)one_page(OLD, LEAF, 2);
		sim_expect_ok(reader, VA, MMU_X, OLD + VA % SZ_2M);
		assert_true(sim_hw_peek(reader, VA, &t));
		assert_int_equal(t.nr, erratum ? 1 : 512);
		finish();
	}
}

/* --- instructions and faults ------------------------------------------------------------------ */

/* CVE-2022-1789: each flush instruction works in each mode, also before there is any root. */
static void flush_instructions_work_in_every_mode(void **state)
{
	(void)state;
	for (u32 mode = SIM_NONE; mode < SIM_MODES; mode++)
		for (u32 fresh = 0; fresh < 2; fresh++) {
			struct sim_space s;

			setup(true);
			s = mode == SIM_NONE ? (struct sim_space){ .mode = SIM_NONE }
					     : sim_space_new(mode);
			if (mode != SIM_NONE)
				sim_map(&s, VA, OLD, LEAF, 1);
			sim_set_space(reader, &s, true, mode >= SIM_PAE);
			if (!fresh)
				(void)sim_do(reader, VA, MMU_R);
			for (u32 type = 0; type < 5; type++)
				(void)sim_invpcid(reader, type, 0, VA);
			sim_invlpg(reader, VA);
			mmu_pf_delivered(&reader->ctx, GVA(VA));
			finish();
		}
}

static enum mmu_verdict same_fault(u64 gva)
{
	const struct mmu_shadow_fault f = { .gva = GVA(gva), .access = MMU_R, .hw_error = 0 };
	struct sim_turn t = sim_cpu_take(reader->cpu);
	struct mmu_result r;
	enum mmu_verdict v = mmu_shadow_fault(&reader->ctx, &f, &r);

	sim_cpu_back(t);
	return v;
}

/*
 * Spurious faults: one whose access the shadow allows is none of the guest's; when it comes back
 * the tag is flushed; when it never ends the machine is stopped. Progress in between starts anew.
 */
static void shadow_fault_without_end_stops_the_vm(void **state)
{
	struct sim_space s;

	(void)state;
	setup(true);
	s = one_page(OLD, LEAF, 1);
	sim_map(&s, VA + PAGE_SIZE, NEW, LEAF, 1);
	sim_expect_ok(reader, VA, MMU_R, OLD);
	sim_expect_ok(reader, VA + PAGE_SIZE, MMU_R, NEW);
	sim_exit(reader);
	reader->ctx.flush = false;
	for (u32 i = 0; i < 30000; i++)
		assert_int_equal(same_fault(i & 1 ? VA : VA + PAGE_SIZE), MMU_SPURIOUS);
	assert_false(reader->ctx.flush);
	for (u32 i = 2; i < 10000; i++)
		assert_int_equal(same_fault(VA), MMU_SPURIOUS);
	assert_true(reader->ctx.flush);
	assert_int_equal(same_fault(VA), MMU_KILL_VM);
	sim_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_in_use_are_not_reclaimed),
		cmocka_unit_test(root_is_validated_last),
		cmocka_unit_test(shared_root_lives_as_long_as_it_is_used),
		cmocka_unit_test(obsolete_tables_are_freed_in_slices),
		cmocka_unit_test(slot_is_unmapped_in_slices),
		cmocka_unit_test(slot_that_goes_gets_no_new_leaves),
		cmocka_unit_test(lists_of_parents_have_a_bound),
		cmocka_unit_test(memory_of_lists_is_given_back),
		cmocka_unit_test(slot_that_goes_meanwhile_is_noticed),
		cmocka_unit_test(rights_taken_for_a_log_are_flushed),
		cmocka_unit_test(device_page_may_become_memory),
		cmocka_unit_test(frame_numbers_are_not_cut_short),
		cmocka_unit_test(largest_leaf_gives_way_to_a_table),
		cmocka_unit_test(lists_of_leaves_have_a_bound),
		cmocka_unit_test(page_size_erratum_keeps_shadow_leaves_small),
		cmocka_unit_test(flush_instructions_work_in_every_mode),
		cmocka_unit_test(shadow_fault_without_end_stops_the_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
