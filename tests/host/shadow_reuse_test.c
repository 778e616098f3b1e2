/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * What is found in the shadow is used again only if it is the right thing in full; and what a fault
 * that lost a race leaves behind. Rows S3.8 to S3.13 of docs/seeds.md, and the reports on reuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mmu/pool.h"
#include "tests/host/shadow_setup.h"
#include "tests/sim/sched.h"

/* The page of the address, and one that shares its leaf table. */
#define VA   0x40201000ULL
#define NEXT (VA + PAGE_SIZE)

static u8 size;

/* Faults walk the guest's tables, whatever is linked: there is something to be in time for. */
static void start(bool unsync)
{
	setup(unsync);
	setup_tune(unsync, false);
}

static void store(u64 gpa, u64 value)
{
	assert_true(sim_dma(gpa, value, size, SIM_BY_WRITE));
}

/* A space with two leaf tables: the first maps VA and NEXT to OLD, the second to NEW. */
struct two {
	struct sim_space space;
	u64 pde, first, second; /* where the directory entry is, and its values */
};

static struct two two_tables(enum sim_mode mode)
{
	struct two t = { .space = sim_space_new(mode) };
	u64 other = VA + BIT(sim_shift(mode, 2));

	size = sim_pte_size(mode);
	for (u32 i = 0; i < 2; i++) {
		sim_map(&t.space, VA + i * PAGE_SIZE, OLD + i * PAGE_SIZE, LEAF, 1);
		sim_map(&t.space, other + i * PAGE_SIZE, NEW + i * PAGE_SIZE, LEAF, 1);
	}
	t.pde = sim_pte(&t.space, VA, 2);
	t.first = sim_peek(t.pde, size);
	t.second = sim_peek(sim_pte(&t.space, other, 2), size);
	sim_set_space(reader, &t.space, true, true);
	return t;
}

/* --- S3.8 ------------------------------------------------------------------------------------- */

static void switch_and_fault(void *arg)
{
	const struct two *t = arg;

	store(t->pde, t->second);
	sim_set_space(writer, &t->space, true, true);
	sim_expect_ok(writer, NEXT, MMU_R, NEW + PAGE_SIZE);
}

/*
 * S3.8: one vCPU has walked; another changes the directory entry, and faults on a neighbour, so
 * that the entry is linked again, to the other table. The first must not fill that one.
 */
static void entry_linked_again_meanwhile_makes_it_retry(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++) {
		struct two t;

		start(false);
		t = two_tables(mode);
		sim_expect_ok(reader, NEXT, MMU_R, OLD + PAGE_SIZE);
		sim_hook(HOOK_AFTER_WALK, switch_and_fault, &t);
		sim_expect_ok(reader, VA, MMU_R, NEW);
		/* And back: what is in each table is its own. */
		store(t.pde, t.first);
		sim_load_cr3(reader, t.space.cr3);
		sim_expect_ok(reader, VA, MMU_R, OLD);
		sim_expect_ok(reader, NEXT, MMU_R, OLD + PAGE_SIZE);
		finish();
	}
}

/*
 * S3.8, and the report "unexpected frame": a writer that nobody sees changes the directory entry of
 * a frozen table. The old table is still linked; it is not the one that the walk went through.
 */
static void linked_table_of_another_frame_is_not_used(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++) {
		struct two t;

		start(false);
		t = two_tables(mode);
		sim_expect_ok(reader, NEXT, MMU_R, OLD + PAGE_SIZE);
		assert_true(sim_dma(t.pde, t.second, size, SIM_BY_NOBODY));
		sim_expect_ok(reader, VA, MMU_R, NEW);
		store(t.pde, t.first);
		sim_load_cr3(reader, t.space.cr3);
		sim_expect_ok(reader, NEXT, MMU_R, OLD + PAGE_SIZE);
		sim_expect_ok(reader, VA, MMU_R, OLD);
		finish();
	}
}

/* --- S3.9 to S3.11 ---------------------------------------------------------------------------- */

static void fill_ahead(void)
{
	struct mmu_tune t = sim.vm.shadow.tune;

	t.prefetch = 8;
	mmu_shadow_tune(&sim.vm, &t);
}

/*
 * S3.9: a fault that builds all tables below the root's reads each entry once, to compare it; that
 * of the leaf comes with its neighbours, which are filled ahead from the same read.
 */
static void fault_reads_each_entry_once(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++) {
		struct two two;
		u64 before;

		start(true);
		fill_ahead();
		two = two_tables(mode);
		before = sim_stat(MMU_STAT_GUEST_READ);
		sim_expect_ok(reader, VA, MMU_R, OLD);
		/* A latched PDPTE is not read again. */
		assert_int_equal(sim_stat(MMU_STAT_GUEST_READ) - before,
				 sim_levels(mode) - (mode == SIM_PAE));
		/* The block was of use. */
		assert_int_equal(sim_do(reader, NEXT, MMU_R).faults, 0);
		store(two.pde, two.first);
		finish();
	}
}

static u32 flips;

static void flip(void *arg)
{
	const struct two *t = arg;

	store(t->pde, flips++ & 1 ? t->first : t->second);
}

/* S3.10: whatever a fault has taken when it must give up is given back. */
static void lost_races_leak_nothing(void **state)
{
	struct two t;
	u32 used = 0;

	(void)state;
	start(false);
	t = two_tables(SIM_LM4);
	sim.keep = SIM_KEEP_NOTHING;
	flips = 0;
	for (u32 i = 0; i < 20000; i++) {
		flip(&t);
		sim_hook(i & 1 ? HOOK_AFTER_WALK : HOOK_BEFORE_LOCK, flip, &t);
		(void)sim_do(reader, i & 2 ? VA : NEXT, MMU_R);
		if (i == 1000)
			used = mmu_pool_total() - mmu_pool_free();
		if (i % 1000 == 0)
			sim_audit();
	}
	assert_true(sim_stat(MMU_STAT_SHADOW_RETRY) >= 10000);
	assert_in_range(mmu_pool_total() - mmu_pool_free(), 0, used + 16);
	finish();
}

static void write_same_page(void *arg)
{
	const struct two *t = arg;

	sim_set_space(writer, &t->space, true, true);
	sim_expect_ok(writer, VA, MMU_W, OLD);
}

/* S3.11: the walk sets accessed bits, and is compared as it left them; also when another vCPU sets
 * a dirty bit at the same time. */
static void setting_accessed_bits_is_no_change(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++)
		for (u32 race = 0; race < 2; race++) {
			struct two t;
			struct sim_out out;

			start(false);
			t = two_tables(mode);
			for (u32 level = 1; level <= (mode == SIM_PAE ? 2 : sim_levels(mode));
			     level++) {
				u64 gpa = sim_pte(&t.space, VA, level);

				sim_poke(gpa, sim_peek(gpa, size) & ~(A_ | D_), size);
			}
			if (race)
				sim_hook(HOOK_AFTER_WALK, write_same_page, &t);
			out = sim_do(reader, VA, MMU_R);
			assert_int_equal(out.end, SIM_OK);
			assert_in_range(out.faults, 1, race + 1);
			assert_in_range(sim_stat(MMU_STAT_SHADOW_RETRY), 0, race);
			finish();
		}
}

/* --- S3.12, S3.13 ----------------------------------------------------------------------------- */

/*
 * S3.12: a device that writes to frozen tables behind everybody's back may get the guest any of its
 * own frames, but never breaks a rule of ours.
 */
static void unseen_writers_break_no_invariant(void **state)
{
	static const u64 values[] = { OLD | LEAF, NEW | LEAF,         NEW | P_ | A_,
				      DEV | LEAF, ROM | LEAF,         0,
				      ~0ULL,      OLD | P_ | U_ | A_, NEW | P_ | A_ | W_ };

	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++) {
		struct two t;
		u64 pte;

		start(true);
		t = two_tables(mode);
		pte = sim_pte(&t.space, VA, 1);
		for (u32 i = 0; i < 1500; i++) {
			bool low = sim_chance(2);
			u64 value = values[sim_rand(ARRAY_SIZE(values))];

			if (!low)
				value = sim_chance(2)   ? t.first
					: sim_chance(2) ? t.second
							: value | PS_;
			(void)sim_dma(low ? pte + size * sim_rand(3) : t.pde, value, size,
				      sim_chance(2) ? SIM_BY_NOBODY : SIM_BY_WRITE);
			(void)sim_do(reader, VA + PAGE_SIZE * sim_rand(3),
				     (sim_chance(2) ? MMU_W : MMU_R) | (sim_chance(2) ? MMU_U : 0));
			if (sim_chance(8))
				sim_invlpg(reader, VA);
			if (sim_chance(32))
				sim_load_cr3(reader, t.space.cr3);
			if (i % 100 == 0)
				audit_untrapped();
		}
		audit_untrapped();
		sim_stop();
	}
}

static void look_between(void *arg)
{
	const struct two *t = arg;

	/* Nobody else can fault now, and both what memory says and what hardware uses is old. */
	assert_true(sim.vm.lock.held);
	assert_int_equal(sim_peek(t->pde, size), t->first);
}

/* S3.13: the shadow of an entry goes before the entry changes, and no fault comes between. */
static void trapped_store_is_one_step(void **state)
{
	struct two t;

	(void)state;
	start(false);
	t = two_tables(SIM_LM4);
	sim_expect_ok(reader, VA, MMU_R, OLD);
	sim_hook(HOOK_BETWEEN_ZAP_AND_STORE, look_between, &t);
	assert_int_equal(sim_store(writer, t.pde, t.second, size).end, SIM_OK);
	assert_null(sim.hook[HOOK_BETWEEN_ZAP_AND_STORE]);
	sim_load_cr3(reader, t.space.cr3);
	sim_expect_ok(reader, VA, MMU_R, NEW);
	finish();
}

/* --- CVE-2026-53359 --------------------------------------------------------------------------- */

/* A large page, and a leaf table that lies at its base. */
struct toggle {
	struct sim_space space;
	u64 pde, large, table;
	u32 level;
};

static struct toggle toggle_of(enum sim_mode mode)
{
	struct toggle t = { .space = sim_space_new(mode) };

	size = sim_pte_size(mode);
	sim_map(&t.space, VA, OLD, LEAF, 2);
	t.pde = sim_pte(&t.space, VA, 2);
	t.large = sim_peek(t.pde, size);
	t.table = OLD | P_ | W_ | U_ | A_;
	for (u32 i = 0; i < 4; i++)
		sim_poke(OLD + (VA >> PAGE_SHIFT) % 512 * size + i * size,
			 (NEW + i * PAGE_SIZE) | LEAF, size);
	sim_set_space(reader, &t.space, true, true);
	return t;
}

static void toggle_and_fault(void *arg)
{
	const struct toggle *t = arg;

	if (writer->busy)
		return;
	assert_true(sim_dma(t->pde, flips++ & 1 ? t->large : t->table, size,
			    sim_chance(2) ? SIM_BY_NOBODY : SIM_BY_WRITE));
	sim_set_space(writer, &t->space, true, true);
	(void)sim_do(writer, VA + PAGE_SIZE * sim_rand(4), sim_chance(2) ? MMU_R : MMU_W);
}

/*
 * CVE-2026-53359: a directory entry that changes between a large page and a table at that page's
 * base, with vCPUs that fault on it. Frame and level of both tables below it are the same; their
 * roles are not.
 */
static void split_page_is_never_taken_for_a_table(void **state)
{
	static const enum sim_mode modes[] = { SIM_PSE, SIM_PAE, SIM_LM4, SIM_LM5 };

	(void)state;
	for (u32 m = 0; m < ARRAY_SIZE(modes); m++) {
		struct toggle t;

		start(true);
		t = toggle_of(modes[m]);
		/* Small leaves only, so that the large page is split. */
		sim.vm.shadow.tune.huge = false;
		flips = 0;
		for (u32 i = 0; i < 500; i++) {
			sim_hook(sim_chance(2) ? HOOK_AFTER_WALK : HOOK_BEFORE_LOCK,
				 toggle_and_fault, &t);
			(void)sim_do(reader, VA + PAGE_SIZE * sim_rand(4),
				     sim_chance(2) ? MMU_R : MMU_W);
			if (sim_chance(4))
				sim_load_cr3(reader, t.space.cr3);
			audit_untrapped();
		}
		sim_stop();
	}
}

/* CVE-2026-53359: nor is a split page with other rights taken for the one that is needed. */
static void split_page_with_other_rights_is_not_used(void **state)
{
	struct sim_space s;
	struct sim_out out;

	(void)state;
	start(true);
	s = sim_space_new(SIM_LM4);
	sim_map(&s, VA, OLD, P_ | W_ | U_ | A_, 2);
	sim_set_space(reader, &s, true, true);
	sim.vm.shadow.tune.huge = false;
	sim_expect_ok(reader, VA, MMU_R, OLD + VA % SZ_2M);
	/* Sets the dirty bit of the large page: the table for it may be written through. */
	out = sim_do(reader, VA, MMU_W);
	assert_int_equal(out.end, SIM_OK);
	assert_false(out.emulated);
	finish();
}

static struct toggle explored;

static void explore_setup(void)
{
	start(true);
	explored = toggle_of(SIM_LM4);
	sim.vm.shadow.tune.huge = false;
	sim_set_space(writer, &explored.space, true, true);
	sim_expect_ok(reader, VA, MMU_W, OLD + VA % SZ_2M);
}

static void explore_store(void)
{
	assert_true(sim_dma(explored.pde, explored.table, 8, SIM_BY_WRITE));
}

static void explore_read(void)
{
	(void)sim_do(reader, VA + PAGE_SIZE, MMU_R);
	(void)sim_do(reader, VA + PAGE_SIZE * 2, MMU_W);
}

static void explore_write(void)
{
	(void)sim_do(writer, VA + PAGE_SIZE, MMU_W);
}

static void explore_finish(void)
{
	for (u32 i = 0; i < 2; i++) {
		struct sim_vcpu *v = i ? writer : reader;

		sim_load_cr3(v, explored.space.cr3);
		for (u64 page = 0; page < 3; page++)
			sim_expect_ok(v, VA + page * PAGE_SIZE, MMU_R, NEW + page * PAGE_SIZE);
	}
	finish();
}

/* CVE-2026-53359: every interleaving, with two preemptions, of the change and two faults. */
static void split_page_becomes_a_table_at_any_moment(void **state)
{
	const struct sched_scene scene = { .name = "large page to table",
					   .setup = explore_setup,
					   .actor = { explore_store, explore_read, explore_write },
					   .cpu = { 2, 0, 1 },
					   .finish = explore_finish };

	(void)state;
	assert_true(sched_explore(&scene, 2, 100000).all);
}

/* --- overwriting ------------------------------------------------------------------------------ */

/* A leaf whose entry changes behind our back from a supervisor's page to a user's elsewhere. */
static void overwrite(u64 to, bool unsync)
{
	struct two t;
	u64 pte;

	start(unsync);
	t = two_tables(SIM_LM4);
	pte = sim_pte(&t.space, VA, 1);
	sim_poke(pte, OLD | P_ | W_ | A_ | D_, 8);
	sim_expect_ok(reader, VA, MMU_W, OLD);
	if (unsync)
		assert_int_equal(sim_store(writer, pte, to | LEAF, 8).end, SIM_OK);
	else
		assert_true(sim_dma(pte, to | LEAF, 8, SIM_BY_NOBODY));
}

/* CVE-2026-23401: a present leaf for another frame is dropped before it is overwritten; the reverse
 * map knows the new one, and not the old one any more. */
static void leaf_of_another_frame_is_dropped_first(void **state)
{
	(void)state;
	for (u32 unsync = 0; unsync < 2; unsync++) {
		overwrite(NEW, unsync);
		sim_expect_ok(reader, VA, MMU_W | MMU_U, NEW);
		audit_untrapped();
		sim_stop();
	}
}

/* CVE-2026-23402: a frame that is another one than before is no reason to stop, whatever it is. */
static void frame_may_become_anything(void **state)
{
	static const u64 to[] = { DEV, ROM, GB, GB * 8, BIT(39) };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(to) * 2; i++) {
		u64 gpa = to[i / 2];
		struct sim_out out;

		overwrite(gpa, i & 1);
		out = sim_do(reader, VA, MMU_W | MMU_U);
		assert_int_equal(out.end, gpa == GB ? SIM_OK : gpa == ROM ? SIM_ROM : SIM_MMIO);
		assert_int_equal(sim_do(reader, VA, MMU_R | MMU_U).end,
				 gpa == GB || gpa == ROM ? SIM_OK : SIM_MMIO);
		audit_untrapped();
		sim_stop();
	}
}

/* Lost write protection: that the old leaf was writable says nothing of the new frame. */
static void writable_leaf_is_checked_again_for_another_frame(void **state)
{
	(void)state;
	for (u32 unsync = 0; unsync < 2; unsync++) {
		struct sim_out out;
		u64 root = 16 << PAGE_SHIFT;

		overwrite(root, unsync);
		assert_true(mmu_is_shadowed(&sim.vm, gpa_to_gfn(GPA(root))));
		out = sim_access(reader, &(struct sim_access){ .gva = VA | 0x800,
							       .access = MMU_W | MMU_U,
							       .size = 8 });
		assert_int_equal(out.end, SIM_OK);
		assert_true(out.emulated);
		audit_untrapped();
		sim_stop();
	}
}

/* Lost write protection: nor does filling ahead make a guest's table writable. */
static void filling_ahead_spares_tables(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++) {
		struct two two;
		struct sim_out out;
		u64 table;

		start(true);
		fill_ahead();
		two = two_tables(mode);
		table = two.pde & ~0xfffULL;
		sim_poke(sim_pte(&two.space, NEXT, 1), table | LEAF, size);
		sim_expect_ok(reader, VA, MMU_R, OLD);
		assert_int_equal(sim_do(reader, NEXT, MMU_R).faults, 0);
		sim_audit();
		out = sim_do(reader, NEXT, MMU_W);
		assert_int_equal(out.end, SIM_OK);
		assert_true(out.emulated);
		finish();
	}
}

/* XSA-430: what a guest's entry names need not be memory, also where entries are filled ahead. */
static void filling_ahead_takes_no_frame_for_memory(void **state)
{
	static const u64 where[] = { DEV, DEV + 4 * PAGE_SIZE, 0x7ffff000, 0xfffff000 };

	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++) {
		struct two two;

		start(true);
		fill_ahead();
		two = two_tables(mode);
		for (u32 i = 0; i < ARRAY_SIZE(where); i++)
			sim_map(&two.space, NEXT + i * PAGE_SIZE, where[i], LEAF, 1);
		sim_expect_ok(reader, VA, MMU_R, OLD);
		for (u32 i = 0; i < ARRAY_SIZE(where); i++)
			assert_int_equal(sim_do(reader, NEXT + i * PAGE_SIZE, MMU_W).end, SIM_MMIO);
		sim_expect_ok(reader, VA, MMU_W, OLD);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entry_linked_again_meanwhile_makes_it_retry),
		cmocka_unit_test(linked_table_of_another_frame_is_not_used),
		cmocka_unit_test(fault_reads_each_entry_once),
		cmocka_unit_test(lost_races_leak_nothing),
		cmocka_unit_test(setting_accessed_bits_is_no_change),
		cmocka_unit_test(unseen_writers_break_no_invariant),
		cmocka_unit_test(trapped_store_is_one_step),
		cmocka_unit_test(split_page_is_never_taken_for_a_table),
		cmocka_unit_test(split_page_becomes_a_table_at_any_moment),
		cmocka_unit_test(split_page_with_other_rights_is_not_used),
		cmocka_unit_test(leaf_of_another_frame_is_dropped_first),
		cmocka_unit_test(frame_may_become_anything),
		cmocka_unit_test(filling_ahead_spares_tables),
		cmocka_unit_test(filling_ahead_takes_no_frame_for_memory),
		cmocka_unit_test(writable_leaf_is_checked_again_for_another_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
