/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * What the shadow allows is what the guest's entries and registers allow: inherited rights, CR0.WP,
 * reserved bits. The section "Later reports" of docs/seeds.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/host/shadow_setup.h"

#define VA 0x40201000ULL

/* A space of 4 levels with one page, in use by the reader. */
static struct sim_space one_page(u64 gpa, u64 flags, u32 level, bool wp)
{
	struct sim_space s = sim_space_new(SIM_LM4);

	sim_map(&s, VA, gpa, flags, level);
	sim_set_space(reader, &s, wp, true);
	return s;
}

static void set_cr0(u64 set, u64 clear)
{
	struct mmu_regs r = reader->regs;

	r.cr0 = (r.cr0 | set) & ~clear;
	assert_true(sim_write_regs(reader, &r, MMU_WROTE_CR0));
}

static void set_cr4(u64 set)
{
	struct mmu_regs r = reader->regs;

	r.cr4 |= set;
	assert_true(sim_write_regs(reader, &r, MMU_WROTE_CR4));
}

/* --- CVE-2021-38198 --------------------------------------------------------------------------- */

/* Two directory entries that point to the same leaf table, with these rights; two leaves in it. */
static struct sim_space shared_table(u64 flags0, u64 flags1)
{
	struct sim_space s = sim_space_new(SIM_LM4);
	u64 pde, table;

	sim_map(&s, VA, OLD, LEAF & ~W_, 1);
	sim_map(&s, VA + PAGE_SIZE, NEW, LEAF, 1);
	sim_map(&s, VA + SZ_2M, OLD, LEAF, 1);
	pde = sim_pte(&s, VA, 2);
	table = sim_peek(pde, 8) & ~0xfffULL;
	sim_poke(pde, table | P_ | A_ | flags0, 8);
	sim_poke(pde + 8, table | P_ | A_ | flags1, 8);
	sim_set_space(reader, &s, true, true);
	return s;
}

/*
 * CVE-2021-38198: one guest table below entries with different rights is two tables of the shadow.
 * Every order of first uses; the judge knows what each access may do.
 */
static void table_below_other_rights_is_another_table(void **state)
{
	static const u64 flags[] = { W_ | U_, U_, W_, 0, W_ | U_ | NX_ };
	static const u32 access[] = { MMU_R,         MMU_W,         MMU_X,
				      MMU_R | MMU_U, MMU_W | MMU_U, MMU_X | MMU_U };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(flags) * ARRAY_SIZE(flags); i++) {
		setup(true);
		(void)shared_table(flags[i % ARRAY_SIZE(flags)], flags[i / ARRAY_SIZE(flags)]);
		for (u32 n = 0; n < 200; n++)
			(void)sim_do(reader,
				     VA + (sim_chance(2) ? SZ_2M : 0) +
					     (sim_chance(2) ? PAGE_SIZE : 0),
				     access[sim_rand(ARRAY_SIZE(access))]);
		finish();
	}
}

/* CVE-2021-38198: and the leaf below does not decide which table it is. */
static void leaf_does_not_change_the_table_above_it(void **state)
{
	(void)state;
	setup(true);
	(void)shared_table(W_ | U_, U_);
	for (u32 i = 0; i < 8; i++) {
		u32 most = i < 2 ? 2 : 0;

		sim_invlpg(reader, VA);
		sim_invlpg(reader, VA + PAGE_SIZE);
		assert_in_range(sim_do(reader, VA, MMU_R | MMU_U).faults, 0, most);
		assert_in_range(sim_do(reader, VA + PAGE_SIZE, MMU_W | MMU_U).faults, 0, most);
	}
	finish();
}

/* --- faults that follow links ----------------------------------------------------------------- */

/* S3.7: where a fault reads the last entry alone, the others' rights still hold. */
static void rights_of_upper_entries_hold_by_links(void **state)
{
	static const u64 upper[] = { LEAF & ~W_, LEAF & ~U_, LEAF | NX_ };
	static const u32 access[] = { MMU_W | MMU_U, MMU_R | MMU_U, MMU_X };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(upper); i++) {
		struct sim_space s;
		struct sim_out out;
		u64 pde;

		setup(true);
		s = sim_space_new(SIM_LM4);
		sim_map(&s, VA, OLD, LEAF, 1);
		sim_map(&s, VA + PAGE_SIZE, NEW, LEAF, 1);
		pde = sim_pte(&s, VA, 2);
		sim_poke(pde, (sim_peek(pde, 8) & ~0xfffULL) | (upper[i] & ~D_), 8);
		sim_set_space(reader, &s, true, true);
		sim_expect_ok(reader, VA, MMU_R, OLD);
		out = sim_do(reader, VA + PAGE_SIZE, access[i]);
		assert_int_equal(out.end, SIM_PF);
		finish();
	}
}

/* S3.7: and A and D of the last entry are set, as a walk would. */
static void accessed_and_dirty_are_set_by_links(void **state)
{
	struct sim_space s;
	u64 pte;

	(void)state;
	setup(true);
	s = sim_space_new(SIM_LM4);
	sim_map(&s, VA, OLD, LEAF, 1);
	sim_map(&s, VA + PAGE_SIZE, NEW, LEAF & ~(A_ | D_), 1);
	pte = sim_pte(&s, VA + PAGE_SIZE, 1);
	sim_set_space(reader, &s, true, true);
	sim_expect_ok(reader, VA, MMU_R, OLD);
	sim_expect_ok(reader, VA + PAGE_SIZE, MMU_R, NEW);
	assert_int_equal(sim_peek(pte, 8) & (A_ | D_), A_);
	sim_expect_ok(reader, VA + PAGE_SIZE, MMU_W, NEW);
	assert_int_equal(sim_peek(pte, 8) & (A_ | D_), A_ | D_);
	finish();
}

/* The key of a large page, 0 too, holds in its pieces, which fault one by one. */
static void key_of_a_split_page_holds_by_links(void **state)
{
	(void)state;
	for (u64 key = 0; key < 16; key += 3) {
		struct sim_space s;

		setup(true);
		s = sim_space_new(SIM_LM4);
		sim_map(&s, SZ_2M, 0, LEAF | PS_ | key << 59, 2);
		sim_set_space(reader, &s, true, true);
		set_cr4(CR4_PKE);
		for (u64 i = 0; i < 4; i++) {
			struct sim_access a = { .gva = SZ_2M + i * PAGE_SIZE,
						.access = MMU_R | MMU_U,
						.pkru = BIT32(2 * key) };

			assert_int_equal(sim_access(reader, &a).end, SIM_PF);
			a.pkru = 0;
			assert_int_equal(sim_access(reader, &a).end, SIM_OK);
		}
		finish();
	}
}

/* --- CR0.WP ----------------------------------------------------------------------------------- */

/* A user's page, read-only, and dirty: only a supervisor without CR0.WP may write to it. */
#define USER_RO (LEAF & ~W_)

/* CR0.WP clear: the supervisor's write is done by hardware, and the user gains nothing by it. */
static void write_without_wp_gives_the_user_nothing(void **state)
{
	(void)state;
	setup(true);
	(void)one_page(OLD, USER_RO, 1, false);
	for (u32 i = 0; i < 3; i++) {
		sim_expect_ok(reader, VA, MMU_W, OLD);
		sim_expect_ok(reader, VA, MMU_R | MMU_U, OLD);
		sim_expect_ok(reader, VA, MMU_W, OLD);
		sim_expect_pf(reader, VA, MMU_W | MMU_U, PFEC_P | PFEC_W | PFEC_U);
		sim_expect_ok(reader, VA, MMU_W, OLD);
		/* CR0.WP set: the same page, at once. */
		set_cr0(CR0_WP, 0);
		sim_expect_pf(reader, VA, MMU_W, PFEC_P | PFEC_W);
		set_cr0(0, CR0_WP);
	}
	finish();
}

/* CR0.WP clear, CR4.SMEP set: the page that the supervisor could write it cannot execute. */
static void smep_holds_for_a_page_written_without_wp(void **state)
{
	(void)state;
	setup(true);
	(void)one_page(OLD, USER_RO, 1, false);
	set_cr4(CR4_SMEP);
	sim_expect_ok(reader, VA, MMU_W, OLD);
	sim_expect_pf(reader, VA, MMU_X, PFEC_P | PFEC_F);
	sim_expect_ok(reader, VA, MMU_X | MMU_U, OLD);
	sim_expect_ok(reader, VA, MMU_W, OLD);
	sim_expect_pf(reader, VA, MMU_X, PFEC_P | PFEC_F);
	finish();
}

/* CR0.WP clear, CR4.SMAP set: a write that RFLAGS.AC allows leaves nothing behind for the time
 * after CLAC. */
static void smap_holds_for_a_page_written_without_wp(void **state)
{
	const struct sim_access store = {
		.gva = VA, .access = MMU_W, .ac = true, .size = 8, .value = 1
	};
	struct sim_out out;

	(void)state;
	setup(true);
	(void)one_page(OLD, USER_RO, 1, false);
	set_cr4(CR4_SMAP);
	for (u32 i = 0; i < 3; i++) {
		sim_expect_pf(reader, VA, MMU_W, PFEC_P | PFEC_W);
		out = sim_access(reader, &store);
		assert_int_equal(out.end, SIM_OK);
		assert_true(out.emulated);
		sim_expect_pf(reader, VA, MMU_W, PFEC_P | PFEC_W);
		sim_expect_pf(reader, VA, MMU_R, PFEC_P);
	}
	finish();
}

/* CR0.WP clear: a large read-only page that was read is not dirty before it is written. */
static void large_page_without_wp_becomes_dirty_when_written(void **state)
{
	(void)state;
	for (u32 user = 0; user < 2; user++)
		for (u32 level = 1; level <= 2; level++) {
			u64 to = level == 1 ? OLD : OLD + VA % SZ_2M;
			struct sim_space s;

			setup(true);
			s = one_page(OLD, P_ | A_ | (user ? U_ : 0), level, false);
			sim_expect_ok(reader, VA, MMU_R, to);
			assert_false(sim_peek(sim_pte(&s, VA, level), 8) & D_);
			sim_expect_ok(reader, VA, MMU_W, to);
			assert_true(sim_peek(sim_pte(&s, VA, level), 8) & D_);
			finish();
		}
}

/* --- reserved bits ---------------------------------------------------------------------------- */

/*
 * Hardware runs the shadow with NX on. A guest that has it off has a reserved bit there, and the
 * tables for one such guest are not those for the other.
 */
static void reserved_bits_are_the_guests(void **state)
{
	(void)state;
	for (u32 mode = SIM_PAE; mode < SIM_MODES; mode++)
		for (u32 level = 1; level <= 2; level++) {
			struct sim_space s;
			u64 gpa;

			setup(true);
			s = sim_space_new(mode);
			sim_map(&s, VA, OLD, LEAF, 1);
			gpa = sim_pte(&s, VA, level);
			sim_poke(gpa, sim_peek(gpa, 8) | NX_, 8);
			for (u32 i = 0; i < 3; i++) {
				sim_set_space(reader, &s, true, false);
				sim_expect_pf(reader, VA, MMU_R, PFEC_P | PFEC_RSVD);
				sim_set_space(reader, &s, true, true);
				sim_expect_ok(reader, VA, MMU_R, OLD);
				sim_expect_pf(reader, VA, MMU_X, PFEC_P | PFEC_F);
			}
			finish();
		}
}

/* --- tables in ROM ---------------------------------------------------------------------------- */

/*
 * Such a table can take no accessed and no dirty bit. It is read all the same; no leaf lets the
 * guest write, so that each write is emulated.
 */
static void entries_in_rom_stay_as_they_are(void **state)
{
	struct sim_out out;
	struct sim_space s;

	(void)state;
	for (u32 skip = 0; skip < 2; skip++) {
		setup(true);
		setup_tune(true, skip);
		s = sim_space_new(SIM_LM4);
		sim_map(&s, VA + SZ_2M, NEW, LEAF, 1);
		sim_tables_at(ROM >> PAGE_SHIFT);
		sim_map(&s, VA, OLD, P_ | W_ | U_, 1);
		sim_set_space(reader, &s, true, true);
		sim_expect_ok(reader, VA, MMU_R, OLD);
		for (u32 i = 0; i < 3; i++) {
			out = sim_store(reader, VA, i, 8);
			assert_int_equal(out.end, SIM_OK);
			assert_true(out.emulated);
			assert_int_equal(out.gpa, OLD);
			assert_int_equal(sim_peek(OLD, 8), i);
		}
		assert_int_equal(sim_peek(sim_pte(&s, VA, 1), 8), OLD | P_ | W_ | U_);
		finish();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_below_other_rights_is_another_table),
		cmocka_unit_test(leaf_does_not_change_the_table_above_it),
		cmocka_unit_test(rights_of_upper_entries_hold_by_links),
		cmocka_unit_test(accessed_and_dirty_are_set_by_links),
		cmocka_unit_test(key_of_a_split_page_holds_by_links),
		cmocka_unit_test(write_without_wp_gives_the_user_nothing),
		cmocka_unit_test(smep_holds_for_a_page_written_without_wp),
		cmocka_unit_test(smap_holds_for_a_page_written_without_wp),
		cmocka_unit_test(large_page_without_wp_becomes_dirty_when_written),
		cmocka_unit_test(reserved_bits_are_the_guests),
		cmocka_unit_test(entries_in_rom_stay_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
