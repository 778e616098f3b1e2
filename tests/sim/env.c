/* SPDX-License-Identifier: BSD-2-Clause */
/* The seam of mmu/mmu_env.h, the start of a machine, random numbers, the end of a failed run. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/bug.h"
#include "lib/trace.h"
#include "mmu/audit.h"
#include "mmu/pool.h"
#include "mmu/reader.h"

struct env_sim env_sim;
struct sim sim;
bool trace_on;

static u32 kicked; /* CPUs */

/* --- the end of a failed run ------------------------------------------------------------------ */

#define LOG_LINES 1000

static char lines[LOG_LINES][160];
static u32 next_line;

void sim_log(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(lines[next_line++ % LOG_LINES], sizeof(lines[0]), fmt, ap);
	va_end(ap);
}

static void print_log(void)
{
	u32 first = next_line > LOG_LINES ? next_line - LOG_LINES : 0;

	for (u32 i = first; i < next_line; i++)
		fprintf(stderr, "  %5u  %s\n", i, lines[i % LOG_LINES]);
}

static void print_pool(void)
{
	u32 n[SP_STATE_NR] = { 0 }, reserved = 0;

	for (spx_t x = 1; x <= mmu_pool.nr; x++)
		n[sp_get(x)->state]++;
	for (u32 i = 0; i < sim.nr_vcpus; i++)
		reserved += sim.vcpu[i].ctx.res.nr;
	fprintf(stderr,
		"pool: %u free, %u reserved (%u by contexts), %u live, %u data, %u zapping, "
		"%u in quarantine; quota %u\n",
		n[SP_FREE], n[SP_RESERVED], reserved, n[SP_LIVE], n[SP_DATA], n[SP_ZAPPING],
		n[SP_QUARANTINE], sim.vm.quota);
}

void sim_fail(const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (sim.failed)
		sim.failed(text);
	print_log();
	print_pool();
	fprintf(stderr, "simulated machine: %s\n", text);
	if (sim.describe)
		sim.describe();
	abort();
}

/* A broken assertion in mmu/ is a failed run, too. */
void bug(const char *file, int line, const char *expr)
{
	sim_fail("%s:%d: this must never be true: %s", file, line, expr);
}

struct trace_rec sim_traced[TRACE_NR];

void trace_record(enum trace_event ev, u32 vm, u64 tsc, u64 a, u64 b, u64 c)
{
	sim_check(ev < TRACE_NR, "unknown trace event");
	sim_traced[ev] = (struct trace_rec){ tsc, ev, vm, a, b, c };
}

/* --- random numbers --------------------------------------------------------------------------- */

static u64 seed = 88172645463325252ULL;
static const u8 *bytes;
static size_t nr_bytes;

void sim_rand_seed(u64 s)
{
	seed = (s + 1) * 0x9e3779b97f4a7c15ULL | 1;
	bytes = NULL;
	nr_bytes = 0;
}

void sim_rand_bytes(const u8 *p, size_t n)
{
	bytes = p;
	nr_bytes = n;
}

bool sim_rand_empty(void)
{
	return bytes && nr_bytes == 0;
}

static u32 next_byte(void)
{
	if (nr_bytes == 0)
		return 0;
	nr_bytes--;
	return *bytes++;
}

/* What bytes do not decide is decided by the seed. */
u32 sim_rand(u32 n)
{
	if (nr_bytes) {
		u32 v = next_byte();

		if (n > 256)
			v |= next_byte() << 8 | next_byte() << 16;
		return v % n;
	}
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (u32)((seed >> 32) * n >> 32);
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
	while (l->held) {
		sim_check(env_sim.blocked && l->cpu != env_sim.cpu,
			  "CPU %u waits for a lock of CPU %u for ever", env_sim.cpu, l->cpu);
		env_sim.blocked(l);
	}
	/* Rising rank, and no reader in between. */
	sim_check(env_sim.ranks_held >> l->rank == 0, "locks are taken in falling rank");
	sim_check(!mmu_readers[env_sim.cpu].reading, "a lock-free reader takes a lock");
	env_sim.ranks_held |= 1U << l->rank;
	l->held = true;
	l->cpu = (u8)env_sim.cpu;
}

void env_unlock(struct env_lock *l)
{
	sim_check(l->held && l->cpu == env_sim.cpu, "a lock is released that is not held");
	env_sim.ranks_held &= ~(1U << l->rank);
	l->held = false;
	if (env_sim.unlocked)
		env_sim.unlocked();
}

void *env_ptr(hpa_t a)
{
	sim_check(a.v < env_sim.size, "host address %#llx is outside the machine",
		  (unsigned long long)a.v);
	return env_sim.mem + a.v;
}

void env_zero(void *p)
{
	memset(p, 0, PAGE_SIZE);
}

void env_kick(u32 cpu)
{
	kicked |= BIT32(cpu);
	if (env_sim.kick)
		env_sim.kick(cpu);
	sim_meanwhile();
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
	sim_meanwhile();
	for (u32 i = 0; i < sim.nr_vcpus; i++) {
		struct sim_vcpu *v = &sim.vcpu[i];

		if (!v->in_guest || !(kicked & BIT32(v->cpu)))
			continue;
		kicked &= ~BIT32(v->cpu);
		sim_exit(v);
	}
}

static void storing(u64 *p, u64 v)
{
	(void)p;
	(void)v;
	sim_meanwhile();
}

static bool hook(enum mmu_hook h)
{
	void (*fn)(void *) = sim.hook[h];
	bool refuse = sim.any_hook && sim.any_hook(h);

	if (fn) {
		sim.hook[h] = NULL;
		fn(sim.hook_arg[h]);
	}
	sim.refused |= refuse;
	return refuse;
}

void sim_hook(enum mmu_hook h, void (*fn)(void *arg), void *arg)
{
	sim.hook[h] = fn;
	sim.hook_arg[h] = arg;
}

struct sim_turn sim_cpu_take(u32 cpu)
{
	struct sim_turn t = { env_sim.cpu, env_sim.ranks_held };

	env_sim.cpu = cpu;
	if (cpu != t.cpu)
		env_sim.ranks_held = 0;
	return t;
}

void sim_cpu_back(struct sim_turn t)
{
	sim_check(env_sim.cpu == t.cpu || env_sim.ranks_held == 0, "CPU %u leaves with a lock held",
		  env_sim.cpu);
	env_sim.cpu = t.cpu;
	env_sim.ranks_held = t.ranks;
}

/* --- a machine -------------------------------------------------------------------------------- */

static const struct mmu_caps all_caps = {
	.maxphyaddr = 40,
	.has_nx = true,
	.has_1g = true,
	.has_pse36 = true,
};

static u8 *host_memory(void)
{
	static u8 *mem;

	if (!mem) {
		mem = mmap(NULL, SIM_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (mem == MAP_FAILED)
			abort();
	}
	return mem;
}

static void start_vcpu(u32 i, const struct sim_cfg *cfg)
{
	struct sim_vcpu *v = &sim.vcpu[i];

	v->id = i;
	v->cpu = i % cfg->cpus;
	v->caps = cfg->caps ? cfg->caps[i] : all_caps;
	mmu_tag_register(&sim.vm, &v->tag, v->cpu);
	sim_check(mmu_ctx_init(&v->ctx, &sim.vm, &v->tag, &v->caps) == 0, "mmu_ctx_init");
	sim_arch_reset(v);
	sim_hw_drop(v);
	sim_follow_paging(v);
}

void sim_start(const struct sim_cfg *cfg)
{
	u32 pool = cfg->pool ? cfg->pool : 512;

	env_sim = (struct env_sim){ .mem = host_memory(),
				    .size = SIM_SIZE,
				    .nr_cpus = cfg->cpus + 1,
				    .hook = hook,
				    .storing = storing };
	memset(&sim, 0, sizeof(sim));
	memset(mmu_readers, 0, sizeof(mmu_readers));
	kicked = 0;
	next_line = 0;
	mmu_hw = (struct mmu_hw){
		.fmt = SPTE_NPT,
		.root_level = 4,
		.maxphyaddr = 40,
		.has_1g = true,
		.has_nx = true,
	};
	/* Firmware leaves anything. */
	memset(env_sim.mem + SIM_POOL, 0xff, PAGE_SIZE);
	mmu_pool_init(HPA(SIM_POOL), pool);
	sim_check(mmu_shadow_low_init(HPA(SIM_LOW), cfg->low ? cfg->low : 1) == 0, "low memory");
	sim_check(mmu_vm_init(&sim.vm, &(struct mmu_vm_cfg){ .vm_id = 3,
							     .quota_pages = cfg->quota ? cfg->quota
										       : pool }) ==
			  0,
		  "mmu_vm_init");
	sim_guest_start(cfg->slots ? cfg->slots : sim_default_slots);
	sim_check(mmu_shadow_init(&sim.vm) == 0, "mmu_shadow_init");
	sim.nr_vcpus = cfg->vcpus;
	sim.unpaged_direct = cfg->unpaged_direct;
	for (u32 i = 0; i < cfg->vcpus; i++)
		start_vcpu(i, cfg);
}

void sim_stop(void)
{
	u32 total = mmu_pool_total();

	for (u32 i = 0; i < sim.nr_vcpus; i++) {
		if (sim.vcpu[i].in_guest)
			sim_exit(&sim.vcpu[i]);
		mmu_ctx_fini(&sim.vcpu[i].ctx);
		mmu_tag_unregister(&sim.vm, &sim.vcpu[i].tag);
	}
	sim.nr_vcpus = 0;
	mmu_vm_fini(&sim.vm);
	sim_check(mmu_pool_free() == total, "%u of %u pool pages are lost", total - mmu_pool_free(),
		  total);
}

void sim_audit(void)
{
	struct mmu_audit a;

	mmu_audit_begin(&a);
	while (!mmu_audit_step(&sim.vm, &a, 1 << 20))
		;
	if (a.errors)
		sim_fail("audit: %u errors, first %s: %s: gfn %#llx level %u entry %#llx", a.errors,
			 a.err[0].inv, a.err[0].text, (unsigned long long)a.err[0].gfn.v,
			 a.err[0].level, (unsigned long long)a.err[0].spte);
}
