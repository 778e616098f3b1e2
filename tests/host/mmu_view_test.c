/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c shell/mmu_*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* What the shell reads: entries in words, iteration, nested walks, names. */

#include "mmu_sim.h"

#include "mmu/flush.h"
#include "mmu/role.h"
#include "mmu/spte.h"
#include "mmu/stat.h"
#include "shell/mmu_iter.h"
#include "shell/mmu_probe.h"
#include "shell/mmu_text.h"

#define RAM_FRAME (SIM_RAM >> PAGE_SHIFT)

static struct mmu_vm vm;

static void start(void)
{
	sim_start(SPTE_NPT, 256, 1);
	sim_vm(&vm, 0, 200);
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0, 0x402, RAM_FRAME), 0);
	assert_int_equal(sim_add(&vm, SLOT_ROM, 0xfffff, 1, RAM_FRAME + 0x1000), 0);
	assert_int_equal(sim_add(&vm, SLOT_MMIO, 0xfee00, 1, 4), 0);
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0x40000, 0x40000, RAM_FRAME), 0);
	assert_int_equal(mmu_prebuild(&vm), 0);
}

/* --- entries ---------------------------------------------------------------------------------- */

static void text_is(u64 e, const char *want)
{
	char buf[64];

	assert_int_equal(spte_text(e, buf, sizeof(buf)), strlen(want));
	assert_string_equal(buf, want);
}

static void entries_in_words(void **state)
{
	const u64 both = SPTE_SLOT_W | SPTE_MMU_W;

	(void)state;
	for (u8 fmt = SPTE_NPT; fmt <= SPTE_EPT; fmt++) {
		sim_start(fmt, 64, 1);
		text_is(0, "-");
		text_is(spte_table(HPA(0x5000)), "table");
		text_is(spte_trap(3, 17), "mmio slot 3 gen 17");
		text_is(spte_leaf(HPA(0x5000), 1, MMU_R | MMU_W | MMU_X, both), "leaf RWX");
		text_is(spte_leaf(HPA(0), 2, MMU_R, both), "leaf R--");
		text_is(spte_leaf(HPA(0), 2, MMU_R | MMU_X, SPTE_SLOT_W), "leaf R-X tracked");
		text_is(spte_leaf(HPA(0), 2, MMU_R | MMU_X, SPTE_MMU_W), "leaf R-X rom");
	}
}

/* Bit by bit from the manuals. */
static void encodings(void **state)
{
	const u64 both = SPTE_SLOT_W | SPTE_MMU_W;

	(void)state;
	sim_start(SPTE_NPT, 64, 1);
	assert_int_equal(spte_table(HPA(0x5000)) & ~SPTE_SOFT, 0x5000 | 0x27);
	assert_int_equal(spte_leaf(HPA(0x5000), 1, MMU_R | MMU_W | MMU_X, both) & ~SPTE_SOFT,
			 0x5000 | 0x67);
	assert_int_equal(spte_leaf(HPA(SZ_2M), 2, MMU_R | MMU_X, both) & ~SPTE_SOFT, SZ_2M | 0xe5);
	assert_int_equal(spte_leaf(HPA(SZ_2M), 2, MMU_R, both) & ~SPTE_SOFT,
			 SZ_2M | 0xe5 | 1ULL << 63);
	assert_int_equal(spte_trap(1, 2) & 7, 0);

	sim_start(SPTE_EPT, 64, 1);
	assert_int_equal(spte_table(HPA(0x5000)) & ~SPTE_SOFT, 0x5000 | 0x107);
	/* Write-back, ignoring the guest's PAT. */
	assert_int_equal(spte_leaf(HPA(0x5000), 1, MMU_R | MMU_W | MMU_X, both) & ~SPTE_SOFT,
			 0x5000 | 0x377);
	assert_int_equal(spte_leaf(HPA(SZ_1G), 3, MMU_R | MMU_X, both) & ~SPTE_SOFT, SZ_1G | 0x3f5);
	assert_int_equal(spte_leaf(HPA(SZ_1G), 3, MMU_R, both) & ~SPTE_SOFT, SZ_1G | 0x3f1);
	/* Write without read: a misconfiguration. */
	assert_int_equal(spte_trap(1, 2) & 3, 2);
}

static void l1tf_entries_name_no_cacheable_memory(void **state)
{
	u64 e;

	(void)state;
	sim_start(SPTE_EPT, 64, 1);
	mmu_hw.l1tf = true;
	for (u8 width = 36; width <= 52; width++) {
		mmu_hw.maxphyaddr = width;
		e = spte_trap(0xff, SPTE_TRAP_GEN_MASK);
		assert_true(e & 1ULL << (width - 1));
		assert_int_equal(spte_trap_slot(e), 0xff);
		assert_int_equal(spte_trap_gen(e), SPTE_TRAP_GEN_MASK);
		assert_int_equal(spte_illegal(e, 1), 0);
		assert_int_not_equal(spte_illegal(e ^ 1ULL << (width - 1), 1), 0);
	}
}

static void change_costs(u64 old, u64 new, enum flush_class cls)
{
	assert_int_equal(spte_change(old, new).cls, cls);
}

static void only_lost_rights_cost_a_flush(void **state)
{
	const u64 both = SPTE_SLOT_W | SPTE_MMU_W;
	u64 rx, rwx, r, moved;

	(void)state;
	for (u8 fmt = SPTE_NPT; fmt <= SPTE_EPT; fmt++) {
		sim_start(fmt, 64, 1);
		r = spte_leaf(HPA(0x5000), 1, MMU_R, both);
		rx = spte_leaf(HPA(0x5000), 1, MMU_R | MMU_X, both);
		rwx = spte_leaf(HPA(0x5000), 1, MMU_R | MMU_W | MMU_X, both);
		moved = spte_leaf(HPA(0x6000), 1, MMU_R | MMU_W | MMU_X, both);
		change_costs(0, rwx, FLUSH_NONE);
		change_costs(spte_trap(1, 1), rwx, FLUSH_NONE);
		change_costs(spte_trap(1, 1), 0, FLUSH_NONE);
		change_costs(rx, rwx, FLUSH_NONE);
		change_costs(r, rx, FLUSH_NONE);
		change_costs(rwx, rwx, FLUSH_NONE);
		change_costs(rwx, rx, FLUSH_SYNC);
		change_costs(rx, r, FLUSH_SYNC);
		change_costs(rwx, moved, FLUSH_SYNC);
		change_costs(rwx, 0, FLUSH_SYNC);
		change_costs(rwx, spte_trap(1, 1), FLUSH_SYNC);
	}
}

static void parts_of_a_large_leaf(void **state)
{
	const u64 both = SPTE_SLOT_W | SPTE_MMU_W;

	(void)state;
	for (u8 fmt = SPTE_NPT; fmt <= SPTE_EPT; fmt++) {
		sim_start(fmt, 64, 1);
		for (u32 i = 0; i < 512; i += 73) {
			assert_int_equal(spte_part(spte_leaf(HPA(SZ_1G), 3, MMU_R, both), 3, i),
					 spte_leaf(HPA(SZ_1G + i * SZ_2M), 2, MMU_R, both));
			assert_int_equal(
				spte_part(spte_leaf(HPA(SZ_2M), 2, MMU_R | MMU_X, 0), 2, i),
				spte_leaf(HPA(SZ_2M + i * SZ_4K), 1, MMU_R | MMU_X, 0));
			assert_int_equal(spte_part(spte_trap(3, 4), 2, i), spte_trap(3, 4));
		}
	}
}

/* --- iteration -------------------------------------------------------------------------------- */

static void iterator_visits_tables_before_their_entries(void **state)
{
	static const struct {
		u64 gfn;
		u8 level;
		bool table;
	} want[] = {
		{ 0, 4, true },        { 0, 3, true },        { 0, 2, false },
		{ 0x200, 2, false },   { 0x400, 2, true },    { 0x400, 1, false },
		{ 0x401, 1, false },   { 0x40000, 3, false }, { 0xc0000, 3, true },
		{ 0xfee00, 2, true },  { 0xfee00, 1, false }, { 0xffe00, 2, true },
		{ 0xfffff, 1, false },
	};
	struct mmu_iter it;

	(void)state;
	start();
	mmu_iter_init(&it, &vm, GFN(0), GFN(~0ULL));
	for (u32 i = 0; i < ARRAY_SIZE(want); i++) {
		assert_true(mmu_iter_next(&it));
		assert_int_equal(it.gfn.v, want[i].gfn);
		assert_int_equal(it.level, want[i].level);
		assert_int_equal(spte_is_table(it.spte), want[i].table);
		assert_int_equal(((u64 *)env_ptr(it.table))[level_index(it.gfn, it.level)],
				 it.spte);
	}
	assert_false(mmu_iter_next(&it));
	assert_false(mmu_iter_next(&it));
	/* A part: what covers its first frame comes first. */
	mmu_iter_init(&it, &vm, GFN(0x401), GFN(0x402));
	assert_true(mmu_iter_next(&it) && it.level == 4);
	assert_true(mmu_iter_next(&it) && it.level == 3);
	assert_true(mmu_iter_next(&it) && it.level == 2);
	assert_true(mmu_iter_next(&it) && it.level == 1 && it.gfn.v == 0x401);
	assert_false(mmu_iter_next(&it));
	mmu_vm_fini(&vm);
	mmu_iter_init(&it, &vm, GFN(0), GFN(~0ULL));
	assert_false(mmu_iter_next(&it));
}

static void iterator_survives_changes_between_steps(void **state)
{
	struct mmu_iter it;
	u32 n = 0;

	(void)state;
	start();
	mmu_iter_init(&it, &vm, GFN(0), GFN(~0ULL));
	for (; mmu_iter_next(&it); n++) {
		assert_true(n < 3000);
		if (n != 5)
			continue;
		assert_int_equal(mmu_slot_remove(&vm, GFN(0)), 0);
		assert_int_equal(mmu_track_add(&vm, GFN(0x40123), MMU_W), 0);
	}
	assert_true(n > 1024);
	mmu_vm_fini(&vm);
}

/* --- nested walks ----------------------------------------------------------------------------- */

static void probe_is(u64 gpa, u32 access, bool faults, enum mmu_verdict v)
{
	struct mmu_probe p;
	struct mmu_result r;
	u64 hpa;
	u32 level;

	mmu_probe(&vm, GPA(gpa), access, &p);
	assert_int_equal(p.faults, faults);
	assert_int_equal(p.verdict, v);
	assert_non_null(p.reason);
	assert_int_equal(p.allowed,
			 gpa >> 12 < vm.gfn_limit ? sim_hw_walk(&vm, GPA(gpa), &hpa, &level) : 0);
	if (p.mapped) {
		assert_int_equal(p.hpa.v, hpa + (gpa & 0xfff));
		assert_int_equal(p.path.level, level);
		assert_int_equal(p.path.at[4].v,
				 mmu_root_hpa(&vm).v + level_index(GFN(gpa >> 12), 4) * 8);
		assert_int_equal(*(u64 *)env_ptr(p.path.at[level]), p.path.entry[level]);
	}
	/* What was foretold happens. */
	if (faults)
		assert_int_equal(mmu_fault(&vm,
					   &(struct mmu_fault){ .gpa = GPA(gpa), .access = access },
					   &r),
				 v);
}

static void probe_foretells_the_verdict(void **state)
{
	(void)state;
	start();
	probe_is(0x1234, MMU_W, false, MMU_SPURIOUS);
	probe_is(0x401fff, MMU_X, false, MMU_SPURIOUS);
	probe_is(0x40212345, MMU_R, false, MMU_SPURIOUS);
	probe_is(0x402000, MMU_R, true, MMU_MMIO);
	probe_is(0xfee00010, MMU_R, true, MMU_MMIO);
	probe_is(0xfffff000, MMU_W, true, MMU_EMULATE);
	probe_is(0xfffff000, MMU_X, false, MMU_SPURIOUS);
	probe_is(1ULL << 45, MMU_R, true, MMU_MMIO);
	assert_int_equal(mmu_track_add(&vm, GFN(5), MMU_W), 0);
	probe_is(0x5000, MMU_W, true, MMU_TRACKED);
	probe_is(0x5000, MMU_R, false, MMU_SPURIOUS);
	assert_int_equal(mmu_track_add(&vm, GFN(5), MMU_R), 0);
	probe_is(0x5000, MMU_R, true, MMU_TRACKED);
	probe_is(0x5000, MMU_X, true, MMU_TRACKED);
	assert_int_equal(mmu_dirty_start(&vm, GFN(0)), 0);
	probe_is(0x6000, MMU_W, true, MMU_FIXED);
	probe_is(0x6000, MMU_W, false, MMU_SPURIOUS);
	mmu_vm_fini(&vm);
	start();
	vm.prebuilt = false;
	assert_int_equal(sim_add(&vm, SLOT_RAM, 0x90000, 5, RAM_FRAME), 0);
	probe_is(0x90001000, MMU_W, true, MMU_FIXED);
	mmu_vm_fini(&vm);
}

/* --- names ------------------------------------------------------------------------------------ */

static void everything_has_a_name(void **state)
{
	(void)state;
	for (u32 v = MMU_FIXED; v <= MMU_KILL_VM; v++)
		assert_true(strlen(mmu_verdict_name((enum mmu_verdict)v)) > 0);
	assert_string_equal(mmu_verdict_name(MMU_EMULATE), "emulate");
	for (u32 i = 0; i < MMU_STAT_NR; i++) {
		assert_true(strlen(mmu_stat_name((enum mmu_stat_id)i)) > 0);
		assert_true(strlen(mmu_stat_help((enum mmu_stat_id)i)) > 0);
	}
	assert_string_equal(mmu_stat_name(MMU_STAT_FAULT_HOLE), "hole");
	assert_int_equal(role_child(role_direct(3)).word, role_direct(2).word);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_in_words),
		cmocka_unit_test(encodings),
		cmocka_unit_test(l1tf_entries_name_no_cacheable_memory),
		cmocka_unit_test(only_lost_rights_cost_a_flush),
		cmocka_unit_test(parts_of_a_large_leaf),
		cmocka_unit_test(iterator_visits_tables_before_their_entries),
		cmocka_unit_test(iterator_survives_changes_between_steps),
		cmocka_unit_test(probe_foretells_the_verdict),
		cmocka_unit_test(everything_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
