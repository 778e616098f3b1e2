/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * Roots on a machine: which one is current, when one is built, and what happens to those that are
 * not (seed S0 of docs/seeds.md). The array alone is in mmu_rcache_test.c.
 */
#include "shadow_modes.h"

/* --- which root (S0.1, S0.2) ------------------------------------------------------------------ */

/*
 * One frame that is a root in every mode: PDPTEs at its start, a 4-byte entry behind them, and one
 * that is a PML4E and a PML5E. The page table of the 4-byte entry is frame 0, which is also the
 * start of a 4 MiB page.
 */
#define SHARED_4BYTE (16ULL << 22 | 5ULL << 12)

static const u64 shared_gva[SIM_MODES] = {
	[SIM_32] = SHARED_4BYTE,
	[SIM_PSE] = SHARED_4BYTE,
	[SIM_PAE] = SHARED_4BYTE,
	[SIM_LM4] = 16ULL << 39,
	[SIM_LM5] = 16ULL << 48 | 5ULL << 12,
};
static const u64 shared_gpa[SIM_MODES] = {
	[SIM_32] = 0x21000,  [SIM_PSE] = 0x5000,  [SIM_PAE] = 0x23000,
	[SIM_LM4] = 0x24000, [SIM_LM5] = 0x25000,
};

static u64 shared_root(void)
{
	u64 cr3 = sim_table_alloc();

	sim_poke(cr3 + 16 * 4, P_ | U_ | A_ | PS_, 4);
	sim_poke(5 * 4, shared_gpa[SIM_32] | P_ | U_ | A_, 4);
	for (u32 m = SIM_PAE; m < SIM_MODES; m++) {
		struct sim_space s = sim_space_at(m, cr3);

		sim_map(&s, shared_gva[m], shared_gpa[m], P_ | U_ | A_, 1);
	}
	return cr3;
}

/* What each mode finds there: its own page, read-only. */
static void at_shared_root(struct sim_vcpu *v, enum sim_mode mode, bool wp)
{
	sim_expect_ok(v, shared_gva[mode], MMU_R, shared_gpa[mode]);
	if (wp)
		sim_expect_pf(v, shared_gva[mode], MMU_W, PFEC_P | PFEC_W);
	else
		sim_expect_ok(v, shared_gva[mode], MMU_W, shared_gpa[mode]);
}

/* S0.1: equal CR3s of different modes and rights never lead to each other's root. */
static void a_root_is_chosen_by_its_whole_key(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s;

	(void)state;
	modes_start(1, NULL);
	s.cr3 = shared_root();
	for (u32 from = SIM_32 * 4; from < SIM_MODES * 4; from++)
		for (u32 to = SIM_32 * 4; to < SIM_MODES * 4; to++) {
			s.mode = from / 4;
			sim_set_space(v, &s, from & 1, from & 2);
			at_shared_root(v, s.mode, from & 1);
			s.mode = to / 4;
			sim_set_space(v, &s, to & 1, to & 2);
			at_shared_root(v, s.mode, to & 1);
		}
	modes_stop();
}

/* One register after another, as a guest does it; cr3_first: before the mode is known. */
static void change_mode(struct sim_vcpu *v, const struct sim_space *s, bool cr3_first)
{
	struct mmu_regs r = v->regs;

	r.cr0 = (r.cr0 | CR0_PE) & ~(CR0_PG | CR0_WP);
	r.efer &= ~EFER_LMA;
	assert_true(sim_write_regs(v, &r, MMU_WROTE_CR0));
	for (u32 step = 0; step < 3; step++) {
		switch (cr3_first ? step : 2 - step) {
		case 0:
			r.cr3 = s->cr3;
			assert_true(sim_write_regs(v, &r, MMU_WROTE_CR3));
			break;
		case 1:
			r.cr4 = s->mode == SIM_PSE ? CR4_PSE : 0;
			if (s->mode >= SIM_PAE)
				r.cr4 = CR4_PAE | (s->mode == SIM_LM5 ? CR4_LA57 : 0);
			assert_true(sim_write_regs(v, &r, MMU_WROTE_CR4));
			break;
		case 2:
			r.efer = s->mode >= SIM_LM4 ? EFER_LME : 0;
			assert_true(sim_write_regs(v, &r, MMU_WROTE_EFER));
			break;
		}
	}
	if (s->mode == SIM_NONE)
		return;
	r.cr0 |= CR0_PG | CR0_WP;
	if (r.efer & EFER_LME)
		r.efer |= EFER_LMA;
	assert_true(sim_write_regs(v, &r, MMU_WROTE_CR0));
}

/* S0.2, S0.4: the same root, whatever the order in which mode and CR3 come, from every mode. */
static void the_order_of_mode_and_cr3_does_not_matter(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];
	hpa_t root[SIM_MODES];
	u64 built;

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	for (u32 m = 0; m < SIM_MODES; m++) {
		sim_set_space(v, &s[m], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
		root[m] = mmu_ctx_root(&v->ctx);
	}
	built = root_builds();
	for (u32 i = 0; i < SIM_MODES * SIM_MODES * 2; i++) {
		u32 from = i / 2 / SIM_MODES, to = i / 2 % SIM_MODES;

		sim_set_space(v, &s[from], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(from));
		change_mode(v, &s[to], i & 1);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(to));
		assert_int_equal(mmu_ctx_root(&v->ctx).v, root[to].v);
	}
	assert_int_equal(root_builds(), built);
	modes_stop();
}

/* --- what the cache holds (S0.3, S0.4, S0.11) ------------------------------------------------- */

/* S0.3: PAE guests keep the roots of their processes. */
static void pae_processes_keep_their_roots(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[16];
	u64 built, made;

	(void)state;
	modes_start(1, NULL);
	for (u32 i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = modes_space(SIM_PAE, 0x20000 + (i << PAGE_SHIFT));
	sim_set_space(v, &s[0], true, false);
	for (u32 i = 0; i < ARRAY_SIZE(s); i++) {
		sim_load_cr3(v, s[i].cr3);
		sim_expect_ok(v, MODE_GVA, MMU_R, 0x20000 + (i << PAGE_SHIFT));
	}
	built = root_builds();
	made = pages_made();
	for (u32 i = 0; i < 20 * ARRAY_SIZE(s); i++) {
		sim_load_cr3(v, s[i % ARRAY_SIZE(s)].cr3);
		sim_expect_ok(v, MODE_GVA, MMU_R, 0x20000 + (i % ARRAY_SIZE(s) << PAGE_SHIFT));
	}
	assert_int_equal(root_builds(), built);
	assert_int_equal(pages_made(), made);
	modes_stop();
}

/*
 * S0.4: from a root of PAE mode to one of long mode and back is a hit, and costs the others
 * nothing: what is found leaves no second copy behind.
 */
static void the_cache_is_searched_from_every_root(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space others[10], s[SIM_MODES];
	u64 built, hits, missed;

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	for (u32 i = 0; i < ARRAY_SIZE(others); i++) {
		others[i] = modes_space(i & 1 ? SIM_LM4 : SIM_PAE, 0x30000);
		sim_set_space(v, &others[i], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, 0x30000);
	}
	for (u32 i = 0; i < 4; i++) {
		change_mode(v, &s[i & 1 ? SIM_LM4 : SIM_PAE], false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(i & 1 ? SIM_LM4 : SIM_PAE));
	}
	built = root_builds();
	hits = sim_stat(MMU_STAT_ROOT_HIT);
	missed = sim_stat(MMU_STAT_ROOT_MISS);
	for (u32 i = 0; i < 1000; i++) {
		sim_set_space(v, &s[i & 1 ? SIM_LM4 : SIM_PAE], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(i & 1 ? SIM_LM4 : SIM_PAE));
	}
	assert_int_equal(sim_stat(MMU_STAT_ROOT_MISS), missed);
	assert_int_equal(sim_stat(MMU_STAT_ROOT_HIT), hits + 1000);
	for (u32 i = 0; i < ARRAY_SIZE(others); i++) {
		sim_set_space(v, &others[i], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, 0x30000);
	}
	assert_int_equal(root_builds(), built);
	modes_stop();
}

/* The bits of one register go to and fro; only the first round may build. */
static void toggle(struct sim_vcpu *v, enum sim_mode mode, u64 cr0, u64 cr4, u64 efer)
{
	enum mmu_reg_write what = cr0 ? MMU_WROTE_CR0 : cr4 ? MMU_WROTE_CR4 : MMU_WROTE_EFER;
	u64 built = 0, made = 0;

	for (u32 i = 0; i < 64; i++) {
		struct mmu_regs r = v->regs;

		r.cr0 ^= cr0;
		r.cr4 ^= cr4;
		r.efer ^= efer;
		assert_true(sim_write_regs(v, &r, what));
		sim_expect_ok(v, MODE_GVA, MMU_R | MMU_U, MODE_GPA(mode));
		if (i == 1) {
			built = root_builds();
			made = pages_made();
		}
	}
	assert_int_equal(root_builds(), built);
	assert_int_equal(pages_made(), made);
}

/* These bits of CR4 the other way round. */
static void set_cr4(struct sim_vcpu *v, u64 bits)
{
	struct mmu_regs r = v->regs;

	r.cr4 ^= bits;
	assert_true(sim_write_regs(v, &r, MMU_WROTE_CR4));
}

/* S0.11: changes of the role are look-ups, never the end of a root. */
static void a_toggle_of_rights_builds_nothing(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	for (u32 m = SIM_32; m < SIM_MODES; m++) {
		sim_set_space(v, &s[m], true, true);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
		toggle(v, m, CR0_WP, 0, 0);
		toggle(v, m, 0, CR4_PGE, 0);
		toggle(v, m, 0, CR4_SMEP, 0);
		toggle(v, m, 0, CR4_SMAP, 0);
		toggle(v, m, 0, CR4_SMEP | CR4_SMAP | CR4_PGE, 0);
		toggle(v, m, 0, 0, EFER_NXE);
	}
	modes_stop();
}

/* S1.7: what hardware checks by itself holds from the write on, in the root that is there: in the
 * shadow of a guest that had no protection keys, too. */
static void rights_of_hardware_need_no_other_root(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_access a = { .gva = MODE_GVA, .access = MMU_R | MMU_U, .size = 8 };
	struct sim_space s;
	struct sim_out out;
	u64 pte;

	(void)state;
	modes_start(1, NULL);
	s = modes_space(SIM_LM4, MODE_GPA(SIM_LM4));
	pte = sim_pte(&s, MODE_GVA, 1);
	sim_poke(pte, sim_peek(pte, 8) | 3ULL << 59, 8);
	sim_set_space(v, &s, true, true);
	sim_expect_ok(v, MODE_GVA, MMU_R | MMU_U, MODE_GPA(SIM_LM4));
	toggle(v, SIM_LM4, 0, CR4_PKE, 0);
	set_cr4(v, CR4_PKE | CR4_SMEP | CR4_SMAP);
	sim_expect_ok(v, MODE_GVA, MMU_R | MMU_U, MODE_GPA(SIM_LM4));
	sim_expect_pf(v, MODE_GVA, MMU_R, PFEC_P);
	sim_expect_pf(v, MODE_GVA, MMU_X, PFEC_P | PFEC_F);
	a.pkru = BIT32(2 * 3);
	out = sim_access(v, &a);
	assert_int_equal(out.end, SIM_PF);
	assert_int_equal(out.error, PFEC_P | PFEC_U | PFEC_PK);
	set_cr4(v, CR4_PKE | CR4_SMEP | CR4_SMAP);
	sim_expect_ok(v, MODE_GVA, MMU_R | MMU_X, MODE_GPA(SIM_LM4));
	assert_int_equal(root_builds(), 1);
	modes_stop();
}

/* S1.7: one bit of one register may be another format: CR3 then names another root, of entries that
 * are read and latched in another way. */
static void one_bit_may_be_another_format(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s = { .mode = SIM_32 };
	struct mmu_regs paged, r;

	(void)state;
	modes_start(1, NULL);
	s.cr3 = shared_root();
	for (u32 i = 0; i < 4; i++) {
		sim_set_space(v, &s, true, false);
		at_shared_root(v, SIM_32, true);
		set_cr4(v, CR4_PSE);
		at_shared_root(v, SIM_PSE, true);
		set_cr4(v, CR4_PSE);
		at_shared_root(v, SIM_32, true);
		set_cr4(v, CR4_PAE);
		at_shared_root(v, SIM_PAE, true);
		r = paged = v->regs;
		r.cr0 &= ~CR0_PG;
		assert_true(sim_write_regs(v, &r, MMU_WROTE_CR0));
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GVA);
		set_cr4(v, CR4_PAE);
		r = v->regs;
		r.cr0 = paged.cr0;
		assert_true(sim_write_regs(v, &r, MMU_WROTE_CR0));
		at_shared_root(v, SIM_32, true);
	}
	modes_stop();
}

/* --- the end of a root (S0.5, S0.6, S0.7) ----------------------------------------------------- */

/* S0.5: with one root in all, each is freed in the mode of the next. */
static void a_root_is_freed_as_what_it_is(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];
	u32 low;

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	keep_roots(1);
	for (u32 i = 0; i < SIM_MODES * SIM_MODES; i++) {
		u32 from = i / SIM_MODES, to = i % SIM_MODES;

		sim_set_space(v, &s[from], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(from));
		sim_set_space(v, &s[to], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(to));
		low = MODES_LOW - low_nr_free();
		assert_int_equal(low, to < SIM_LM4);
	}
	modes_stop();
}

/* The context is in another mode for as long as a root is on its way out. */
static void other_mode(void *arg)
{
	struct mmu_ctx *c = arg;
	struct mmu_regs r = c->regs;
	bool lm = c->regs.efer & EFER_LMA;

	r.cr0 |= CR0_PE | CR0_PG;
	r.cr4 |= CR4_PAE;
	r.efer = lm ? 0 : EFER_LME | EFER_LMA;
	c->role = role_cpu(&r, c->caps);
}

/* S0.6: what a root is does not follow from what the mode is when it goes. */
static void the_mode_at_the_end_does_not_matter(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	keep_roots(1);
	for (u32 i = 0; i < SIM_MODES * SIM_MODES; i++) {
		u32 from = i / SIM_MODES, to = i % SIM_MODES;

		sim_set_space(v, &s[from], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(from));
		sim_hook(HOOK_BEFORE_ROOT_PUT, other_mode, &v->ctx);
		sim_set_space(v, &s[to], true, false);
		v->ctx.role = role_cpu(&v->ctx.regs, v->ctx.caps);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(to));
		assert_int_equal(MODES_LOW - low_nr_free(), to < SIM_LM4);
	}
	modes_stop();
}

/*
 * S0.7: only the tag says what a root is: PAE roots with any of their four entries absent are no
 * roots of one table, and no PDPT is taken for a shadow page.
 */
static void a_root_is_known_by_its_tag(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	for (u32 mask = 0; mask < 16; mask++) {
		struct sim_space pae = sim_space_new(SIM_PAE);

		for (u32 i = 0; i < 4; i++)
			if (mask & BIT32(i))
				sim_map(&pae, (u64)i << 30, 0x30000 + (i << PAGE_SHIFT),
					P_ | W_ | A_, 1);
		sim_set_space(v, &pae, true, false);
		for (u32 i = 0; i < 4; i++) {
			if (mask & BIT32(i))
				sim_expect_ok(v, (u64)i << 30, MMU_R, 0x30000 + (i << PAGE_SHIFT));
			else
				sim_expect_pf(v, (u64)i << 30, MMU_R, 0);
		}
		assert_int_equal(sp_of_hpa(mmu_ctx_root(&v->ctx)), 0);
	}
	for (u32 m = 0; m < SIM_MODES; m++) {
		sim_set_space(v, &s[m], true, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
		assert_int_equal(sp_of_hpa(mmu_ctx_root(&v->ctx)) != 0, m >= SIM_LM4);
	}
	modes_stop();
}

/* --- building when it is needed (S0.10) ------------------------------------------------------- */

static bool refuse(enum mmu_hook h)
{
	return h == HOOK_ALLOC;
}

/* S0.10: MOV CR3 needs no memory; the entry that has none changes nothing and can be repeated. */
static void a_root_is_built_at_the_next_entry(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];
	struct mmu_regs before;
	u64 built;

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	for (u32 m = 0; m < SIM_MODES; m++) {
		built = root_builds();
		res_drop(&sim.vm, &v->ctx.res);
		sim.any_hook = refuse;
		sim_set_space(v, &s[m], true, false);
		before = v->ctx.regs;
		assert_int_equal(sim_do(v, MODE_GVA, MMU_R).end, SIM_NOMEM);
		assert_int_equal(root_builds(), built);
		assert_memory_equal(&v->ctx.regs, &before, sizeof(before));
		sim_audit();
		sim.any_hook = NULL;
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
		assert_int_equal(root_builds(), built + 1);
	}
	modes_stop();
}

/* --- obsolete roots (S0.13) ------------------------------------------------------------------- */

/* S0.13: a parked root that was dropped meanwhile is not found again, nor is a current one used. */
static void an_obsolete_root_is_never_used_again(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];
	u64 hits;

	(void)state;
	modes_start(1, NULL);
	modes_spaces(s);
	for (u32 m = 0; m < SIM_MODES; m++)
		for (u32 other = 0; other < SIM_MODES; other++) {
			sim_set_space(v, &s[m], true, false);
			sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
			sim_set_space(v, &s[other], true, false);
			sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(other));
			mmu_shadow_zap_all(&sim.vm);
			hits = sim_stat(MMU_STAT_ROOT_HIT);
			sim_set_space(v, &s[m], true, false);
			sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
			assert_int_equal(sim_stat(MMU_STAT_ROOT_HIT), hits);
			sim_audit();
		}
	modes_stop();
}

/* --- what goes with a root (S0.14) ------------------------------------------------------------ */

static struct sim_out read_as(struct sim_vcpu *v, bool user)
{
	return sim_do(v, MODE_GVA, MMU_R | (user ? MMU_U : 0));
}

/* S0.14: an address that led to a device or to other memory in one address space leads where the
 * next one says, also where the guest asks to keep its TLB. */
static void nothing_of_the_other_root_is_left(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space dev, ram;
	struct mmu_regs r;

	(void)state;
	modes_start(1, NULL);
	dev = modes_space(SIM_LM4, DEVICE_GPA);
	ram = modes_space(SIM_LM4, 0x20000);
	sim_map(&dev, MODE_GVA + PAGE_SIZE, 0x21000, P_ | W_ | U_ | A_ | D_, 1);
	sim_map(&ram, MODE_GVA + PAGE_SIZE, 0x22000, P_ | W_ | U_ | A_ | D_, 1);
	sim_set_space(v, &dev, true, false);
	r = v->regs;
	r.cr4 |= CR4_PCIDE;
	assert_true(sim_write_regs(v, &r, MMU_WROTE_CR4));
	for (u32 i = 0; i < 16; i++) {
		u64 keep = i & 1 ? 0 : CR3_NOFLUSH;

		sim_load_cr3(v, dev.cr3 | 1 | keep);
		assert_int_equal(read_as(v, false).end, SIM_MMIO);
		sim_expect_ok(v, MODE_GVA + PAGE_SIZE, MMU_R, 0x21000);
		sim_load_cr3(v, ram.cr3 | 2 | keep);
		sim_expect_ok(v, MODE_GVA, MMU_R, 0x20000);
		sim_expect_ok(v, MODE_GVA + PAGE_SIZE, MMU_R, 0x22000);
	}
	modes_stop();
}

/* Nor does it lead to a device under rights that have changed without a change of the root. */
static void a_device_is_not_reached_under_other_rights(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space dev;
	struct mmu_regs r;

	(void)state;
	modes_start(1, NULL);
	dev = modes_space(SIM_LM4, DEVICE_GPA);
	sim_set_space(v, &dev, true, false);
	assert_int_equal(read_as(v, false).end, SIM_MMIO);
	r = v->regs;
	r.cr4 |= CR4_SMAP;
	assert_true(sim_write_regs(v, &r, MMU_WROTE_CR4));
	sim_expect_pf(v, MODE_GVA, MMU_R, PFEC_P);
	modes_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_root_is_chosen_by_its_whole_key),
		cmocka_unit_test(the_order_of_mode_and_cr3_does_not_matter),
		cmocka_unit_test(pae_processes_keep_their_roots),
		cmocka_unit_test(the_cache_is_searched_from_every_root),
		cmocka_unit_test(a_toggle_of_rights_builds_nothing),
		cmocka_unit_test(rights_of_hardware_need_no_other_root),
		cmocka_unit_test(one_bit_may_be_another_format),
		cmocka_unit_test(a_root_is_freed_as_what_it_is),
		cmocka_unit_test(the_mode_at_the_end_does_not_matter),
		cmocka_unit_test(a_root_is_known_by_its_tag),
		cmocka_unit_test(a_root_is_built_at_the_next_entry),
		cmocka_unit_test(an_obsolete_root_is_never_used_again),
		cmocka_unit_test(nothing_of_the_other_root_is_left),
		cmocka_unit_test(a_device_is_not_reached_under_other_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
