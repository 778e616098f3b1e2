/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * Guest tables that change between the walk and the fill of the shadow: rows S3.1 to S3.6 of
 * docs/seeds.md. Each test scripts a writer at one place of the fault's way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/host/shadow_setup.h"
#include "tests/sim/sched.h"

/* The change of one entry. */
struct change {
	struct sim_space space;
	u64 gva, gpa, value;
	u8 size;
};

static void start(bool unsync, bool by_links)
{
	setup(unsync);
	setup_tune(unsync, by_links);
}

/*
 * An address that leads to OLD, with a neighbour in the same table; and a change of its entry of
 * this level that makes it lead to NEW.
 */
static struct change prepare(enum sim_mode mode, u32 level)
{
	struct change c = { .space = sim_space_new(mode), .size = sim_pte_size(mode) };
	u64 other;

	for (u32 l = 1; l <= sim_levels(mode); l++)
		c.gva += BIT(sim_shift(mode, l));
	other = c.gva + BIT(sim_shift(mode, level)) * 2;
	sim_map(&c.space, c.gva, OLD, LEAF, 1);
	sim_map(&c.space, c.gva + PAGE_SIZE, OLD + PAGE_SIZE, LEAF, 1);
	sim_map(&c.space, other, NEW, LEAF, 1);
	sim_map(&c.space, other + (level > 1 ? PAGE_SIZE : 0), NEW + (level > 1 ? PAGE_SIZE : 0),
		LEAF, 1);
	c.gpa = sim_pte(&c.space, c.gva, level);
	c.value = sim_peek(sim_pte(&c.space, other, level), c.size);
	sim_set_space(reader, &c.space, true, true);
	return c;
}

/* The entries of a PAE guest's PDPT are latched: they do not change before the next CR3. */
static u32 levels(enum sim_mode mode)
{
	return mode == SIM_PAE ? 2 : sim_levels(mode);
}

/* A guest's whole write, with all that its handler does. */
static void write_by_guest(void *arg)
{
	const struct change *c = arg;
	struct sim_out out = sim_store(writer, c->gpa, c->value, c->size);

	assert_int_equal(out.end, SIM_OK);
}

static void write_by_hypervisor(void *arg)
{
	const struct change *c = arg;

	assert_true(sim_dma(c->gpa, c->value, c->size, SIM_BY_WRITE));
}

/* S3.1: the handler of a write that comes after the fill repairs what was filled. */
static void write_after_the_fill_is_repaired_by_its_handler(void **state)
{
	(void)state;
	for (u32 unsync = 0; unsync < 2; unsync++)
		for (u32 mode = SIM_32; mode < SIM_MODES; mode++)
			for (u32 level = 1; level <= levels(mode); level++) {
				struct change c;

				start(unsync, false);
				c = prepare(mode, level);
				sim_hook(HOOK_AFTER_FETCH, write_by_guest, &c);
				(void)sim_do(reader, c.gva, MMU_R);
				sim_load_cr3(reader, c.space.cr3);
				sim_expect_ok(reader, c.gva, MMU_R, NEW);
				finish();
			}
}

/* One write between walk and fill: the fault must not use what the walk saw. */
static void stale_walk(enum sim_mode mode, u32 level, bool warm, enum mmu_hook where,
		       void (*write)(void *))
{
	struct change c;
	struct sim_out out;

	start(true, false);
	c = prepare(mode, level);
	if (warm)
		sim_expect_ok(reader, c.gva + PAGE_SIZE, MMU_R, OLD + PAGE_SIZE);
	sim_hook(where, write, &c);
	out = sim_do(reader, c.gva, MMU_R);
	assert_int_equal(out.end, SIM_OK);
	assert_int_equal(out.gpa, NEW);
	assert_true(sim_stat(MMU_STAT_SHADOW_RETRY) >= 1);
	finish();
}

/* S3.2: a write whose handler ran before the fill is noticed by the fill. */
static void write_before_the_fill_makes_it_retry(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++)
		for (u32 level = 1; level <= levels(mode); level++) {
			stale_walk(mode, level, true, HOOK_AFTER_WALK, write_by_guest);
			stale_walk(mode, level, true, HOOK_BEFORE_LOCK, write_by_hypervisor);
		}
}

/* S3.2: and nothing has changed when it says so. */
static void lost_race_changes_nothing(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++)
		for (u32 level = 1; level <= levels(mode); level++) {
			struct mmu_result r;
			struct sim_tlbe t;
			struct sim_turn turn;
			struct change c;
			u64 made, filled;

			start(false, false);
			c = prepare(mode, level);
			sim_expect_ok(reader, c.gva + PAGE_SIZE, MMU_R, OLD + PAGE_SIZE);
			sim_exit(reader);
			sim_hook(HOOK_AFTER_WALK, write_by_hypervisor, &c);
			turn = sim_cpu_take(reader->cpu);
			made = sim_stat(MMU_STAT_SP_ALLOC);
			filled = sim_stat(MMU_STAT_SHADOW_FIXED);
			assert_int_equal(
				mmu_shadow_fault(&reader->ctx,
						 &(struct mmu_shadow_fault){ .gva = GVA(c.gva),
									     .access = MMU_R },
						 &r),
				MMU_RETRY);
			sim_cpu_back(turn);
			assert_int_equal(sim_stat(MMU_STAT_SP_ALLOC), made);
			assert_int_equal(sim_stat(MMU_STAT_SHADOW_FIXED), filled);
			assert_true(sim_enter(reader));
			assert_false(sim_hw_peek(reader, c.gva, &t));
			finish();
		}
}

/* S3.3: whichever entry changed, of a table that is shadowed or not, alone. */
static void each_entry_of_the_walk_is_compared(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++)
		for (u32 level = 1; level <= levels(mode); level++)
			for (u32 warm = 0; warm < 2; warm++)
				stale_walk(mode, level, warm, HOOK_AFTER_WALK,
					   warm ? write_by_guest : write_by_hypervisor);
}

static struct change raced;

static void race_setup(void)
{
	start(false, true);
	raced = prepare(SIM_LM4, 1);
	sim_expect_ok(reader, raced.gva + PAGE_SIZE, MMU_R, OLD + PAGE_SIZE);
}

static void race_store(void)
{
	write_by_guest(&raced);
}

static void race_cmpxchg(void)
{
	assert_true(sim_dma(raced.gpa, raced.value, raced.size, SIM_BY_CMPXCHG));
}

static void race_fault(void)
{
	(void)sim_do(reader, raced.gva, MMU_R);
}

static void race_finish(void)
{
	sim_load_cr3(reader, raced.space.cr3);
	sim_expect_ok(reader, raced.gva, MMU_R, NEW);
	finish();
}

/*
 * S3.7: a fault that follows links reads the last entry under the lock, so it comes before a store
 * to that or after it. Every interleaving with one preemption.
 */
static void fault_by_links_and_store_are_one_after_the_other(void **state)
{
	struct sched_scene scene = { .name = "store and fault",
				     .setup = race_setup,
				     .actor = { race_store, race_fault },
				     .cpu = { 1, 0 },
				     .finish = race_finish };

	(void)state;
	assert_true(sched_explore(&scene, 1, 20000).all);
	scene.actor[0] = race_cmpxchg;
	assert_true(sched_explore(&scene, 1, 20000).all);
}

/* --- tables that get frozen by the fault itself ----------------------------------------------- */

static const struct change *silent;
static bool written;

static struct sim_access silent_store(void)
{
	return (struct sim_access){
		.gva = silent->gpa, .access = MMU_W, .size = silent->size, .value = silent->value
	};
}

static void try_silent_store(void *arg)
{
	struct sim_access a = silent_store();

	(void)arg;
	written |= sim_touch(writer, &a);
}

static void store_at_kick(u32 cpu)
{
	struct sim_access a = silent_store();

	env_sim.kick = NULL;
	assert_int_equal(cpu, writer->cpu);
	written |= sim_touch(writer, &a);
}

/*
 * The tables above the changed entry's are shadowed, that one is not; the writer is in guest, with
 * a translation that lets it write there.
 */
static struct change prepare_silent(enum sim_mode mode, u32 level)
{
	struct change c = prepare(mode, level);
	u64 warm = c.gva;
	struct sim_out out;

	if (level < levels(mode)) {
		warm += BIT(sim_shift(mode, level + 1)) * 4;
		sim_map(&c.space, warm, OLD + 0x5000, LEAF, 1);
		sim_expect_ok(reader, warm, MMU_R, OLD + 0x5000);
	}
	out = sim_store(writer, c.gpa, sim_peek(c.gpa, c.size), c.size);
	assert_int_equal(out.end, SIM_OK);
	assert_true(writer->in_guest);
	written = false;
	return c;
}

/*
 * S3.4: the table has no shadow yet, so nobody traps writes to it. A write that comes while it is
 * being frozen is seen, because entries are compared after that.
 */
static void table_is_frozen_before_its_entry_is_compared(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++)
		for (u32 level = 1; level < levels(mode); level++) {
			struct change c;

			start(true, false);
			c = prepare_silent(mode, level);
			silent = &c;
			env_sim.kick = store_at_kick;
			sim_expect_ok(reader, c.gva, MMU_R, NEW);
			assert_true(written);
			finish();
		}
}

static void frozen_table(enum sim_mode mode, u32 level, enum mmu_hook where)
{
	struct change c;

	start(false, false);
	c = prepare_silent(mode, level);
	silent = &c;
	sim_hook(where, try_silent_store, NULL);
	sim_expect_ok(reader, c.gva, MMU_R, OLD);
	assert_false(written);
	finish();
}

/* S3.5: after the freeze no CPU has a translation left that can write to the table. */
static void freeze_waits_for_the_flush_of_all_cpus(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++)
		for (u32 level = 1; level <= levels(mode); level++) {
			if (level < levels(mode))
				frozen_table(mode, level, HOOK_BETWEEN_GET_AND_COMPARE);
			frozen_table(mode, level, HOOK_BEFORE_LEAF);
			frozen_table(mode, level, HOOK_AFTER_FETCH);
		}
}

/*
 * S3.5: nor if nothing is left to be made read-only, because the shadow entry that let a CPU write
 * went before, without a flush. The writer's own tables map the reader's table; that mapping goes
 * by a store of a third one.
 */
static void freeze_flushes_rights_that_were_dropped_before(void **state)
{
	struct sim_space own;
	struct sim_access a;
	struct change c;
	u64 gva = 0x7000;

	(void)state;
	start(false, false);
	c = prepare(SIM_LM4, 1);
	own = sim_space_new(SIM_LM4);
	sim_map(&own, gva, c.gpa & ~0xfffULL, LEAF, 1);
	sim_set_space(writer, &own, true, true);
	/* All is shadowed but the reader's leaf table. */
	sim_map(&c.space, c.gva + SZ_1G, OLD, LEAF, 1);
	sim_expect_ok(reader, c.gva + SZ_1G, MMU_R, OLD);
	a = (struct sim_access){
		.gva = gva | (c.gpa & 0xfff), .access = MMU_W, .size = 8, .value = c.value
	};
	sim_expect_ok(writer, gva, MMU_R, c.gpa & ~0xfffULL);
	assert_true(sim_touch(writer, &a));
	assert_true(sim_touch(
		writer, &(struct sim_access){
				.gva = a.gva, .access = MMU_W, .size = 8, .value = OLD | LEAF }));
	assert_true(sim_dma(sim_pte(&own, gva, 1), 0, 8, SIM_BY_WRITE));
	assert_true(writer->in_guest);
	sim_expect_ok(reader, c.gva, MMU_R, OLD);
	assert_false(sim_touch(writer, &a));
	finish();
}

/* --- leaves ----------------------------------------------------------------------------------- */

/* S3.6: the leaf entry, of whatever size, is compared last. */
static void leaf_entry_is_compared(void **state)
{
	static const struct {
		enum sim_mode mode;
		u32 level;
		u64 from, to;
	} leaf[] = {
		{ SIM_32, 1, OLD, NEW },  { SIM_PAE, 1, OLD, NEW }, { SIM_LM4, 1, OLD, NEW },
		{ SIM_LM5, 1, OLD, NEW }, { SIM_PSE, 2, OLD, NEW }, { SIM_PAE, 2, OLD, NEW },
		{ SIM_LM4, 2, OLD, NEW }, { SIM_LM5, 2, OLD, NEW }, { SIM_LM4, 3, 0, GB },
		{ SIM_LM5, 3, 0, GB },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(leaf) * 2; i++) {
		u32 l = leaf[i / 2].level;
		enum sim_mode mode = leaf[i / 2].mode;
		struct change c = { .size = sim_pte_size(mode) };
		u64 gva = BIT(sim_shift(mode, l));
		struct sim_out out;

		start(false, false);
		c.space = sim_space_new(mode);
		sim_map(&c.space, gva, leaf[i / 2].from, LEAF, l);
		c.gpa = sim_pte(&c.space, gva, l);
		c.value = leaf[i / 2].to | LEAF | (l > 1 ? PS_ : 0);
		sim_set_space(reader, &c.space, true, true);
		sim_hook(i & 1 ? HOOK_BEFORE_LOCK : HOOK_AFTER_WALK, write_by_guest, &c);
		gva += l > 1 ? 0x3000 : 0;
		out = sim_do(reader, gva, MMU_R);
		assert_int_equal(out.end, SIM_OK);
		assert_int_equal(out.gpa, leaf[i / 2].to + (l > 1 ? 0x3000 : 0));
		finish();
	}
}

/* S3.6: also in an unsync table, which the guest may write while the shadow is being filled. */
static void leaf_entry_of_an_unsync_table_is_compared(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++) {
		struct change c;

		start(true, false);
		c = prepare(mode, 1);
		sim_expect_ok(reader, c.gva + PAGE_SIZE, MMU_R, OLD + PAGE_SIZE);
		assert_int_equal(sim_store(writer, c.gpa, sim_peek(c.gpa, c.size), c.size).end,
				 SIM_OK);
		silent = &c;
		written = false;
		sim_hook(HOOK_BEFORE_LEAF, try_silent_store, NULL);
		sim_expect_ok(reader, c.gva, MMU_R, NEW);
		assert_true(written);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_after_the_fill_is_repaired_by_its_handler),
		cmocka_unit_test(write_before_the_fill_makes_it_retry),
		cmocka_unit_test(lost_race_changes_nothing),
		cmocka_unit_test(each_entry_of_the_walk_is_compared),
		cmocka_unit_test(fault_by_links_and_store_are_one_after_the_other),
		cmocka_unit_test(table_is_frozen_before_its_entry_is_compared),
		cmocka_unit_test(freeze_waits_for_the_flush_of_all_cpus),
		cmocka_unit_test(freeze_flushes_rights_that_were_dropped_before),
		cmocka_unit_test(leaf_entry_is_compared),
		cmocka_unit_test(leaf_entry_of_an_unsync_table_is_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
