/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* CFLAGS: -DMMU_LEVEL_BITS=2 */
/*
 * Every interleaving of two vCPUs, with a bound on preemptions, where the rules of the shadow meet:
 * fetch, unsync, root switch, freeing. Argument: the bound.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mmu/geom.h"
#include "tests/host/mmu_ref.h"
#include "tests/sim/sched.h"
#include "tests/sim/sim.h"

#define BITS   (P_ | W_ | U_ | A_ | D_)
#define VA     0x1000ULL  /* index 1 of its leaf table */
#define NEAR   0x2000ULL  /* the same leaf table */
#define WINDOW 0x10000ULL /* the tables of VA: leaf table, then the directory above it */
#define DATA   0x18000ULL
#define MORE   0x19000ULL
#define LIMIT  2000000ULL

static struct sim_space one, two;
static u64 pte, pde; /* of VA, where they are */

#define V0 (&sim.vcpu[0])
#define V1 (&sim.vcpu[1])

static void machine(enum sim_mode mode, u32 pool)
{
	sim_start(&(struct sim_cfg){ .cpus = 2, .vcpus = 2, .pool = pool });
	sim_tables_at(1);
	one = sim_space_new(mode);
	sim_map(&one, VA, DATA, BITS, 1);
	sim_map(&one, NEAR, DATA, BITS, 1);
	pte = sim_pte(&one, VA, 1);
	pde = sim_pte(&one, VA, 2);
	sim_map(&one, WINDOW, pte & ~0xfffULL, BITS, 1);
	sim_map(&one, WINDOW + 0x1000, pde & ~0xfffULL, BITS, 1);
	sim_set_space(V0, &one, true, true);
	sim_set_space(V1, &one, true, true);
}

static void store_pte(u64 value)
{
	sim_store(V1, WINDOW + pte % PAGE_SIZE, value, 8);
}

static void store_pde(u64 value)
{
	sim_store(V1, WINDOW + 0x1000 + pde % PAGE_SIZE, value, 8);
}

/* After a flush of both, each sees what memory says; nothing is lost. */
static void settle(void)
{
	static const u64 where[] = { VA, NEAR, WINDOW, WINDOW + 0x1000 };

	for (u32 i = 0; i < 2; i++) {
		struct sim_vcpu *v = &sim.vcpu[i];

		sim_load_cr3(v, v->regs.cr3);
		for (u32 k = 0; k < ARRAY_SIZE(where); k++)
			sim_do(v, where[k], k & 1 ? MMU_W : MMU_R);
	}
	sim_reconcile();
	sim_audit();
	sim_stop();
}

/* --- scenes ----------------------------------------------------------------------------------- */

static void long_mode(void)
{
	machine(SIM_LM4, 120);
}

static void pae(void)
{
	machine(SIM_PAE, 120);
}

static void reads(void)
{
	sim_do(V0, VA, MMU_R);
	sim_do(V0, NEAR, MMU_W);
}

static void rewrites_leaf(void)
{
	store_pte(MORE | BITS);
	sim_invlpg(V1, VA);
	sim_do(V1, VA, MMU_R);
}

static void rewrites_directory(void)
{
	store_pde(0);
	store_pde(sim_table_alloc() | BITS);
	sim_invlpg(V1, VA);
	sim_do(V1, VA, MMU_R);
}

/* Both write to the leaf table, so that it goes out of sync and comes back. */
static void writes_leaf_table(void)
{
	sim_store(V0, WINDOW + sim_pte(&one, NEAR, 1) % PAGE_SIZE, MORE | BITS, 8);
	sim_invlpg(V0, NEAR);
	sim_do(V0, NEAR, MMU_R);
}

static void other_space(void)
{
	machine(SIM_LM4, 120);
	two = sim_space_new(SIM_LM4);
	sim_map(&two, VA, MORE, BITS, 1);
	/* The leaf table of the first is data of the second. */
	sim_map(&two, NEAR, pte & ~0xfffULL, BITS, 1);
}

static void switches(void)
{
	sim_do(V0, VA, MMU_R);
	sim_load_cr3(V0, two.cr3);
	sim_store(V0, NEAR + pte % PAGE_SIZE, MORE | BITS, 8);
	sim_load_cr3(V0, one.cr3);
	sim_do(V0, VA, MMU_R);
}

static void tight(void)
{
	other_space();
	sim.refused = true; /* SIM_NOMEM is an answer */
}

static void frees(void)
{
	struct sim_turn t = sim_elsewhere();

	mmu_shadow_zap_all(&sim.vm);
	mmu_unshadow(&sim.vm, GFN(pte >> PAGE_SHIFT));
	sim_cpu_back(t);
}

/* The other vCPU has written to both tables already: it can do so again without anybody's help. */
static void writer_is_warm(void)
{
	machine(SIM_LM4, 120);
	sim_store(V1, WINDOW + 0xff0, 0, 8);
	sim_store(V1, WINDOW + 0x1ff0, 0, 8);
}

/* The same, but the guest has since taken the right to write away, and flushed nothing. */
static void writer_is_warm_and_late(void)
{
	writer_is_warm();
	sim_dma(sim_pte(&one, WINDOW + 0x1000, 1), (pde & ~0xfffULL) | P_ | A_, 8, SIM_BY_WRITE);
}

/* The leaf table is out of sync, and the writer can write to it. */
static void writer_is_warm_below(void)
{
	machine(SIM_LM4, 120);
	sim_do(V0, VA, MMU_R);
	store_pte(DATA | BITS);
}

static void flushes(void)
{
	sim_load_cr3(V0, one.cr3);
	sim_do(V0, VA, MMU_R);
}

static void large_page(void)
{
	machine(SIM_LM4, 120);
	/* Four frames, of which the second is the leaf table of VA. */
	sim_map(&one, 0x20000, ALIGN_DOWN(pte, 0x4000ULL), BITS, 2);
}

static void uses_large_page(void)
{
	sim_store(V1, 0x20000 + pte % 0x4000, MORE | BITS, 8);
	sim_invlpg(V1, VA);
	sim_do(V1, VA, MMU_R);
}

static void edits_pdpt(void)
{
	sim_dma(one.cr3, sim_table_alloc() | P_, 8, SIM_BY_WRITE);
	sim_load_cr3(V1, one.cr3);
	sim_do(V1, VA, MMU_R);
}

static void reloads(void)
{
	sim_do(V0, VA, MMU_R);
	sim_load_cr3(V0, one.cr3);
	sim_do(V0, VA, MMU_W);
}

static void removes_slot(void)
{
	struct sim_turn t = sim_elsewhere();

	sim_check(sim_slot_remove(2) == 0, "slot");
	sim_cpu_back(t);
}

static void uses_slot(void)
{
	sim_do(V0, 0x21000, MMU_W);
	sim_do(V0, 0x21000, MMU_R);
}

static void slot_page(void)
{
	machine(SIM_LM4, 120);
	sim_map(&one, 0x21000, 41ULL << PAGE_SHIFT, BITS, 1);
}

static const struct sched_scene scenes[] = {
	{ "fetch, leaf rewritten", long_mode, { reads, rewrites_leaf }, { 0, 1 }, settle },
	{ "fetch, directory rewritten",
	  long_mode,
	  { reads, rewrites_directory },
	  { 0, 1 },
	  settle },
	{ "fetch, PAE", pae, { reads, rewrites_leaf }, { 0, 1 }, settle },
	{ "unsync, two writers",
	  long_mode,
	  { writes_leaf_table, rewrites_leaf },
	  { 0, 1 },
	  settle },
	{ "root switch", other_space, { switches, rewrites_leaf }, { 0, 1 }, settle },
	{ "PDPT edited", pae, { reloads, edits_pdpt }, { 0, 1 }, settle },
	{ "large page over a table", large_page, { reads, uses_large_page }, { 0, 1 }, settle },
	{ "freed while in use", tight, { switches, frees }, { 0, 2 }, settle },
	{ "freed, two at work", tight, { reads, rewrites_leaf, frees }, { 0, 1, 2 }, settle },
	{ "stale writer, fetch", writer_is_warm, { reads, rewrites_directory }, { 0, 1 }, settle },
	{ "stale writer without the right",
	  writer_is_warm_and_late,
	  { reads, rewrites_directory },
	  { 0, 1 },
	  settle },
	{ "stale writer, sync",
	  writer_is_warm_below,
	  { flushes, rewrites_leaf },
	  { 0, 1 },
	  settle },
	{ "slot removed", slot_page, { uses_slot, removes_slot }, { 0, 2 }, settle },
};

int main(int argc, char **argv)
{
	u32 bound = argc > 1 ? (u32)atoi(argv[1]) : 3;

	ref_level_bits = MMU_LEVEL_BITS;
	setlinebuf(stdout);
	for (u32 i = 0; i < ARRAY_SIZE(scenes); i++) {
		struct sched_result r = sched_explore(&scenes[i], bound, LIMIT);

		printf("# %s: %llu schedules, at most %llu points%s\n", scenes[i].name,
		       (unsigned long long)r.runs, (unsigned long long)r.points,
		       r.all ? "" : ", not all");
	}
	return 0;
}
