/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * What each event of MMU_FLUSH_EVENTS (mmu/shadow/ctx.h) makes a processor forget. The guest
 * changes a leaf entry without trapping, so the shadow and the TLB are out of date; after the event
 * no access may go where the old entry led. The machine's TLB keeps all it may.
 */
#include "tests/sim/guest_os.h"

#define V   (4 * SZ_1G)
#define V32 0x400000ULL

static struct sim_space space;
static struct sim_vcpu *const v0 = &sim.vcpu[0];

static void boot(enum sim_mode mode, u64 gva)
{
	os_boot(1);
	space = sim_space_new(mode);
	os_map(&space, gva, DATA(0));
	sim_set_space(v0, &space, true, true);
	sim_expect_ok(v0, gva, MMU_R, DATA(0));
}

/* The guest changes the entry and says nothing: the old one still serves. */
static void change(u64 gva)
{
	struct sim_out out = os_set_pte(v0, &space, gva, 1, OTHER(0) | LEAF);

	assert_false(out.emulated);
	sim_expect_ok(v0, gva, MMU_R, DATA(0));
}

static void set_cr0(u64 set, u64 clear)
{
	struct mmu_regs r = v0->regs;

	r.cr0 = (r.cr0 | set) & ~clear;
	assert_true(sim_write_regs(v0, &r, MMU_WROTE_CR0));
}

static void set_cr4(u64 set, u64 clear)
{
	struct mmu_regs r = v0->regs;

	r.cr4 = (r.cr4 | set) & ~clear;
	assert_true(sim_write_regs(v0, &r, MMU_WROTE_CR4));
}

/* --- registers -------------------------------------------------------------------------------- */

static void loading_cr3_syncs_also_when_it_is_the_same(void **state)
{
	(void)state;
	boot(SIM_LM4, V);
	change(V);
	sim_load_cr3(v0, space.cr3);
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	os_end();
}

/* What needs no sync is ready with the write; what needs one is not. */
static void a_root_in_sync_is_ready_at_once(void **state)
{
	(void)state;
	boot(SIM_LM4, V);
	sim_load_cr3(v0, space.cr3);
	assert_true(mmu_shadow_ready(&v0->ctx));
	change(V);
	sim_load_cr3(v0, space.cr3);
	assert_false(mmu_shadow_ready(&v0->ctx));
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	sim_load_cr3(v0, space.cr3);
	assert_true(mmu_shadow_ready(&v0->ctx));
	os_end();
}

static void each_table_of_a_root_is_looked_at(void **state)
{
	(void)state;
	for (u32 mode = SIM_32; mode <= SIM_PAE; mode++)
		for (u64 gva = V32; gva < 4 * SZ_1G; gva += SZ_1G) {
			boot(mode, gva);
			change(gva);
			sim_load_cr3(v0, space.cr3);
			sim_expect_ok(v0, gva, MMU_R, OTHER(0));
			os_end();
		}
}

/*
 * A load that flushes nothing. The entry was changed, and flushed by INVPCID, while another space
 * was current: hardware could have no old entry in this one's tag.
 */
static void loading_cr3_without_flush_syncs_the_root(void **state)
{
	struct sim_space b;

	(void)state;
	boot(SIM_LM4, V);
	set_cr4(CR4_PCIDE, 0);
	b = sim_space_new(SIM_LM4);
	os_window(&b, sim_pte(&space, V, 1));
	sim_load_cr3(v0, space.cr3 | 1);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	sim_load_cr3(v0, b.cr3 | 2);
	assert_false(os_set_pte(v0, &space, V, 1, OTHER(0) | LEAF).emulated);
	assert_true(sim_invpcid(v0, 1, 1, 0));
	sim_load_cr3(v0, space.cr3 | 1 | CR3_NOFLUSH);
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	os_end();
}

/* The same tables under another PCID: what that one was told to forget must not come back. */
static void another_pcid_has_entries_of_its_own(void **state)
{
	(void)state;
	boot(SIM_LM4, V);
	set_cr4(CR4_PCIDE, 0);
	sim_load_cr3(v0, space.cr3 | 1);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	change(V);
	assert_true(sim_invpcid(v0, 1, 2, 0));
	sim_load_cr3(v0, space.cr3 | 2 | CR3_NOFLUSH);
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	os_end();
}

static void paging_off_and_on_syncs(void **state)
{
	(void)state;
	boot(SIM_32, V32);
	change(V32);
	set_cr0(0, CR0_PG);
	set_cr0(CR0_PG, 0);
	sim_expect_ok(v0, V32, MMU_R, OTHER(0));
	os_end();
}

static void changing_pge_syncs(void **state)
{
	(void)state;
	for (u32 on = 0; on < 2; on++) {
		boot(SIM_LM4, V);
		set_cr4(on ? 0 : CR4_PGE, 0);
		sim_expect_ok(v0, V, MMU_R, DATA(0));
		change(V);
		set_cr4(on ? CR4_PGE : 0, on ? 0 : CR4_PGE);
		sim_expect_ok(v0, V, MMU_R, OTHER(0));
		os_end();
	}
}

static void changing_pae_syncs(void **state)
{
	(void)state;
	boot(SIM_32, V32);
	change(V32);
	set_cr4(CR4_PAE, 0);
	set_cr4(0, CR4_PAE);
	sim_expect_ok(v0, V32, MMU_R, OTHER(0));
	os_end();
}

/* Without a change of role: in long mode the bit means nothing but the flush. */
static void changing_pse_syncs(void **state)
{
	(void)state;
	boot(SIM_LM4, V);
	change(V);
	set_cr4(CR4_PSE, 0);
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	os_end();
}

static void pcids_going_off_sync(void **state)
{
	(void)state;
	boot(SIM_LM4, V);
	set_cr4(CR4_PCIDE, 0);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	change(V);
	set_cr4(0, CR4_PCIDE);
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	os_end();
}

static void smep_going_on_syncs(void **state)
{
	(void)state;
	boot(SIM_LM4, V);
	change(V);
	set_cr4(CR4_SMEP, 0);
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	os_end();
}

/* No flush belongs to it; but what was flushed under one role is not stale under another. */
static void another_role_is_synced_when_it_is_installed(void **state)
{
	(void)state;
	boot(SIM_LM4, V);
	set_cr0(0, CR0_WP);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	change(V);
	sim_invlpg(v0, V);
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	set_cr0(CR0_WP, 0);
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	os_end();
}

/* CR4.PGE, CR0.CD and the like read the four entries again; reserved bits are a #GP. */
static void pdptes_are_read_again(void **state)
{
	struct sim_space b;
	struct mmu_regs r;

	(void)state;
	boot(SIM_PAE, V32);
	b = sim_space_new(SIM_PAE);
	sim_map(&b, V32, OTHER(0), LEAF, 1);
	sim_poke(sim_pte(&space, V32, 3), sim_peek(sim_pte(&b, V32, 3), 8), 8);
	/* Latched until then. */
	sim_expect_ok(v0, V32, MMU_R, DATA(0));
	set_cr0(0, CR0_WP);
	sim_expect_ok(v0, V32, MMU_R, DATA(0));
	set_cr4(CR4_PGE, 0);
	sim_expect_ok(v0, V32, MMU_R, OTHER(0));
	sim_poke(space.cr3 + 24, P_ | W_, 8);
	r = v0->regs;
	r.cr0 |= CR0_CD;
	assert_false(sim_write_regs(v0, &r, MMU_WROTE_CR0));
	sim_expect_ok(v0, V32, MMU_R, OTHER(0));
	os_end();
}

/* --- instructions ----------------------------------------------------------------------------- */

static void invlpg_reads_the_entry_again(void **state)
{
	(void)state;
	boot(SIM_LM4, V);
	change(V);
	/* Another page's, or a non-canonical address: nothing. */
	sim_invlpg(v0, V + PAGE_SIZE);
	sim_invlpg(v0, BIT(52) | V);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	sim_invlpg(v0, V + 0x123);
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	os_end();
}

static void invpcid(u64 type, u64 gva)
{
	boot(SIM_LM4, V);
	set_cr4(CR4_PCIDE, 0);
	sim_load_cr3(v0, space.cr3 | 3);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	change(V);
	assert_true(sim_invpcid(v0, type, type < 2 ? 3 : 0, gva));
	sim_expect_ok(v0, V, MMU_R, OTHER(0));
	assert_false(sim_invpcid(v0, type | 4, 0, 0));
	os_end();
}

static void invpcid_of_an_address(void **state)
{
	(void)state;
	invpcid(0, V);
	boot(SIM_LM4, V);
	assert_false(sim_invpcid(v0, 0, 0, BIT(50)));
	assert_false(sim_invpcid(v0, 0, 1, 0));
	os_end();
}

static void invpcid_of_a_space(void **state)
{
	(void)state;
	invpcid(1, 0);
}

static void invpcid_of_everything(void **state)
{
	(void)state;
	invpcid(2, 0);
}

static void invpcid_of_all_but_global_pages(void **state)
{
	(void)state;
	invpcid(3, 0);
}

/* --- faults ----------------------------------------------------------------------------------- */

/* After a #PF the processor has no entry for its address, whatever the access was. */
static void delivery_of_a_fault_forgets_its_address(void **state)
{
	(void)state;
	os_boot(1);
	space = sim_space_new(SIM_LM4);
	os_map(&space, V, DATA(0));
	sim_map(&space, V, DATA(0), LEAF & ~U_, 1);
	sim_set_space(v0, &space, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	os_set_pte(v0, &space, V, 1, 0);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	sim_expect_pf(v0, V, MMU_R | MMU_U, PFEC_U);
	sim_expect_pf(v0, V, MMU_R, 0);
	os_end();
}

/* Also when it is not hardware's: an emulated instruction has run into the changed entry. */
static void a_fault_of_the_emulator_forgets_its_address(void **state)
{
	struct sim_turn t;

	(void)state;
	boot(SIM_LM4, V);
	os_set_pte(v0, &space, V, 1, 0);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	os_leave(v0);
	t = sim_cpu_take(v0->cpu);
	mmu_pf_delivered(&v0->ctx, GVA(V));
	sim_cpu_back(t);
	sim_arch_event(v0, MMU_EV_PF, V, 0);
	sim_expect_pf(v0, V, MMU_R, 0);
	os_end();
}

/* More than before needs no flush: the fault that the old entry causes walks afresh. */
static void what_becomes_possible_needs_no_flush(void **state)
{
	u64 next = V + PAGE_SIZE;

	(void)state;
	os_boot(1);
	space = sim_space_new(SIM_LM4);
	os_map(&space, V, DATA(0));
	sim_map(&space, V, DATA(0), P_ | A_, 1);
	sim_set_space(v0, &space, true, true);
	sim_expect_ok(v0, V, MMU_R, DATA(0));
	sim_expect_pf(v0, next, MMU_R, 0);
	sim_expect_pf(v0, V, MMU_W, PFEC_P | PFEC_W);
	os_write(v0, sim_pte(&space, V, 1) + 8, DATA(1) | LEAF, 8);
	os_set_pte(v0, &space, V, 1, DATA(0) | LEAF);
	sim_expect_ok(v0, next, MMU_R, DATA(1));
	sim_expect_ok(v0, V, MMU_W, DATA(0));
	sim_expect_ok(v0, V, MMU_R | MMU_U, DATA(0));
	os_end();
}

/* What an address led to may have been a device. */
static void a_flush_forgets_device_pages(void **state)
{
	(void)state;
	for (u32 how = 0; how < 2; how++) {
		os_boot(1);
		space = sim_space_new(SIM_LM4);
		os_map(&space, V, DEVICE);
		sim_set_space(v0, &space, true, true);
		assert_int_equal(sim_do(v0, V, MMU_R).end, SIM_MMIO);
		assert_int_equal(sim_do(v0, V, MMU_R).end, SIM_MMIO);
		os_set_pte(v0, &space, V, 1, OTHER(0) | LEAF);
		if (how)
			sim_invlpg(v0, V);
		else
			sim_load_cr3(v0, space.cr3);
		sim_expect_ok(v0, V, MMU_R, OTHER(0));
		os_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loading_cr3_syncs_also_when_it_is_the_same),
		cmocka_unit_test(a_root_in_sync_is_ready_at_once),
		cmocka_unit_test(each_table_of_a_root_is_looked_at),
		cmocka_unit_test(loading_cr3_without_flush_syncs_the_root),
		cmocka_unit_test(another_pcid_has_entries_of_its_own),
		cmocka_unit_test(paging_off_and_on_syncs),
		cmocka_unit_test(changing_pge_syncs),
		cmocka_unit_test(changing_pae_syncs),
		cmocka_unit_test(changing_pse_syncs),
		cmocka_unit_test(pcids_going_off_sync),
		cmocka_unit_test(smep_going_on_syncs),
		cmocka_unit_test(another_role_is_synced_when_it_is_installed),
		cmocka_unit_test(pdptes_are_read_again),
		cmocka_unit_test(invlpg_reads_the_entry_again),
		cmocka_unit_test(invpcid_of_an_address),
		cmocka_unit_test(invpcid_of_a_space),
		cmocka_unit_test(invpcid_of_everything),
		cmocka_unit_test(invpcid_of_all_but_global_pages),
		cmocka_unit_test(delivery_of_a_fault_forgets_its_address),
		cmocka_unit_test(a_fault_of_the_emulator_forgets_its_address),
		cmocka_unit_test(what_becomes_possible_needs_no_flush),
		cmocka_unit_test(a_flush_forgets_device_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
