/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated machine. */
#include "mmu_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/bug.h"
#include "lib/trace.h"

#include "mmu/reader.h"

struct env_sim env_sim;
struct sim_cpu sim_cpu[ENV_MAX_CPUS];
u64 sim_seed = 88172645463325252ULL;
bool trace_on;

void trace_record(enum trace_event ev, u32 vm, u64 tsc, u64 a, u64 b, u64 c)
{
	(void)vm;
	(void)tsc;
	(void)a;
	(void)b;
	(void)c;
	assert_true(ev < TRACE_NR);
}

/* --- the seam --------------------------------------------------------------------------------- */

void env_lock_init(struct env_lock *l, enum env_rank rank)
{
	*l = (struct env_lock){ .rank = (u8)rank };
}

void env_lock(struct env_lock *l)
{
	if (env_sim.locking)
		env_sim.locking();
	assert_false(l->held);
	/* Rising rank, and no reader in between. */
	assert_int_equal(env_sim.ranks_held >> l->rank, 0);
	assert_int_equal(mmu_readers[env_sim.cpu].reading, 0);
	env_sim.ranks_held |= 1U << l->rank;
	l->held = true;
}

void env_unlock(struct env_lock *l)
{
	assert_true(l->held);
	env_sim.ranks_held &= ~(1U << l->rank);
	l->held = false;
}

void *env_ptr(hpa_t a)
{
	assert_true(a.v < env_sim.size);
	return env_sim.mem + a.v;
}

void env_zero(void *p)
{
	memset(p, 0, PAGE_SIZE);
}

void env_kick(u32 cpu)
{
	if (env_sim.kick)
		env_sim.kick(cpu);
	sim_cpu[cpu].kicked = true;
}

void env_kick_again(u32 cpu)
{
	env_kick(cpu);
}

/* The others go on for a while, with whatever their TLBs hold, until the kick arrives. */
void env_relax(void)
{
	if (env_sim.relax)
		env_sim.relax();
	for (u32 c = 0; c < env_sim.nr_cpus; c++)
		if (sim_cpu[c].kicked && sim_cpu[c].vm)
			sim_exit(c);
}

/* --- the machine ------------------------------------------------------------------------------ */

void sim_start(u8 fmt, u32 pool_pages, u32 nr_cpus)
{
	static u8 *mem;

	if (!mem) {
		mem = mmap(NULL, SIM_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		assert_ptr_not_equal(mem, MAP_FAILED);
	}
	env_sim = (struct env_sim){ .mem = mem, .size = SIM_SIZE, .nr_cpus = nr_cpus };
	memset(sim_cpu, 0, sizeof(sim_cpu));
	memset(mmu_readers, 0, sizeof(mmu_readers));
	mmu_hw = (struct mmu_hw){
		.fmt = fmt,
		.root_level = 4,
		.maxphyaddr = 40,
		.has_1g = true,
		.has_nx = true,
	};
	mmu_pool_init(HPA(SIM_POOL), pool_pages);
}

void sim_vm(struct mmu_vm *m, u32 id, u32 quota)
{
	assert_int_equal(mmu_vm_init(m, &(struct mmu_vm_cfg){ .vm_id = id, .quota_pages = quota }),
			 0);
	for (u32 c = 0; c < env_sim.nr_cpus; c++)
		mmu_tag_register(m, &sim_cpu[c].tag, c);
}

u64 sim_rand(u64 below)
{
	return test_random(&sim_seed) % below;
}

void sim_enter(u32 cpu, struct mmu_vm *m)
{
	struct sim_cpu *c = &sim_cpu[cpu];
	u32 self = env_sim.cpu;

	assert_null(c->vm);
	env_sim.cpu = cpu;
	c->flush = mmu_enter(m, &c->tag) == MMU_FLUSH_TAG;
	if (c->flush)
		memset(c->tlb, 0, sizeof(c->tlb));
	c->vm = m;
	env_sim.cpu = self;
}

void sim_exit(u32 cpu)
{
	struct sim_cpu *c = &sim_cpu[cpu];

	assert_non_null(c->vm);
	mmu_exit(&c->tag);
	if (c->flush)
		mmu_flushed(&c->tag);
	c->vm = NULL;
	c->kicked = false;
}

void sim_drain(u32 cpu, struct mmu_vm *m)
{
	struct sim_cpu *c = &sim_cpu[cpu];

	for (; c->nr_logged; c->nr_logged--)
		mmu_wrote(m, GPA(c->log[c->nr_logged - 1] << PAGE_SHIFT), 1);
}

/* --- hardware that walks the tables, written from the manuals --------------------------------- */

#define EPT_DIRTY BIT(9)

/* Rights of an entry that is present; false when it is not or is malformed. */
static bool hw_entry(u64 e, u32 level, u32 *access, bool *leaf)
{
	bool npt = mmu_hw.fmt == SPTE_NPT;
	u64 addr_high = MASK(51, mmu_hw.maxphyaddr);

	*leaf = level == 1 || (e >> 7 & 1);
	if (npt ? !(e & 1) : !(e & 7))
		return false;
	/* Reserved: address bits, PS at the top, low address bits of a large leaf; for EPT also W
	 * without R and bad memory types. */
	if ((e & addr_high) || (*leaf && level > 3))
		return false;
	if (*leaf && level > 1 && (e & MASK(12 + 9 * (level - 1) - 1, npt ? 13 : 12)))
		return false;
	if (npt) {
		if (!(e & 4))
			return false;
		*access = MMU_R | (e & 2 ? MMU_W : 0) | (e >> 63 ? 0 : MMU_X);
	} else {
		if ((e & 3) == 2 || ((e & 7) == 4 && !mmu_hw.exec_only) ||
		    (*leaf && (e >> 3 & 7) != 6) || (!*leaf && (e & MASK(6, 3))))
			return false;
		*access = (e & 1 ? MMU_R : 0) | (e & 2 ? MMU_W : 0) | (e & 4 ? MMU_X : 0);
	}
	return true;
}

/* A table that hardware reads must be one: nobody may have freed it. */
static u64 *hw_entry_at(const struct mmu_vm *m, u64 table, u64 gfn, u32 level)
{
	spx_t x = sp_of_hpa(HPA(table));

	assert_int_not_equal(x, 0);
	assert_int_equal(sp_get(x)->vm, m->id);
	assert_true(sp_get(x)->state == SP_LIVE || sp_get(x)->state == SP_ZAPPING ||
		    sp_get(x)->state == SP_QUARANTINE);
	assert_int_equal(sp_get(x)->role.level, level);
	return &sp_table(x)[gfn >> (9 * (level - 1)) & 511];
}

static void tlb_insert(struct sim_cpu *c, const struct sim_tlbe *e)
{
	c->tlb[c->next++ % SIM_TLB] = *e;
}

/* From a table at some level down; with c, caches what it meets if it feels like it. */
static u32 walk_from(const struct mmu_vm *m, struct sim_cpu *c, struct sim_tlbe at, u64 gfn,
		     u64 *hpa, u32 *leaf_level)
{
	for (;;) {
		u32 level = at.level, access;
		u64 span = 1ULL << (9 * (level - 1));
		u64 *p = hw_entry_at(m, at.hpa, gfn, level), e = *p;
		bool leaf;

		*leaf_level = level;
		if (!hw_entry(e, level, &access, &leaf))
			return 0;
		at = (struct sim_tlbe){
			.first = gfn / span * span,
			.nr = span,
			.hpa = e & MASK(51, 12),
			.access = at.access & access,
			.level = (u8)(leaf ? level : level - 1),
			.leaf = leaf,
			.dirty = e & EPT_DIRTY,
		};
		if (c && at.access && sim_rand(4))
			tlb_insert(c, &at);
		if (leaf) {
			if (c)
				c->leaf = p;
			*hpa = at.hpa + ((gfn - at.first) << 12);
			return at.access;
		}
	}
}

u32 sim_hw_walk(const struct mmu_vm *m, gpa_t gpa, u64 *hpa, u32 *level)
{
	struct sim_tlbe root = {
		.hpa = mmu_root_hpa(m).v,
		.access = MMU_R | MMU_W | MMU_X,
		.level = mmu_hw.root_level,
	};

	return walk_from(m, NULL, root, gpa.v >> 12, hpa, level);
}

/* A write through a leaf that was walked to. Source: Intel SDM 3C "Page-Modification Logging". */
static void hw_log(struct sim_cpu *c, u64 gfn)
{
	if (*c->leaf & EPT_DIRTY)
		return;
	*c->leaf |= EPT_DIRTY;
	c->log[c->nr_logged++] = gfn;
}

/* The adversary: uses any cached translation that allows the access, else any cached pointer to a
 * table, else the root. */
static bool hw_access(struct sim_cpu *c, u64 gfn, u32 access, u64 *hpa)
{
	struct sim_tlbe at = {
		.hpa = mmu_root_hpa(c->vm).v,
		.access = MMU_R | MMU_W | MMU_X,
		.level = mmu_hw.root_level,
	};
	u32 level;

	for (u32 n = 0, i = (u32)sim_rand(SIM_TLB); n < SIM_TLB; n++, i = (i + 1) % SIM_TLB) {
		const struct sim_tlbe *e = &c->tlb[i];

		if (gfn - e->first >= e->nr || (e->leaf && (access & ~e->access)))
			continue;
		if (e->leaf && mmu_hw.pml && (access & MMU_W) && !e->dirty)
			continue;
		if (!sim_rand(8))
			continue;
		if (e->leaf) {
			*hpa = e->hpa + ((gfn - e->first) << 12);
			return true;
		}
		at = *e;
	}
	if (access & ~walk_from(c->vm, c, at, gfn, hpa, &level))
		return false;
	if (mmu_hw.pml && (access & MMU_W))
		hw_log(c, gfn);
	return true;
}

/* A fault removes what the processor had cached for the address. */
static void tlb_forget(struct sim_cpu *c, u64 gfn)
{
	for (u32 i = 0; i < SIM_TLB; i++)
		if (gfn - c->tlb[i].first < c->tlb[i].nr)
			c->tlb[i].nr = 0;
}

enum mmu_verdict sim_access(u32 cpu, gpa_t gpa, u32 access, u64 *hpa, struct mmu_result *r)
{
	struct sim_cpu *c = &sim_cpu[cpu];
	u32 self = env_sim.cpu;

	for (u32 tries = 0; tries < 20; tries++) {
		struct mmu_vm *m = c->vm;
		enum mmu_verdict v;

		/* A full log is an exit of its own, before the access. */
		if (c->nr_logged == SIM_LOG) {
			sim_exit(cpu);
			sim_drain(cpu, m);
			sim_enter(cpu, m);
		}
		if (hw_access(c, gpa.v >> 12, access, hpa)) {
			*hpa |= gpa.v & 0xfff;
			return MMU_SPURIOUS;
		}
		tlb_forget(c, gpa.v >> 12);
		sim_exit(cpu);
		env_sim.cpu = cpu;
		v = mmu_fault(m, &(struct mmu_fault){ .gpa = gpa, .access = access }, r);
		env_sim.cpu = self;
		sim_enter(cpu, m);
		if (v != MMU_FIXED && v != MMU_SPURIOUS && v != MMU_RETRY)
			return v;
	}
	fail_msg("the access faults for ever: %s", r->reason);
	return MMU_KILL_VM;
}

/* --- for the tests ---------------------------------------------------------------------------- */

void sim_audit(struct mmu_vm *m)
{
	struct mmu_audit a;

	mmu_audit_begin(&a);
	while (!mmu_audit_step(m, &a, 7))
		;
	for (u32 i = 0; i < MIN(a.errors, (u32)MMU_AUDIT_KEEP); i++)
		print_error("audit %s: %s: gfn %#llx level %u entry %#llx\n", a.err[i].inv,
			    a.err[i].text, (unsigned long long)a.err[i].gfn.v, a.err[i].level,
			    (unsigned long long)a.err[i].spte);
	assert_int_equal(a.errors, 0);
	assert_int_equal(env_sim.ranks_held, 0);
}

int sim_add(struct mmu_vm *m, enum slot_kind kind, u64 gfn, u64 nr, u64 hfn_or_dev)
{
	struct slot s = { .gfn = GFN(gfn), .nr = nr, .kind = (u8)kind };

	if (kind == SLOT_MMIO)
		s.dev = (u16)hfn_or_dev;
	else
		s.hfn = HFN(hfn_or_dev);
	return mmu_slot_add(m, &s);
}
