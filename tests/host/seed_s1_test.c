/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* Seed S1 on the whole machine: what a change of CPUID does to a guest that runs. */

#include "test.h"

#include "mmu/geom.h"
#include "tests/sim/sim.h"

/* A processor with that many physical bits, NX and everything else. */
static struct mmu_caps width(u8 bits)
{
	return (struct mmu_caps){
		.maxphyaddr = bits,
		.has_nx = true,
		.has_1g = true,
		.has_pse36 = true,
	};
}

/* Memory whose address has bit 37: reserved with 36 physical bits, plain memory with more. */
#define HIGH BIT(37)

static const struct sim_slot slots[] = {
	{ .gfn = 0, .nr = 32, .hfn = SIM_RAM >> PAGE_SHIFT, .kind = SLOT_RAM },
	{ .gfn = HIGH >> PAGE_SHIFT,
	  .nr = 2,
	  .hfn = (SIM_RAM >> PAGE_SHIFT) + 64,
	  .kind = SLOT_RAM },
	{ 0 },
};

static const u32 high_page[4] = { 0, 0, 0, 3 }, low_page[4] = { 0, 0, 0, 1 };

static struct sim_space build(void)
{
	struct sim_space s;

	sim_tables_at(1);
	s = sim_space_new(SIM_LM4);
	sim_map(&s, sim_gva(SIM_LM4, low_page), 20 << PAGE_SHIFT, P_ | W_ | U_ | A_ | D_, 1);
	sim_map(&s, sim_gva(SIM_LM4, high_page), HIGH, P_ | W_ | U_ | A_ | D_, 1);
	return s;
}

/* What the guest gets at the page whose entry has bit 37. */
static void expect_reserved(struct sim_vcpu *v, bool reserved)
{
	u64 gva = sim_gva(SIM_LM4, high_page);

	if (reserved)
		sim_expect_pf(v, gva, MMU_R, PFEC_P | PFEC_RSVD);
	else
		sim_expect_ok(v, gva, MMU_R, HIGH);
}

/* S1.4: the very next access follows the new width, and the old root is still there afterwards. */
static void a_new_width_holds_at_once(void **state)
{
	const struct mmu_caps wide = width(52), narrow = width(36);
	struct sim_space s;
	struct sim_vcpu *v = &sim.vcpu[0];
	u64 built;

	(void)state;
	sim_start(&(struct sim_cfg){ .cpus = 1, .vcpus = 1, .caps = &wide, .slots = slots });
	s = build();
	sim_set_space(v, &s, true, true);
	expect_reserved(v, false);
	sim_expect_ok(v, sim_gva(SIM_LM4, low_page), MMU_W, 20 << PAGE_SHIFT);
	assert_int_equal(sim_set_caps(v, &narrow), 0);
	expect_reserved(v, true);
	sim_expect_ok(v, sim_gva(SIM_LM4, low_page), MMU_W, 20 << PAGE_SHIFT);
	built = sim_stat(MMU_STAT_ROOT_BUILD);
	for (u32 i = 0; i < 10; i++) {
		assert_int_equal(sim_set_caps(v, i & 1 ? &narrow : &wide), 0);
		expect_reserved(v, i & 1);
		sim_expect_ok(v, sim_gva(SIM_LM4, low_page), MMU_W, 20 << PAGE_SHIFT);
	}
	assert_int_equal(sim_stat(MMU_STAT_ROOT_BUILD), built);
	sim_stop();
}

static void set_wp(struct sim_vcpu *v, bool on)
{
	struct mmu_regs r = v->regs;

	r.cr0 = (r.cr0 & ~CR0_WP) | (on ? CR0_WP : 0);
	assert_true(sim_write_regs(v, &r, MMU_WROTE_CR0));
}

/* S1.4: nor does the mode before the last toggle bring the old width back. */
static void a_mode_at_hand_has_the_new_width(void **state)
{
	const struct mmu_caps wide = width(52), narrow = width(36);
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s;

	(void)state;
	sim_start(&(struct sim_cfg){ .cpus = 1, .vcpus = 1, .caps = &wide, .slots = slots });
	s = build();
	sim_set_space(v, &s, true, true);
	for (u32 i = 0; i < 4; i++) {
		set_wp(v, false);
		expect_reserved(v, i & 1);
		set_wp(v, true);
		expect_reserved(v, i & 1);
		assert_int_equal(sim_set_caps(v, i & 1 ? &wide : &narrow), 0);
	}
	sim_stop();
}

/* S1.6: two widths in one VM, one CR3, in both orders. */
static void two_widths(u32 first)
{
	const struct mmu_caps caps[2] = { width(36), width(46) };
	struct sim_space s;

	sim_start(&(struct sim_cfg){ .cpus = 2, .vcpus = 2, .caps = caps, .slots = slots });
	s = build();
	for (u32 i = 0; i < 2; i++)
		sim_set_space(&sim.vcpu[i], &s, true, true);
	for (u32 i = 0; i < 4; i++) {
		u32 who = (first + i) & 1;

		expect_reserved(&sim.vcpu[who], who == 0);
		sim_expect_ok(&sim.vcpu[who], sim_gva(SIM_LM4, low_page), MMU_R, 20 << PAGE_SHIFT);
	}
	sim_stop();
}

static void vcpus_of_two_widths_share_no_table(void **state)
{
	(void)state;
	two_widths(0);
	two_widths(1);
}

/* S1.10: new CPUID and new registers, in either order, come to the same root. */
static struct rkey in_order(bool caps_first)
{
	const struct mmu_caps wide = width(52), narrow = width(36);
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s;
	struct rkey key;

	sim_start(&(struct sim_cfg){ .cpus = 1, .vcpus = 1, .caps = &wide, .slots = slots });
	s = build();
	if (caps_first)
		assert_int_equal(sim_set_caps(v, &narrow), 0);
	sim_set_space(v, &s, true, true);
	if (!caps_first)
		assert_int_equal(sim_set_caps(v, &narrow), 0);
	expect_reserved(v, true);
	key = v->ctx.want;
	sim_stop();
	return key;
}

static void cpuid_and_reset_in_any_order(void **state)
{
	struct rkey a = in_order(true), b = in_order(false);

	(void)state;
	assert_memory_equal(&a, &b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_width_holds_at_once),
		cmocka_unit_test(a_mode_at_hand_has_the_new_width),
		cmocka_unit_test(vcpus_of_two_widths_share_no_table),
		cmocka_unit_test(cpuid_and_reset_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
