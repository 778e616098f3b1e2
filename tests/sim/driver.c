/* SPDX-License-Identifier: BSD-2-Clause */
/* The random driver: episodes, operations, and what happens in hooks. Choices are in choice.c. */
#include "tests/sim/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/choice.h"
#include "tests/sim/sim.h"

typedef unsigned long long ull;

#define MAX_REWRITES 8

static struct {
	struct driver_options o;
	u64 op, allocs;
	u32 rewrites; /* at most MAX_REWRITES in an operation: actions in the midst of a walk */
	bool refuse;  /* allocations, now and then */
	bool refusing;
	bool wild;  /* a device writes to tables and tells nobody: only damage counts */
	bool modes; /* modes change */
	u64 ends[SIM_STUCK + 1], faults, emulated;
} run;

/* --- operations of a vCPU --------------------------------------------------------------------- */

static void do_access(struct sim_vcpu *v, const struct sim_access *a)
{
	struct sim_out out;

	sim_log("%llu vCPU %u access %#x of %#llx value %#llx", (ull)run.op, v->id, a->access,
		(ull)a->gva, (ull)a->value);
	out = sim_access(v, a);
	if (out.end == SIM_NOMEM && !run.refuse) {
		/* Nothing has happened, and once there is memory it succeeds. */
		run.refusing = sim.refused = false;
		run.ends[SIM_NOMEM]++;
		out = sim_access(v, a);
	}
	sim_log("  gives %u gpa %#llx error %#x", out.end, (ull)out.gpa, out.error);
	run.ends[out.end]++;
	run.faults += out.faults;
	run.emulated += out.emulated;
	if (out.end == SIM_OK || (out.end == SIM_MMIO && sim_chance(4)))
		choice_worked(v, a->gva);
}

static enum sim_how how(void)
{
	return (enum sim_how)sim_rand(run.wild ? SIM_BY_NOBODY + 1 : SIM_BY_NOBODY);
}

static void op_access(struct sim_vcpu *v)
{
	struct sim_access a;

	choose_access(v, &a);
	do_access(v, &a);
	if (sim_chance(4))
		do_access(v, &a);
}

/* Stores an entry where a table is: through an address that leads there, if one is found. */
static void op_map(struct sim_vcpu *v)
{
	enum sim_mode mode = sim_mode_of(&v->regs);
	u64 gfn = choose_table(), gpa;
	struct sim_access a;

	choose_access(v, &a);
	a.access = MMU_W;
	a.value = choose_entry(mode == SIM_NONE ? SIM_LM4 : mode, level_of_frame(gfn));
	for (u32 i = 0; i < 4; i++) {
		a.gva = (mode == SIM_NONE ? gfn << PAGE_SHIFT : choose_gva(mode)) +
			choose_offset(a.size);
		if (sim_reference(v, &a, &gpa) && gpa >> PAGE_SHIFT == gfn) {
			do_access(v, &a);
			return;
		}
	}
	gpa = (gfn << PAGE_SHIFT) + choose_offset(a.size);
	sim_log("%llu DMA %#llx to %#llx", (ull)run.op, (ull)a.value, (ull)gpa);
	sim_dma(gpa, a.value, a.size, how());
}

static void write_regs(struct sim_vcpu *v, const struct mmu_regs *r, enum mmu_reg_write what)
{
	bool ok;

	if (!sim_regs_legal(r))
		return;
	sim_log("%llu vCPU %u cr0 %#llx cr3 %#llx cr4 %#llx efer %#llx (%u)", (ull)run.op, v->id,
		(ull)r->cr0, (ull)r->cr3, (ull)r->cr4, (ull)r->efer, what);
	ok = sim_write_regs(v, r, what);
	sim_log("  %s", ok ? "done" : "#GP");
}

static void op_cr3(struct sim_vcpu *v)
{
	struct mmu_regs r = v->regs;
	bool pcide = r.cr4 & CR4_PCIDE;

	r.cr3 = choose_cr3(sim_mode_of(&r));
	if (pcide)
		r.cr3 |= sim_rand(3);
	write_regs(v, &r, pcide && sim_rand(2) ? MMU_WROTE_CR3_NOFLUSH : MMU_WROTE_CR3);
}

static void reload_cr3(struct sim_vcpu *v)
{
	struct mmu_regs r = v->regs;

	write_regs(v, &r, MMU_WROTE_CR3);
}

/* One bit of one register. */
static void op_bit(struct sim_vcpu *v)
{
	static const u64 cr4[] = {
		CR4_PGE, CR4_PGE, CR4_SMEP, CR4_SMAP, CR4_PKE, CR4_PCIDE, CR4_PSE
	};
	struct mmu_regs r = v->regs;
	u32 c = sim_rand(12);

	if (c < 3) {
		r.cr0 ^= CR0_WP;
		write_regs(v, &r, MMU_WROTE_CR0);
	} else if (c < 5) {
		r.efer ^= EFER_NXE;
		write_regs(v, &r, MMU_WROTE_EFER);
	} else {
		u64 bit = cr4[c - 5];

		if (bit == CR4_PCIDE && (r.cr3 & CR3_PCID_MASK) && !(r.cr4 & CR4_PCIDE))
			return;
		r.cr4 ^= bit;
		write_regs(v, &r, MMU_WROTE_CR4);
	}
}

static void paging_off(struct sim_vcpu *v)
{
	struct mmu_regs r = v->regs;

	if (r.cr4 & CR4_PCIDE) {
		r.cr4 &= ~CR4_PCIDE;
		write_regs(v, &r, MMU_WROTE_CR4);
		r = v->regs;
	}
	r.cr0 &= ~CR0_PG;
	r.efer &= ~EFER_LMA;
	write_regs(v, &r, MMU_WROTE_CR0);
}

/* The way of a guest from mode to mode: paging off, other bits, paging on; or a reset. */
static void op_mode(struct sim_vcpu *v)
{
	enum sim_mode mode = (enum sim_mode)sim_rand(SIM_MODES);
	bool at_once = sim_chance(2);
	struct mmu_regs r;

	if (!at_once && (v->regs.cr0 & CR0_PG))
		paging_off(v);
	r = v->regs;
	r.cr4 &= ~(CR4_PAE | CR4_PSE | CR4_LA57 | CR4_PCIDE);
	r.cr4 |= mode >= SIM_PAE ? CR4_PAE : mode == SIM_PSE ? CR4_PSE : 0;
	r.cr4 |= mode == SIM_LM5 ? CR4_LA57 : 0;
	r.efer = (r.efer & ~(EFER_LME | EFER_LMA)) | (mode >= SIM_LM4 ? EFER_LME : 0);
	r.cr3 = choose_cr3(mode);
	if (!at_once) {
		write_regs(v, &r, MMU_WROTE_EFER);
		write_regs(v, &r, MMU_WROTE_CR4);
		write_regs(v, &r, MMU_WROTE_CR3);
	}
	r.cr0 |= CR0_PE;
	r.cr0 = mode == SIM_NONE ? r.cr0 & ~CR0_PG : r.cr0 | CR0_PG;
	if (mode >= SIM_LM4)
		r.efer |= EFER_LMA;
	write_regs(v, &r, at_once ? MMU_WROTE_ALL : MMU_WROTE_CR0);
}

static void op_flush(struct sim_vcpu *v)
{
	u64 gva = sim_chance(2) ? choose_hot(v) : choose_gva(sim_mode_of(&v->regs));
	u32 type = sim_rand(9);

	sim_log("%llu vCPU %u flush %u of %#llx", (ull)run.op, v->id, type, (ull)gva);
	if (type < 5)
		sim_invpcid(v, type, sim_rand(3) | (sim_chance(16) ? BIT(12) : 0), gva);
	else
		sim_invlpg(v, gva);
}

/* What a guest's kernel does: use a page, change an entry on its way, flush, use it again. */
static void op_remap(struct sim_vcpu *v)
{
	enum sim_mode mode = sim_mode_of(&v->regs);
	u32 level = 1 + sim_chance(3), c = sim_rand(8);
	struct sim_access a;
	u64 gpa, entry;

	choose_access(v, &a);
	a.gva = choose_hot(v) + choose_offset(a.size);
	do_access(v, &a);
	(void)sim_reference(v, &a, &gpa);
	entry = sim_reference_entry(level - 1);
	if (entry == ~0ULL)
		return;
	a.value = choose_entry(mode, level);
	sim_log("%llu DMA %#llx to %#llx", (ull)run.op, (ull)a.value, (ull)entry);
	sim_dma(entry, a.value, a.size, how());
	if (c < 3)
		sim_invlpg(v, a.gva);
	else if (c < 5)
		op_bit(v);
	else if (c < 6)
		sim_invpcid(v, sim_rand(4), sim_pcid(&v->regs), a.gva);
	else if (c < 7)
		reload_cr3(v);
	do_access(v, &a);
	do_access(v, &a);
}

static void op_hardware(struct sim_vcpu *v)
{
	struct sim_access a;
	u32 c = sim_rand(4);

	if (c == 0 && v->in_guest) {
		sim_exit(v);
		return;
	}
	if (!sim_enter(v))
		return;
	choose_access(v, &a);
	if (c == 1)
		sim_hw_speculate(v, a.gva);
	else if (c == 2 && !sim_touch(v, &a))
		sim_exit(v);
}

static void op_caps(struct sim_vcpu *v)
{
	static const struct mmu_caps some[] = { { 40, true, true, true },
						{ 36, true, true, true },
						{ 40, true, false, true },
						{ 46, true, true, false },
						{ 40, true, true, false } };
	const struct mmu_caps *c = &some[sim_rand(ARRAY_SIZE(some))];

	sim_log("%llu vCPU %u caps: %u bits", (ull)run.op, v->id, c->maxphyaddr);
	sim_check(sim_set_caps(v, c) == 0, "mmu_ctx_set_caps");
}

/* --- operations on the VM as a whole ---------------------------------------------------------- */

static void op_tune(void)
{
	struct mmu_tune t = {
		.unsync = sim_rand(4),
		.huge = sim_rand(4),
		.by_links = sim_rand(2),
		.prefetch = (u8)(1U << sim_rand(4)),
		.roots = (u8)(1 + sim_rand(16)),
		.flood = (u8)sim_rand(5),
	};

	sim_log("%llu tune unsync %u huge %u skip %u prefetch %u roots %u flood %u", (ull)run.op,
		t.unsync, t.huge, t.by_links, t.prefetch, t.roots, t.flood);
	mmu_shadow_tune(&sim.vm, &t);
}

static void op_slot(void)
{
	static const struct sim_slot other = {
		.gfn = 40, .nr = 8, .hfn = (SIM_RAM >> PAGE_SHIFT) + 304, .kind = SLOT_RAM
	};
	u32 i = 1 + sim_rand(2);
	int r;

	if (sim.slot[i].kind != SLOT_NONE)
		r = sim_slot_remove(i);
	else
		r = sim_slot_add(i, i == 2 && sim_rand(2) ? &other : &sim_default_slots[i]);
	sim_log("%llu slot %u changed: %d", (ull)run.op, i, r);
}

static void op_dirty(void)
{
	u32 i = sim_rand(2) * 2, c = sim_rand(4);

	if (sim.slot[i].kind != SLOT_RAM)
		return;
	sim_log("%llu dirty log %u of slot %u", (ull)run.op, c, i);
	if (c == 0)
		(void)sim_dirty_start(i);
	else if (c == 1)
		(void)sim_dirty_stop(i);
	else
		sim_dirty_fetch(i);
}

static void op_track(void)
{
	static const u32 rights[] = { MMU_W, MMU_R, MMU_X, MMU_R | MMU_X };
	u32 gfn = sim_rand(SIM_TRACKED), what = rights[sim_rand(ARRAY_SIZE(rights))];
	bool add = sim_chance(2);

	sim_log("%llu track %#x of %u %s", (ull)run.op, what, gfn, add ? "added" : "removed");
	if (add)
		(void)sim_track_add(gfn, what);
	for (u32 i = 0; i < SIM_TRACKED && !add; i++)
		sim_track_remove((gfn + i) % SIM_TRACKED, what);
}

static void op_vm(void)
{
	struct sim_turn t = sim_elsewhere();
	u32 c = sim_rand(19), gfn;

	if (c < 3) {
		sim_log("%llu zap all", (ull)run.op);
		mmu_shadow_zap_all(&sim.vm);
	} else if (c < 8) {
		gfn = sim_rand(32);
		sim_log("%llu unshadow %u", (ull)run.op, gfn);
		mmu_unshadow(&sim.vm, GFN(gfn));
	} else if (c < 10) {
		op_tune();
	} else if (c < 12 && sim.depth == 0) {
		op_slot();
	} else if (c < 15 && sim.depth == 0) {
		op_dirty();
	} else if (c >= 16 && sim.depth == 0) {
		op_track();
	}
	sim_cpu_back(t);
}

static void op_any(struct sim_vcpu *v)
{
	u32 c = sim_rand(128);

	if (c < 40)
		op_access(v);
	else if (c < 60)
		op_remap(v);
	else if (c < 90)
		op_map(v);
	else if (c < 98)
		op_cr3(v);
	else if (c < 104)
		op_bit(v);
	else if (c < 114)
		op_flush(v);
	else if (c < 122)
		op_hardware(v);
	else if (c < 124)
		op_vm();
	else if (c == 124 && run.modes)
		op_mode(v);
	else if (c == 125)
		op_caps(v);
	else
		op_access(v);
}

static bool refuse(void)
{
	bool r = run.refusing;

	if (run.o.refuse) {
		run.refusing &= run.o.steady;
		return r;
	}
	return run.refuse && sim_chance(16);
}

/* Somebody else, on another CPU, while mmu/ is at work without its lock. */
static bool at_hook(enum mmu_hook h)
{
	struct sim_vcpu *v;

	if (h == HOOK_ALLOC) {
		run.refusing |= ++run.allocs == run.o.refuse;
		return refuse();
	}
	if (env_sim.ranks_held) {
		sim_meanwhile();
		return false;
	}
	/* A walk whose entries have changed under it so often is given up. */
	if (h == HOOK_BEFORE_AD && run.rewrites == MAX_REWRITES)
		return false;
	v = &sim.vcpu[sim_rand(sim.nr_vcpus)];
	if (sim.depth >= 2 || v->cpu == env_sim.cpu || v->busy || !sim_chance(4))
		return false;
	run.rewrites += h == HOOK_BEFORE_AD;
	sim.depth++;
	/* What a walk has set so far comes before what they do to the same word. */
	sim_reconcile();
	sim_log("  meanwhile, at hook %u, depth %u:", h, sim.depth);
	op_any(v);
	sim.depth--;
	return false;
}

/* --- episodes --------------------------------------------------------------------------------- */

static void begin_episode(void)
{
	struct sim_cfg cfg = { .cpus = 2 + sim_rand(2), .vcpus = 2 + sim_rand(3), .pool = 400 };
	enum sim_mode mode = (enum sim_mode)sim_rand(SIM_MODES);

	if (run.o.tiny || sim_chance(4))
		cfg.quota = 60 + cfg.vcpus * MMU_CTX_MIN_PAGES;
	cfg.unpaged_direct = sim_chance(2);
	sim_start(&cfg);
	sim.lively = true;
	sim.pick = choose_access;
	sim.any_hook = at_hook;
	run.refuse = sim_chance(4) && !run.o.refuse && !run.o.tiny;
	run.modes = sim_chance(3);
	run.wild = sim_chance(16);
	sim.may_stick = run.wild;
	fill_tables(mode == SIM_NONE ? SIM_LM4 : mode);
	for (u32 i = 0; i < sim.nr_vcpus; i++) {
		struct sim_space s = sim_space_at(mode, choose_cr3(mode));

		if (cfg.unpaged_direct && sim_chance(4))
			s.mode = SIM_NONE;
		if (s.mode == SIM_PAE)
			s.cr3 = fill_pdpt();
		sim_log("vCPU %u: mode %u cr3 %#llx", i, mode, (ull)s.cr3);
		sim_set_space(&sim.vcpu[i], &s, sim_rand(2), sim_rand(2));
	}
}

static void step(void)
{
	run.op++;
	run.rewrites = 0;
	sim.refused = run.refusing = false;
	op_any(&sim.vcpu[sim_rand(sim.nr_vcpus)]);
	if (run.o.audit || run.op % 64 == 0) {
		sim_reconcile();
		sim.writing = 0;
		if (!run.wild)
			sim_audit();
	}
}

static void describe(void)
{
	fprintf(stderr, "  repeat: seed %llu, %u operations to an episode; operation %llu\n",
		(ull)run.o.seed, run.o.episode, (ull)run.op);
}

/* Until the operations, or the fuzzer's bytes, are used up. */
static void run_steps(u64 ops)
{
	sim.describe = describe;
	for (u64 i = 0; i < ops && !sim_rand_empty(); i++)
		step();
	sim_stop();
}

static void print_stats(u64 checked, u64 doubtful)
{
	printf("# %llu operations: %llu accesses done, %llu #PF, %llu at devices, %llu ROM writes, "
	       "%llu without memory; %llu faults, %llu emulated; %llu judged, %llu in doubt\n",
	       (ull)run.op, (ull)run.ends[SIM_OK], (ull)run.ends[SIM_PF], (ull)run.ends[SIM_MMIO],
	       (ull)run.ends[SIM_ROM], (ull)run.ends[SIM_NOMEM], (ull)run.faults, (ull)run.emulated,
	       (ull)checked, (ull)doubtful);
}

/* Each episode has a seed of its own, so that a late one can be repeated alone. */
u64 driver_run(const struct driver_options *o)
{
	u64 checked = 0, doubtful = 0;

	memset(&run, 0, sizeof(run));
	run.o = *o;
	for (u64 done = 0; done < o->ops; done += o->episode) {
		sim_rand_seed(run.o.seed);
		begin_episode();
		run_steps(MIN((u64)o->episode, o->ops - done));
		checked += sim.checked;
		doubtful += sim.doubtful;
		run.o.seed++;
	}
	if (o->stats)
		print_stats(checked, doubtful);
	return run.allocs;
}

/* The first bytes are the seed of the beginning, whose choices are many and dull. */
void driver_bytes(const u8 *p, size_t n)
{
	if (n < 3)
		return;
	memset(&run, 0, sizeof(run));
	run.o = (struct driver_options){ .audit = true, .seed = p[0] | (u32)p[1] << 8 };
	sim_rand_seed(run.o.seed);
	begin_episode();
	sim_rand_bytes(p + 2, n - 2);
	sim.may_stick = true; /* somebody may rewrite an entry whenever it was read */
	run_steps(~0ULL);
}

void driver_args(struct driver_options *o, int argc, char **argv)
{
	if (argc > 1)
		o->seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		o->ops = strtoull(argv[2], NULL, 0);
}
