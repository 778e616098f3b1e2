/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/paging.c vm/cr.c vm/xcr.c vm/fetch.c vm/emulate.c vm/emul/[a-z]*.c vm/segment.c */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* SOURCES: tests/host/fake/mem.c tests/host/fake/clock.c lib/fmt.c */
/*
 * The guest's paging registers, with and without a shadow; what an entry does before the world
 * switch and instead of it; and the life of a vCPU's context. The MMU is the real one.
 */
#include "tests/host/vm_shadow.h"

#include <errno.h>

#include "arch/mem.h"

static struct vcpu *const v = &fake_vcpu;

static int setup(void **state)
{
	(void)state;
	shadow_machine();
	return 0;
}

static int setup_long_mode(void **state)
{
	setup(state);
	shadow_long_mode();
	return 0;
}

/* A guest with PAE paging and the four PDPTEs at PDPT. */
static int setup_pae(void **state)
{
	const struct mmu_regs r = {
		.cr0 = CR0_PE | CR0_PG, .cr3 = PDPT, .cr4 = CR4_PAE, .efer = EFER_NXE
	};

	setup(state);
	*guest(PDPT) = PD | P_;
	assert_int_equal(paging_create(v), 0);
	assert_true(mmu_write_regs(v->mmu, &r, MMU_WROTE_ALL));
	return 0;
}

/* --- life ------------------------------------------------------------------------------------- */

static void a_machine_without_shadow_paging_has_no_contexts(void **state)
{
	(void)state;
	fake_vm.mmu.shadow.on = false;
	assert_int_equal(paging_create(v), 0);
	assert_null(v->mmu);
	paging_reset(v);
	assert_int_equal(shadow_set_paging, 0);
	paging_destroy(v);
	fake_vm.mmu.shadow.on = true;
}

static void a_context_begins_and_ends_with_paging_off(void **state)
{
	(void)state;
	assert_int_equal(paging_create(v), 0);
	assert_non_null(v->mmu);
	assert_false(v->mmu->regs.cr0 & CR0_PG);
	assert_false(v->guard.needed);
	assert_int_equal(fake_mem_live, 1);
	paging_destroy(v);
	assert_null(v->mmu);
	assert_int_equal(fake_mem_live, 0);
	paging_destroy(v);
}

/* The guest's CPUID decides what its tables may say. */
static void a_context_has_the_processor_that_the_guest_sees(void **state)
{
	(void)state;
	fake_cpuid.caps.maxphyaddr = 36;
	fake_cpuid.caps.nx = false;
	fake_cpuid.caps.pse36 = true;
	assert_int_equal(paging_create(v), 0);
	assert_int_equal(v->mmu->regs.maxphyaddr, 36);
	assert_false(v->mmu->regs.has_nx);
	assert_true(v->mmu->regs.has_1g);
	assert_true(v->mmu->regs.has_pse36);
}

static bool loses_task_switches(void)
{
	return true;
}

static void where_task_switches_are_lost_the_guard_is_needed(void **state)
{
	(void)state;
	shadow_hv.loses_task_switches = loses_task_switches;
	assert_int_equal(paging_create(v), 0);
	assert_true(v->guard.needed);
}

static void without_memory_there_is_no_context(void **state)
{
	(void)state;
	fake_mem_budget = 0;
	assert_int_equal(paging_create(v), -ENOMEM);
	fake_mem_budget = UINT64_MAX;
	assert_null(v->mmu);
	assert_int_equal(fake_mem_live, 0);
}

/* As many records of processors as a VM has room for, and one more. */
static void too_many_kinds_of_processor_give_no_context(void **state)
{
	struct mmu_ctx *kept[64];
	u32 n = 0;
	int ret;

	(void)state;
	for (;;) {
		fake_cpuid.caps.maxphyaddr = (u8)(36 + n % 8);
		fake_cpuid.caps.pse36 = n / 8 % 2;
		fake_cpuid.caps.has_1g = n / 16 % 2;
		fake_cpuid.caps.nx = n / 32 % 2;
		v->mmu = NULL;
		ret = paging_create(v);
		if (ret)
			break;
		kept[n++] = v->mmu;
		assert_in_range(n, 1, 63);
	}
	assert_int_equal(ret, -ENOSPC);
	assert_null(v->mmu);
	assert_int_equal(fake_mem_live, n);
	while (n) {
		v->mmu = kept[--n];
		paging_destroy(v);
	}
	assert_int_equal(fake_mem_live, 0);
}

/* Source: AMD APM 2 "Processor Initialization State". */
static void reset_puts_paging_off_and_flushes(void **state)
{
	(void)state;
	assert_int_equal(paging_enter(v), EXIT_HLT);
	paging_reset(v);
	assert_int_equal(v->mmu->regs.cr0, CR0_CD | CR0_NW | CR0_ET);
	assert_int_equal(v->mmu->regs.cr3 | v->mmu->regs.cr4 | v->mmu->regs.efer, 0);
	assert_int_equal(shadow_set_paging, 1);
	assert_int_equal(shadow_guard_updates, 1);
	assert_int_equal(paging_enter(v), EXIT_HLT);
	assert_int_equal(shadow_entry_flush, MMU_FLUSH_TAG);
	paging_reset(v);
	assert_int_equal(paging_enter(v), EXIT_HLT);
	assert_int_equal(shadow_entry_flush, MMU_FLUSH_TAG);
}

/* --- registers, without a shadow -------------------------------------------------------------- */

static bool pdptes_refused;

static bool refuses_pdptes(struct vcpu *vcpu, enum vcpu_sreg r, u64 val)
{
	assert_ptr_equal(vcpu, v);
	(void)r;
	(void)val;
	return pdptes_refused;
}

static int setup_nested(void **state)
{
	setup(state);
	shadow_hv.refuses_pdptes = refuses_pdptes;
	pdptes_refused = false;
	return 0;
}

static void a_write_that_reads_bad_pdptes_changes_nothing(void **state)
{
	static const enum vcpu_sreg regs[] = { SR_CR0, SR_CR3, SR_CR4 };

	(void)state;
	fake_sreg[SR_EFER] = EFER_LME;
	pdptes_refused = true;
	for (u32 i = 0; i < ARRAY_SIZE(regs); i++) {
		assert_false(paging_write(v, regs[i], CR0_PG));
		assert_int_equal(fake_sreg[regs[i]], 0);
	}
	assert_int_equal(fake_sreg[SR_EFER], EFER_LME);
}

static void nested_paging_takes_registers_as_they_are(void **state)
{
	(void)state;
	fake_sreg[SR_EFER] = EFER_LME;
	assert_true(paging_write(v, SR_CR0, CR0_PE | CR0_PG));
	assert_int_equal(fake_sreg[SR_CR0], CR0_PE | CR0_PG);
	assert_int_equal(fake_sreg[SR_EFER], EFER_LME | EFER_LMA);
	assert_true(paging_write(v, SR_CR0, CR0_PE));
	assert_int_equal(fake_sreg[SR_EFER], EFER_LME);
	assert_true(paging_write(v, SR_CR4, CR4_PAE | CR4_PCIDE));
	assert_int_equal(fake_sreg[SR_CR4], CR4_PAE | CR4_PCIDE);
	assert_true(paging_write(v, SR_CR3, CR3_NOFLUSH | 0x5007));
	assert_int_equal(fake_sreg[SR_CR3], 0x5007);
	assert_true(paging_write(v, SR_EFER, EFER_NXE));
	assert_int_equal(fake_sreg[SR_EFER], EFER_NXE);
	assert_int_equal(shadow_set_paging, 0);
}

/* --- registers, with one ---------------------------------------------------------------------- */

static void each_register_is_the_contexts_and_hardwares_follow(void **state)
{
	static const struct {
		enum vcpu_sreg reg;
		u64 val;
	} writes[] = {
		{ SR_CR0, CR0_PE | CR0_PG },
		{ SR_CR3, 0x40000 },
		{ SR_CR4, CR4_PAE | CR4_PGE },
		{ SR_EFER, EFER_LME | EFER_LMA },
	};
	const struct mmu_regs *r = &v->mmu->regs;

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(writes); i++) {
		assert_true(paging_write(v, writes[i].reg, writes[i].val));
	}
	assert_int_equal(shadow_set_paging, 3); /* CR3 follows at the entry */
	assert_int_equal(r->cr0, writes[0].val);
	assert_int_equal(r->cr3, writes[1].val);
	assert_int_equal(r->cr4, writes[2].val);
	assert_int_equal(r->efer, writes[3].val);
}

static void long_mode_follows_paging(void **state)
{
	(void)state;
	assert_true(paging_write(v, SR_CR0, CR0_PE));
	assert_int_equal(v->mmu->regs.efer, EFER_LME | EFER_NXE);
	assert_true(paging_write(v, SR_CR0, CR0_PE | CR0_PG));
	assert_int_equal(v->mmu->regs.efer, EFER_LME | EFER_LMA | EFER_NXE);
}

/* Whether an entry after this write flushes. */
static bool flushes_after(enum vcpu_sreg reg, u64 val)
{
	assert_true(paging_write(v, reg, val));
	assert_int_equal(paging_enter(v), EXIT_HLT);
	return shadow_entry_flush == MMU_FLUSH_TAG;
}

/* Source: AMD APM 2 "Process Context Identifiers". */
static void bit_63_of_cr3_keeps_translations_with_pcids_only(void **state)
{
	(void)state;
	assert_int_equal(paging_enter(v), EXIT_HLT);
	assert_int_equal(paging_enter(v), EXIT_HLT);
	assert_int_equal(shadow_entry_flush, MMU_FLUSH_NONE);
	assert_true(flushes_after(SR_CR3, PML4));
	assert_true(paging_write(v, SR_CR4, CR4_PAE | CR4_PCIDE));
	assert_int_equal(paging_enter(v), EXIT_HLT);
	assert_false(flushes_after(SR_CR3, CR3_NOFLUSH | PML4));
	assert_int_equal(v->mmu->regs.cr3, PML4);
	assert_true(flushes_after(SR_CR3, PML4));
}

static void pdptes_with_reserved_bits_change_nothing(void **state)
{
	const struct mmu_regs before = v->mmu->regs;

	(void)state;
	guest(0x40000)[1] = 0x41000 | P_ | W_;
	assert_false(paging_write(v, SR_CR3, 0x40000));
	assert_memory_equal(&v->mmu->regs, &before, sizeof(before));
	assert_int_equal(shadow_set_paging, 0);
	guest(0x40000)[1] &= ~W_;
	assert_true(paging_write(v, SR_CR3, 0x40000));
	assert_int_equal(v->mmu->regs.pdpte[1], 0x41000 | P_);
}

static void the_guard_hears_of_what_can_concern_it(void **state)
{
	(void)state;
	assert_true(paging_write(v, SR_CR3, PML4));
	assert_int_equal(shadow_guard_updates, 0);
	v->guard.needed = true;
	assert_true(paging_write(v, SR_CR3, PML4));
	assert_int_equal(shadow_guard_updates, 0); /* long mode switches no tasks */
	v->guard.on = true;
	assert_true(paging_write(v, SR_CR3, PML4));
	assert_int_equal(shadow_guard_updates, 1);
	v->guard.on = false;
	assert_true(paging_write(v, SR_CR0, CR0_PE));
	assert_int_equal(shadow_guard_updates, 2);
}

/* --- entry ------------------------------------------------------------------------------------ */

static void an_entry_makes_the_root_first(void **state)
{
	(void)state;
	assert_false(mmu_shadow_ready(v->mmu));
	assert_int_equal(paging_enter(v), EXIT_HLT);
	assert_true(mmu_shadow_ready(v->mmu));
	assert_int_not_equal(mmu_ctx_root(v->mmu).v, 0);
	assert_int_equal(shadow_entries, 1);
	assert_int_equal(paging_enter(v), EXIT_HLT);
	assert_int_equal(shadow_entries, 2);
}

static void touch(u64 gva, u32 access)
{
	struct mmu_shadow_fault f = { .gva = GVA(gva), .access = access };
	struct mmu_result r;

	assert_int_equal(mmu_shadow_fault(v->mmu, &f, &r), MMU_FIXED);
}

/* The guest has written to more of its tables than are synced under one hold of the lock. */
static void an_entry_goes_on_until_all_tables_are_in_sync(void **state)
{
	const u32 nr = 40;

	(void)state;
	assert_int_equal(paging_enter(v), EXIT_HLT);
	for (u32 i = 1; i <= nr; i++) {
		u64 table = 0x80000 + i * PAGE_SIZE, gva = i * 2 * SZ_1M;

		guest(PD)[i] = table | TABLE;
		*guest(table) = DATA | LEAF;
		touch(gva, MMU_R);
		touch(table, MMU_W);
		*guest(table) = 0;
	}
	assert_int_equal(fake_vm.mmu.stat.count[MMU_STAT_UNSYNC], nr);
	assert_true(paging_write(v, SR_CR3, PML4));
	assert_int_equal(paging_enter(v), EXIT_HLT);
	assert_true(mmu_shadow_ready(v->mmu));
	assert_int_equal(fake_vm.mmu.stat.count[MMU_STAT_SYNC], nr);
	sim_audit(&fake_vm.mmu);
}

/* Another CPU makes all roots obsolete when this one has just looked at its own. */
static enum exit_reason zapped_before_the_first(struct vcpu *of)
{
	shadow_hv.enter_shadow = shadow_enter;
	mmu_shadow_zap_all(&fake_vm.mmu);
	return shadow_enter(of);
}

static void an_entry_whose_root_goes_meanwhile_begins_again(void **state)
{
	(void)state;
	assert_int_equal(paging_enter(v), EXIT_HLT);
	shadow_hv.enter_shadow = zapped_before_the_first;
	assert_int_equal(paging_enter(v), EXIT_HLT);
	assert_int_equal(shadow_entries, 2);
	assert_true(mmu_shadow_ready(v->mmu));
	assert_int_equal(shadow_kills, 0);
}

static bool no_pages(enum mmu_hook h)
{
	return h == HOOK_ALLOC;
}

/* What was queued for the guest is not left behind in the control block. */
static void an_entry_without_a_root_is_called_off_and_ends_the_machine(void **state)
{
	(void)state;
	env_sim.hook = no_pages;
	assert_int_equal(paging_enter(v), EXIT_NONE);
	assert_int_equal(v->exit.reason, EXIT_NONE);
	assert_int_equal(shadow_entries, 0);
	assert_int_equal(shadow_cancels, 1);
	assert_int_equal(shadow_kills, 1);
	assert_non_null(strstr(v->why, "its page tables cannot be shadowed: "));
}

#define TEST_FROM(name, from) cmocka_unit_test_setup_teardown(name, from, shadow_end)
#define TEST(name)            TEST_FROM(name, setup)
#define TEST_LONG_MODE(name)  TEST_FROM(name, setup_long_mode)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_machine_without_shadow_paging_has_no_contexts),
		TEST(a_context_begins_and_ends_with_paging_off),
		TEST(a_context_has_the_processor_that_the_guest_sees),
		TEST(where_task_switches_are_lost_the_guard_is_needed),
		TEST(without_memory_there_is_no_context),
		TEST(too_many_kinds_of_processor_give_no_context),
		TEST_LONG_MODE(reset_puts_paging_off_and_flushes),
		cmocka_unit_test_setup_teardown(nested_paging_takes_registers_as_they_are,
						setup_nested, shadow_end),
		cmocka_unit_test_setup_teardown(a_write_that_reads_bad_pdptes_changes_nothing,
						setup_nested, shadow_end),
		TEST_LONG_MODE(each_register_is_the_contexts_and_hardwares_follow),
		TEST_LONG_MODE(long_mode_follows_paging),
		TEST_LONG_MODE(bit_63_of_cr3_keeps_translations_with_pcids_only),
		TEST_FROM(pdptes_with_reserved_bits_change_nothing, setup_pae),
		TEST_LONG_MODE(the_guard_hears_of_what_can_concern_it),
		TEST_LONG_MODE(an_entry_makes_the_root_first),
		TEST_LONG_MODE(an_entry_goes_on_until_all_tables_are_in_sync),
		TEST_LONG_MODE(an_entry_whose_root_goes_meanwhile_begins_again),
		TEST_LONG_MODE(an_entry_without_a_root_is_called_off_and_ends_the_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
