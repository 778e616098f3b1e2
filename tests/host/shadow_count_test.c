/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* What the habits of guests cost, to the event. tests/bench/shadow.c prints such figures. */
#include "shadow_modes.h"

#define SPACES   16 /* as many as a context keeps roots */
#define ROUNDS   50
#define TOGGLES  100000
#define PAGES    64
#define PAGE(i)  (MODE_GVA + ((u64)(i) << PAGE_SHIFT))
#define FRAME(i) (0x400000 + ((u64)(i) << PAGE_SHIFT))
#define LEAF     (P_ | W_ | U_ | A_ | D_)

/* Tables of a process in the shadow: one for each level, PAE's PDPT is none. */
static u32 tables_of(enum sim_mode mode)
{
	return sim_levels(mode) - (mode == SIM_PAE);
}

/* Shadow pages of a root itself, beyond those on the way of one access. */
static u32 more_tables_of(enum sim_mode mode)
{
	return mode == SIM_32 || mode == SIM_PSE ? 3 : 0;
}

/* Processes in turn cost their roots and tables once. */
static void a_round_robin_of_16_processes_builds_16_roots(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SPACES];

	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++) {
		modes_start(1, NULL);
		for (u32 i = 0; i < SPACES; i++)
			s[i] = modes_space(mode, FRAME(i));
		sim_set_space(v, &s[0], true, false);
		for (u32 i = 0; i < SPACES * ROUNDS; i++) {
			sim_load_cr3(v, s[i % SPACES].cr3);
			sim_expect_ok(v, MODE_GVA, MMU_R, FRAME(i % SPACES));
		}
		assert_int_equal(root_builds(), SPACES);
		assert_int_equal(pages_made(), SPACES * (tables_of(mode) + more_tables_of(mode)));
		assert_int_equal(sim_stat(MMU_STAT_SHADOW_FAULT), SPACES);
		modes_stop();
	}
}

/* CR0.WP costs a root and its tables for each state, however often it changes. */
static void toggles_of_wp_build_two_roots(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];

	(void)state;
	for (u32 mode = SIM_PAE; mode <= SIM_LM4; mode++) {
		struct sim_space s;

		modes_start(1, NULL);
		s = modes_space(mode, FRAME(0));
		sim_set_space(v, &s, true, false);
		for (u32 i = 0; i < TOGGLES; i++) {
			struct mmu_regs r = v->regs;

			r.cr0 ^= CR0_WP;
			assert_true(sim_write_regs(v, &r, MMU_WROTE_CR0));
			sim_expect_ok(v, MODE_GVA, MMU_R, FRAME(0));
		}
		assert_int_equal(root_builds(), 2);
		assert_int_equal(pages_made(), 2 * tables_of(mode));
		assert_int_equal(sim_stat(MMU_STAT_SHADOW_FAULT), 2);
		modes_stop();
	}
}

static u64 walks;

static bool count_walk(enum mmu_hook h)
{
	walks += h == HOOK_AFTER_WALK;
	return false;
}

/* Entries of the guest that faults have read: a walk reads one of each level. */
static u64 entries_read(enum sim_mode mode)
{
	return sim_stat(MMU_STAT_GUEST_READ) + walks * sim_levels(mode);
}

/*
 * A fault with all tables there reads the last entry alone, in one block with what is filled ahead.
 * One that makes tables reads each entry a second time, when its table is frozen.
 */
static void a_fault_with_its_tables_there_reads_one_entry(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];

	(void)state;
	for (u32 mode = SIM_32; mode < SIM_MODES; mode++) {
		struct sim_space s;
		u64 before;

		modes_start(1, NULL);
		s = modes_space(mode, FRAME(0));
		for (u32 i = 1; i < PAGES; i++)
			sim_map(&s, PAGE(i * 8), FRAME(i), LEAF, 1);
		sim_set_space(v, &s, true, false);
		sim.any_hook = count_walk;
		walks = 0;
		for (u32 i = 0; i < PAGES; i++) {
			before = entries_read(mode);
			sim_expect_ok(v, PAGE(i * 8), MMU_R, FRAME(i));
			assert_int_equal(sim_stat(MMU_STAT_SHADOW_FAULT), i + 1);
			/* A latched PDPTE is not read again. */
			assert_int_equal(entries_read(mode) - before,
					 i ? 1 : sim_levels(mode) * 2 - (mode == SIM_PAE));
		}
		modes_stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_round_robin_of_16_processes_builds_16_roots),
		cmocka_unit_test(toggles_of_wp_build_two_roots),
		cmocka_unit_test(a_fault_with_its_tables_there_reads_one_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
