/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/*
 * Events of shadow paging, counted on the simulated machine: what a guest's habits cost in roots
 * built, pages made, entries read. Prints one "name value" a line for tests/bench/bench.py.
 *
 * With an argument it only makes so many warm faults (tables there, leaf entry absent), for a run
 * under callgrind.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/mmu_ref.h"
#include "tests/sim/sim.h"

#define SPACES   16
#define ROUNDS   1000
#define TOGGLES  100000
#define PAGES    64
#define PAGE_GVA 0x400000ULL
#define TARGET   0x800000ULL
#define LEAF     (P_ | W_ | U_ | A_ | D_)

static const struct sim_slot slots[] = {
	{ .gfn = 0, .nr = 8192, .hfn = SIM_RAM >> PAGE_SHIFT, .kind = SLOT_RAM },
	{ 0 },
};

static struct sim_vcpu *const v = &sim.vcpu[0];

static void machine(void)
{
	sim_start(&(struct sim_cfg){ .cpus = 1, .vcpus = 1, .slots = slots });
	sim.keep = SIM_KEEP_NOTHING;
	sim_tables_at(16);
}

static struct sim_space space(enum sim_mode mode, u32 n)
{
	struct sim_space s = sim_space_new(mode);

	for (u64 i = 0; i < PAGES; i++)
		sim_map(&s, PAGE_GVA + (i << PAGE_SHIFT), TARGET + ((n + i) << PAGE_SHIFT), LEAF,
			1);
	return s;
}

/* Processes in turn: roots built after each has run once. */
static void round_robin(enum sim_mode mode, const char *name)
{
	struct sim_space s[SPACES];
	u64 built = 0, made = 0;

	machine();
	for (u32 i = 0; i < SPACES; i++)
		s[i] = space(mode, i);
	sim_set_space(v, &s[0], true, true);
	for (u32 round = 0; round < ROUNDS; round++) {
		if (round == 1) {
			built = sim_stat(MMU_STAT_ROOT_BUILD);
			made = sim_stat(MMU_STAT_SP_ALLOC);
		}
		for (u32 i = 0; i < SPACES; i++) {
			sim_load_cr3(v, s[i].cr3);
			sim_expect_ok(v, PAGE_GVA, MMU_R | MMU_U, TARGET + (i << PAGE_SHIFT));
		}
	}
	printf("%s_roots_built %llu\n", name,
	       (unsigned long long)(sim_stat(MMU_STAT_ROOT_BUILD) - built));
	printf("%s_pages_made %llu\n", name,
	       (unsigned long long)(sim_stat(MMU_STAT_SP_ALLOC) - made));
	sim_stop();
}

/* CR0.WP on and off: shadow pages made after each state was seen once. */
static void toggle_wp(void)
{
	struct sim_space s;
	struct mmu_regs r;
	u64 made = 0;

	machine();
	s = space(SIM_LM4, 0);
	sim_set_space(v, &s, true, true);
	for (u32 i = 0; i < TOGGLES; i++) {
		if (i == 2)
			made = sim_stat(MMU_STAT_SP_ALLOC);
		r = v->regs;
		r.cr0 ^= CR0_WP;
		if (!sim_write_regs(v, &r, MMU_WROTE_CR0))
			abort();
		sim_expect_ok(v, PAGE_GVA, MMU_R, TARGET);
	}
	printf("wp_pages_made %llu\n", (unsigned long long)(sim_stat(MMU_STAT_SP_ALLOC) - made));
	sim_stop();
}

static u64 walks;

static bool count_walk(enum mmu_hook h)
{
	walks += h == HOOK_AFTER_WALK;
	return false;
}

/* Entries of the guest that faults have read: walks read one of each level. */
static u64 entries_read(void)
{
	return sim_stat(MMU_STAT_GUEST_READ) + walks * sim_levels(SIM_LM4);
}

/* A process of 64 pages is there, with all its tables; the first fault has built them. Returns what
 * that one read. */
static u64 warm_up(struct sim_space *s)
{
	u64 cold = 0;

	machine();
	sim.any_hook = count_walk;
	walks = 0;
	*s = space(SIM_LM4, 0);
	sim_set_space(v, s, true, true);
	for (u32 i = 0; i < PAGES; i++) {
		sim_expect_ok(v, PAGE_GVA + ((u64)i << PAGE_SHIFT), MMU_R,
			      TARGET + (i << PAGE_SHIFT));
		if (i == 0)
			cold = entries_read();
	}
	return cold;
}

/* Leaf entries that the guest stores again and then uses: each is a fault with all tables there. */
static void warm_faults(const struct sim_space *s, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		u64 page = (u64)(i % (PAGES / 8)) * 8 << PAGE_SHIFT;
		u64 pte = sim_pte(s, PAGE_GVA + page, 1);

		if (!sim_dma(pte, sim_peek(pte, 8), 8, SIM_BY_WRITE))
			abort();
		sim_invlpg(v, PAGE_GVA + page);
		sim_expect_ok(v, PAGE_GVA + page, MMU_R, TARGET + page);
	}
}

static void reads_per_fault(void)
{
	struct sim_space s;
	u64 cold = warm_up(&s), faults = sim_stat(MMU_STAT_SHADOW_FIXED), reads = entries_read();

	warm_faults(&s, ROUNDS);
	faults = sim_stat(MMU_STAT_SHADOW_FIXED) - faults;
	reads = entries_read() - reads;
	printf("warm_faults %llu\n", (unsigned long long)faults);
	printf("reads_per_fault %.2f\n", (double)reads / (double)faults);
	printf("reads_of_first_fault %llu\n", (unsigned long long)cold);
	sim_stop();
}

int main(int argc, char **argv)
{
	ref_level_bits = MMU_LEVEL_BITS;
	if (argc > 1) {
		struct sim_space s;

		(void)warm_up(&s);
		warm_faults(&s, (u32)strtoul(argv[1], NULL, 10));
		return 0;
	}
	round_robin(SIM_LM4, "lm4");
	round_robin(SIM_PAE, "pae");
	toggle_wp();
	reads_per_fault();
	return 0;
}
