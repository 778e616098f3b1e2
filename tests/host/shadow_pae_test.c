/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* Roots of PAE guests on a machine (seed S2 of docs/seeds.md). */
#include "shadow_modes.h"

#include <errno.h>

#include "mmu/shadow/sp.h"

#define PAGE_NR(i) (0x400000ULL + ((u64)(i) << PAGE_SHIFT)) /* one for each space of a test */
#define LEAF       (P_ | W_ | U_ | A_ | D_)

/* An access to address 5 of each GiB. */
#define IN_GIB(i) ((u64)(i) << 30 | MODE_GVA)

/* --- keys (S2.1, S2.10, S2.12) ---------------------------------------------------------------- */

/* S2.1: CR3s that differ in bits 11:5 only are different address spaces. */
static void tables_in_one_page_are_different_roots(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[PAGE_SIZE / 32];
	u64 page;

	(void)state;
	modes_start(1, NULL);
	page = sim_table_alloc();
	for (u32 i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = sim_space_at(SIM_PAE, page + i * 32);
		sim_map(&s[i], MODE_GVA, PAGE_NR(i), LEAF, 1);
	}
	sim_set_space(v, &s[0], true, false);
	for (u32 i = 0; i < ARRAY_SIZE(s); i++) {
		sim_load_cr3(v, s[i].cr3);
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(i));
		sim_expect_ok(v, MODE_GVA, MMU_W, PAGE_NR(i));
	}
	assert_int_equal(root_builds(), ARRAY_SIZE(s));
	for (u32 i = ARRAY_SIZE(s); i-- > 0;) {
		sim_load_cr3(v, s[i].cr3);
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(i));
	}
	modes_stop();
}

/* S2.10: what does not decide a translation is not part of the key. */
static void only_what_translates_is_in_the_key(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s;
	u64 e;

	(void)state;
	modes_start(1, NULL);
	s = modes_space(SIM_PAE, PAGE_NR(0));
	sim_set_space(v, &s, true, false);
	sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(0));
	e = sim_peek(s.cr3, 8);
	for (u32 i = 0; i < 32; i++) {
		u64 cr3 = sim_table_alloc();

		/* PWT, PCD, the three bits for software; anything without P. */
		sim_poke(cr3, e | (i & 3) << 3 | (i >> 2) << 9, 8);
		sim_poke(cr3 + 8, 0xabcdef00 + i * 2, 8);
		sim_load_cr3(v, cr3);
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(0));
		sim_expect_pf(v, IN_GIB(1), MMU_R, 0);
	}
	assert_int_equal(root_builds(), 1);
	modes_stop();
}

/* S2.12: one CR3, two vCPUs, and the guest rewrites its table in between. */
static void one_cr3_may_have_two_roots(void **state)
{
	struct sim_vcpu *a = &sim.vcpu[0], *b = &sim.vcpu[1];
	struct sim_space old, new;

	(void)state;
	modes_start(2, NULL);
	old = modes_space(SIM_PAE, PAGE_NR(0));
	new = modes_space(SIM_PAE, PAGE_NR(1));
	sim_set_space(a, &old, true, false);
	sim_expect_ok(a, MODE_GVA, MMU_R, PAGE_NR(0));
	assert_true(sim_dma(old.cr3, sim_peek(new.cr3, 8), 8, SIM_BY_WRITE));
	sim_set_space(b, &old, true, false);
	sim_expect_ok(b, MODE_GVA, MMU_R, PAGE_NR(1));
	sim_expect_ok(a, MODE_GVA, MMU_R, PAGE_NR(0));
	assert_int_equal(root_builds(), 2);
	sim_load_cr3(a, old.cr3);
	sim_expect_ok(a, MODE_GVA, MMU_R, PAGE_NR(1));
	assert_int_equal(root_builds(), 2);
	modes_stop();
}

/* S2.13: vCPUs with one key hold one root, however they came to it. */
static void equal_keys_are_one_root(void **state)
{
	struct sim_space s[SIM_MODES], copy;
	u64 built = 0;

	(void)state;
	modes_start(SIM_VCPUS, NULL);
	modes_spaces(s);
	copy = sim_space_new(SIM_PAE);
	sim_poke(copy.cr3, sim_peek(s[SIM_PAE].cr3, 8), 8);
	for (u32 m = 0; m < SIM_MODES; m++) {
		for (u32 i = 0; i < SIM_VCPUS; i++) {
			struct sim_vcpu *v = &sim.vcpu[i];

			sim_set_space(v, m == SIM_PAE && (i & 1) ? &copy : &s[m], true, false);
			sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
			assert_int_equal(mmu_ctx_root(&v->ctx).v, mmu_ctx_root(&sim.vcpu[0].ctx).v);
		}
		assert_int_equal(root_builds(), ++built);
		sim_audit();
	}
	modes_stop();
}

/* --- what a root is made of (S2.2, S2.6, S2.7) ------------------------------------------------ */

/* S2.2: the tables below outlive the root, and are found again. */
static void a_new_root_finds_its_tables(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[2];
	u64 made, built;

	(void)state;
	modes_start(1, NULL);
	keep_roots(1);
	for (u32 i = 0; i < 2; i++) {
		s[i] = modes_space(SIM_PAE, PAGE_NR(i));
		sim_set_space(v, &s[i], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(i));
	}
	made = pages_made();
	built = root_builds();
	for (u32 i = 0; i < 200; i++) {
		sim_load_cr3(v, s[i & 1].cr3);
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(i & 1));
	}
	assert_int_equal(pages_made(), made);
	assert_int_equal(root_builds(), built + 200);
	modes_stop();
}

/* S2.6: hardware's PDPTEs have P and an address, and nothing of the guest's. */
static void pdptes_of_hardware_have_their_own_format(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	sim_poke(s[SIM_PAE].cr3, sim_peek(s[SIM_PAE].cr3, 8) | 7 << 9 | 3 << 3, 8);
	for (u32 m = 0; m < SIM_LM4; m++) {
		const u64 *pdpt;

		sim_set_space(v, &s[m], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
		pdpt = env_ptr(mmu_ctx_root(&v->ctx));
		for (u32 i = 0; i < 4; i++) {
			if (m == SIM_PAE && i)
				assert_int_equal(pdpt[i], 0);
			else
				assert_int_equal(pdpt[i] & ~MASK(39, 12), P_);
		}
	}
	modes_stop();
}

/* S2.7: 32-bit paging has four tables where the guest has one. */
static void each_gib_of_a_32_bit_guest_has_its_table(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];

	(void)state;
	modes_start(1, NULL);
	for (u32 m = SIM_32; m <= SIM_PAE; m++) {
		struct sim_space s = sim_space_new(m);

		for (u32 i = 0; i < 4; i++)
			sim_map(&s, IN_GIB(i), PAGE_NR(i), LEAF, 1);
		sim_set_space(v, &s, true, false);
		for (u32 i = 0; i < 4; i++)
			sim_expect_ok(v, IN_GIB(i), MMU_W, PAGE_NR(i));
	}
	modes_stop();
}

/* --- memory (S2.4, S2.5) ---------------------------------------------------------------------- */

static hpa_t taken[PAGE_SIZE / LOW_BYTES];
static u32 nr_taken;

static void take_all_low(void)
{
	hpa_t a;

	for (nr_taken = 0; (a = low_alloc()).v; nr_taken++)
		taken[nr_taken] = a;
}

static void give_all_low(void)
{
	while (nr_taken)
		low_free(taken[--nr_taken]);
}

/* S2.4: once the root is there, faults need no memory below 4 GiB: none is left. */
static void faults_take_no_low_memory(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	for (u32 m = 0; m < SIM_MODES; m++) {
		u32 before;

		for (u32 i = 0; i < 4 && m != SIM_NONE; i++)
			sim_map(&s[m], 0x40000000 - ((u64)i << 21), PAGE_NR(i), LEAF, 1);
		sim_set_space(v, &s[m], true, false);
		assert_true(sim_enter(v));
		before = low_nr_free();
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
		assert_int_equal(low_nr_free(), before);
		take_all_low();
		for (u32 i = 0; i < 4 && m != SIM_NONE; i++)
			sim_expect_ok(v, 0x40000000 - ((u64)i << 21), MMU_W, PAGE_NR(i));
		give_all_low();
	}
	modes_stop();
}

/* S2.4: a root that finds none left gets that of older roots, whatever those are; or nothing has
 * happened. */
static void older_roots_give_their_low_memory(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space lm, pae, other;

	(void)state;
	modes_start(1, NULL);
	lm = modes_space(SIM_LM4, PAGE_NR(0));
	pae = modes_space(SIM_PAE, PAGE_NR(1));
	other = modes_space(SIM_PAE, PAGE_NR(2));
	sim_set_space(v, &lm, true, false);
	sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(0));
	take_all_low();
	sim.refused = true;
	sim_set_space(v, &pae, true, false);
	assert_int_equal(sim_do(v, MODE_GVA, MMU_R).end, SIM_NOMEM);
	sim_audit();
	give_all_low();
	sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(1));
	sim_set_space(v, &lm, true, false);
	sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(0));
	sim_set_space(v, &pae, true, false);
	sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(1));
	take_all_low();
	sim_set_space(v, &other, true, false);
	sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(2));
	sim_audit();
	give_all_low();
	modes_stop();
}

/* S2.5: CR3 has 32 bits in PAE mode; the tables below need not be there. */
static void pae_roots_lie_below_4_gib(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	for (u32 m = 0; m < SIM_LM4; m++) {
		sim_set_space(v, &s[m], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
		assert_true(mmu_ctx_root(&v->ctx).v < SZ_4G);
		assert_int_equal(mmu_ctx_root(&v->ctx).v % 32, 0);
		assert_true(sp_hpa(v->ctx.cache.cur->child[0]).v > SZ_4G);
	}
	modes_stop();
	assert_int_equal(mmu_shadow_low_init(HPA(SZ_4G - PAGE_SIZE), 2), -EINVAL);
	assert_int_equal(mmu_shadow_low_init(HPA(SZ_4G), 1), -EINVAL);
	assert_int_equal(mmu_shadow_low_init(HPA(0), 1), -EINVAL); /* 0 means none left */
	assert_int_equal(mmu_shadow_low_init(HPA(SZ_4G - PAGE_SIZE), 1), 0);
}

/* --- loading PDPTEs (S2.10) ------------------------------------------------------------------- */

static bool change(struct sim_vcpu *v, u64 cr0, u64 cr4, u64 efer)
{
	struct mmu_regs r = v->regs;

	r.cr0 ^= cr0;
	r.cr4 ^= cr4;
	r.efer ^= efer;
	return sim_write_regs(v, &r, cr0 ? MMU_WROTE_CR0 : cr4 ? MMU_WROTE_CR4 : MMU_WROTE_EFER);
}

/* S2.10: a store to the PDPT means nothing until one of the events that read it. */
static void pdptes_are_latched(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[2];
	u64 e[2];

	(void)state;
	modes_start(1, NULL);
	for (u32 i = 0; i < 2; i++) {
		s[i] = modes_space(SIM_PAE, PAGE_NR(i));
		e[i] = sim_peek(s[i].cr3, 8);
	}
	sim_set_space(v, &s[0], true, false);
	for (u32 i = 0; i < 8; i++) {
		u32 old = i & 1, new = !old;

		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(old));
		assert_true(sim_dma(s[0].cr3, e[new], 8, SIM_BY_WRITE));
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(old));
		assert_true(change(v, CR0_WP, 0, 0));
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(old));
		assert_true(change(v, 0, CR4_SMAP, 0));
		sim_expect_ok(v, MODE_GVA, MMU_R | MMU_U, PAGE_NR(old));
		assert_true(change(v, 0, CR4_SMAP, EFER_NXE));
		sim_invlpg(v, MODE_GVA);
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(old));
		if (i & 2)
			assert_true(change(v, 0, CR4_PGE, 0));
		else if (i & 4)
			assert_true(change(v, CR0_CD, 0, 0));
		else
			sim_load_cr3(v, s[0].cr3);
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(new));
	}
	modes_stop();
}

/* S2.10: reserved bits are a #GP when they are loaded, and nothing has changed then. */
static void bad_pdptes_are_not_loaded(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct mmu_regs r;
	struct sim_space s;
	u64 e;

	(void)state;
	modes_start(1, NULL);
	s = modes_space(SIM_PAE, PAGE_NR(0));
	e = sim_peek(s.cr3, 8);
	sim_set_space(v, &s, true, false);
	for (u32 bit = 0; bit < 64; bit++) {
		bool bad =
			bit == 1 || bit == 2 || (bit >= 5 && bit <= 8) || bit >= v->regs.maxphyaddr;

		if (bit >= 12 && bit < v->regs.maxphyaddr)
			continue; /* the address */
		assert_true(sim_dma(s.cr3, e | BIT(bit), 8, SIM_BY_WRITE));
		r = v->regs;
		assert_int_equal(sim_write_regs(v, &r, MMU_WROTE_CR3), !bad);
		assert_int_equal(change(v, 0, CR4_PGE, 0), !bad);
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(0));
	}
	modes_stop();
}

/* --- one table, two uses (S2.3, S2.11) -------------------------------------------------------- */

/* S2.3: the top table of 4 levels, below a fifth and alone, is one shadow page; and a table that
 * points to itself has one for each level. */
static void a_root_is_a_table_like_others(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space lm4, lm5;
	u64 made, self = BIT(47);

	(void)state;
	modes_start(1, NULL);
	lm4 = modes_space(SIM_LM4, PAGE_NR(0));
	lm5 = sim_space_new(SIM_LM5);
	sim_poke(lm5.cr3, lm4.cr3 | P_ | W_ | U_ | A_, 8);
	sim_set_space(v, &lm5, true, false);
	sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(0));
	made = pages_made();
	sim_set_space(v, &lm4, true, false);
	sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(0));
	assert_int_equal(pages_made(), made);

	for (u32 level = 0; level < 4; level++)
		self |= 510ULL << (12 + 9 * level);
	self |= ~MASK(47, 0);
	assert_true(sim_dma(lm4.cr3 + 510 * 8ULL, lm4.cr3 | LEAF, 8, SIM_BY_WRITE));
	sim_load_cr3(v, lm4.cr3);
	sim_expect_ok(v, self, MMU_R, lm4.cr3);
	assert_int_equal(pages_made(), made + 3);
	modes_stop();
}

/* S2.11: a page that is a PDPT now and a table of long mode then, above tables that both use, with
 * an entry that only one of them may have. */
static void one_page_serves_pae_and_long_mode(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space pae, lm;
	u64 gva = MODE_GVA + PAGE_SIZE, lm_gib = 8ULL << 30;

	(void)state;
	modes_start(1, NULL);
	pae = modes_space(SIM_PAE, PAGE_NR(0));
	sim_map(&pae, gva, PAGE_NR(1), LEAF | BIT(52), 1);
	lm = sim_space_new(SIM_LM4);
	sim_poke(lm.cr3, pae.cr3 | P_ | W_ | U_ | A_, 8);
	sim_poke(pae.cr3 + 8 * 8, sim_peek(pae.cr3, 8) | W_ | U_ | A_, 8);
	for (u32 i = 0; i < 4; i++) {
		sim_set_space(v, &lm, true, true);
		sim_expect_ok(v, lm_gib | MODE_GVA, MMU_R, PAGE_NR(0));
		sim_expect_ok(v, lm_gib | gva, MMU_R, PAGE_NR(1));
		sim_set_space(v, &pae, true, true);
		sim_expect_ok(v, MODE_GVA, MMU_R, PAGE_NR(0));
		sim_expect_pf(v, gva, MMU_R, PFEC_P | PFEC_RSVD);
	}
	modes_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_in_one_page_are_different_roots),
		cmocka_unit_test(only_what_translates_is_in_the_key),
		cmocka_unit_test(one_cr3_may_have_two_roots),
		cmocka_unit_test(equal_keys_are_one_root),
		cmocka_unit_test(a_new_root_finds_its_tables),
		cmocka_unit_test(pdptes_of_hardware_have_their_own_format),
		cmocka_unit_test(each_gib_of_a_32_bit_guest_has_its_table),
		cmocka_unit_test(faults_take_no_low_memory),
		cmocka_unit_test(older_roots_give_their_low_memory),
		cmocka_unit_test(pae_roots_lie_below_4_gib),
		cmocka_unit_test(pdptes_are_latched),
		cmocka_unit_test(bad_pdptes_are_not_loaded),
		cmocka_unit_test(a_root_is_a_table_like_others),
		cmocka_unit_test(one_page_serves_pae_and_long_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
