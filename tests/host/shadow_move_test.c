/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* Roots whose ground moves: slots that come and go below them, and their number. */
#include "shadow_modes.h"

/* A second part of memory, for tables; not there at first. */
#define PART_SLOT 3
#define PART_GFN  0x8000ULL

static const struct sim_slot part = {
	.gfn = PART_GFN, .nr = 64, .hfn = (SIM_RAM >> PAGE_SHIFT) + 8192, .kind = SLOT_RAM
};

/* The simulator clears memory that goes. It comes back with what was in it. */
static u8 saved[64 * PAGE_SIZE];

static void start(void)
{
	modes_start(1, NULL);
	memset(saved, 0, sizeof(saved));
}

static void other_cpu(void (*fn)(void))
{
	struct sim_turn t = sim_elsewhere();

	fn();
	sim_cpu_back(t);
}

static void *part_memory(void)
{
	return env_sim.mem + (part.hfn << PAGE_SHIFT);
}

static void add_part(void)
{
	memcpy(part_memory(), saved, sizeof(saved));
	assert_int_equal(sim_slot_add(PART_SLOT, &part), 0);
}

static void remove_part(void)
{
	memcpy(saved, part_memory(), sizeof(saved));
	assert_int_equal(sim_slot_remove(PART_SLOT), 0);
}

/* --- slots ------------------------------------------------------------------------------------ */

/* A root may name tables where no memory is: what is read there is all ones, as the guest sees it;
 * and when memory comes, the tables in it are what counts, and are watched. */
static void a_root_may_lie_outside_memory(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space flat = { .mode = SIM_NONE };

	(void)state;
	for (u32 m = SIM_32; m < SIM_MODES; m++) {
		struct sim_space s;
		u64 top, entry;

		if (m == SIM_PAE)
			continue; /* PDPTEs that read as ones are a #GP: see below */
		start();
		add_part();
		sim_tables_at(PART_GFN);
		s = modes_space(m, MODE_GPA(m));
		top = sim_pte(&s, MODE_GVA, sim_levels(m));
		remove_part();
		sim_set_space(v, &s, true, false);
		assert_int_not_equal(sim_do(v, MODE_GVA, MMU_R).end, SIM_OK);
		sim_audit();
		other_cpu(add_part);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
		/* A store to it is seen, although nobody froze it when there was no memory. */
		entry = sim_peek(top, sim_pte_size(m));
		assert_true(sim_dma(top, 0, sim_pte_size(m), SIM_BY_WRITE));
		sim_invlpg(v, MODE_GVA);
		sim_expect_pf(v, MODE_GVA, MMU_R, 0);
		assert_true(sim_dma(top, entry, sim_pte_size(m), SIM_BY_WRITE));
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
		sim_audit();
		other_cpu(remove_part);
		sim_invlpg(v, MODE_GVA);
		assert_int_not_equal(sim_do(v, MODE_GVA, MMU_R).end, SIM_OK);
		sim_set_space(v, &flat, false, false);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GVA);
		modes_stop();
	}
}

/* PDPTEs are latched: without memory they cannot be loaded, but what was loaded stays. */
static void latched_pdptes_outlive_their_memory(void **state)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s;
	struct mmu_regs r;
	u64 e;

	(void)state;
	start();
	s = modes_space(SIM_PAE, 0x20000);
	e = sim_peek(s.cr3, 8);
	add_part();
	s.cr3 = PART_GFN << PAGE_SHIFT;
	sim_poke(s.cr3, e, 8);
	sim_set_space(v, &s, true, false);
	sim_expect_ok(v, MODE_GVA, MMU_R, 0x20000);
	other_cpu(remove_part);
	sim_expect_ok(v, MODE_GVA, MMU_R, 0x20000);
	r = v->regs;
	assert_false(sim_write_regs(v, &r, MMU_WROTE_CR3));
	sim_expect_ok(v, MODE_GVA, MMU_R, 0x20000);
	modes_stop();
}

/* --- tuning ----------------------------------------------------------------------------------- */

/* Whatever number of roots is asked for: each context, also a new one, keeps 1 to 16. */
static void the_number_of_roots_is_bounded(void **state)
{
	static const u8 asked[] = { 0, 1, 2, RCACHE_NR + 1, RCACHE_NR + 2, 255 };
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];

	(void)state;
	start();
	modes_spaces(s);
	for (u32 i = 0; i < ARRAY_SIZE(asked); i++) {
		struct mmu_tune t = sim.vm.shadow.tune;
		struct mmu_ctx c;
		struct mmu_tag tag;

		for (u32 m = 0; m < SIM_MODES; m++) {
			sim_set_space(v, &s[m], true, false);
			sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(m));
		}
		t.roots = asked[i];
		mmu_shadow_tune(&sim.vm, &t);
		sim_audit();
		mmu_tag_register(&sim.vm, &tag, 0);
		assert_int_equal(mmu_ctx_init(&c, &sim.vm, &tag, &v->caps), 0);
		assert_in_range(c.cache.limit, 0, RCACHE_NR);
		assert_int_equal(c.cache.limit, v->ctx.cache.limit);
		mmu_ctx_fini(&c);
		mmu_tag_unregister(&sim.vm, &tag);
		sim_expect_ok(v, MODE_GVA, MMU_R, MODE_GPA(SIM_MODES - 1));
	}
	modes_stop();
}

/* Accesses, changes of entries and of modes. Returns what the guest has seen of it, and
 * what its tables are then. */
static u64 guest_story(const struct mmu_tune *t)
{
	struct sim_vcpu *v = &sim.vcpu[0];
	struct sim_space s[SIM_MODES];
	u64 seed = 1, hash = 0;

	start();
	sim.keep = SIM_KEEP_NOTHING;
	mmu_shadow_tune(&sim.vm, t);
	modes_spaces(s);
	for (u32 m = SIM_32; m < SIM_MODES; m++) {
		sim_map(&s[m], 0x800000, 0x400000, P_ | W_ | U_, m == SIM_32 ? 1 : 2);
		for (u64 i = 0; i < 4; i++)
			sim_map(&s[m], i << PAGE_SHIFT, MODE_GPA(m) + (i << 20), P_ | U_, 1);
	}
	for (u32 step = 0; step < 3000; step++) {
		u64 r = test_random(&seed) >> 8;
		enum sim_mode m = SIM_32 + r % (SIM_MODES - SIM_32);
		u64 gva = (r >> 3) % 4 << PAGE_SHIFT, pte = sim_pte(&s[m], gva, 1);
		struct sim_out out;

		sim_set_space(v, &s[m], r & BIT(10), r & BIT(11));
		if (r & BIT(12)) {
			u64 e = sim_peek(pte, sim_pte_size(m)) ^ (r >> 20 & (P_ | W_ | U_ | D_));

			assert_true(sim_dma(pte, e, sim_pte_size(m), SIM_BY_WRITE));
			sim_invlpg(v, gva);
		}
		out = sim_do(v, r & BIT(13) ? gva : 0x800000 + (r >> 30 & 0xff000),
			     (r & BIT(14)   ? MMU_W
			      : r & BIT(15) ? MMU_X
					    : MMU_R) |
				     (r & BIT(16) ? MMU_U : 0));
		hash = (hash ^ out.end ^ out.gpa ^ (u64)out.error << 40) * 0x100000001b3;
		hash ^= sim_peek(pte, sim_pte_size(m)) * 3;
	}
	for (u64 gpa = TABLES_AT << PAGE_SHIFT; gpa < (TABLES_AT + 40) << PAGE_SHIFT; gpa += 8)
		hash = (hash ^ sim_peek(gpa, 8)) * 0x100000001b3;
	modes_stop();
	return hash;
}

/* S0.1: filters and other optimisations decide about cost; a guest cannot see them. */
static void a_guest_cannot_see_how_it_is_tuned(void **state)
{
	u64 want = 0;

	(void)state;
	for (u32 i = 0; i < 64; i++) {
		u64 got = guest_story(&(struct mmu_tune){ .unsync = i & 1,
							  .huge = i & 2,
							  .by_links = i & 4,
							  .prefetch = i & 8 ? 8 : 1,
							  .roots = i & 16 ? 16 : 1,
							  .flood = i & 32 ? 3 : 0 });

		if (i == 0)
			want = got;
		assert_int_equal(got, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_root_may_lie_outside_memory),
		cmocka_unit_test(latched_pdptes_outlive_their_memory),
		cmocka_unit_test(the_number_of_roots_is_bounded),
		cmocka_unit_test(a_guest_cannot_see_how_it_is_tuned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
