/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What vCPUs and devices do. An access is the loop that a backend runs: enter, let hardware try,
 * hand the fault to mmu/, obey the verdict. Every end of it goes to the judge.
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "mmu/mmu.h"

/* An access that neither completes nor faults in so many rounds is stuck. */
#define MAX_ROUNDS 200

/* --- world switches --------------------------------------------------------------------------- */

void sim_exit(struct sim_vcpu *v)
{
	struct sim_turn t = sim_cpu_take(v->cpu);

	sim_check(v->in_guest, "vCPU %u leaves a guest that it is not in", v->id);
	v->in_guest = false;
	mmu_shadow_exit(&v->ctx, v->flushed);
	sim_cpu_back(t);
}

static void leave_cpu(u32 cpu, const struct sim_vcpu *but)
{
	for (u32 i = 0; i < sim.nr_vcpus; i++)
		if (&sim.vcpu[i] != but && sim.vcpu[i].cpu == cpu && sim.vcpu[i].in_guest)
			sim_exit(&sim.vcpu[i]);
}

static void entered(struct sim_vcpu *v, enum mmu_flush flush)
{
	v->in_guest = true;
	v->flushed = flush == MMU_FLUSH_TAG;
	sim_hw_enter(v, v->flushed);
}

/* One try. False: load again. */
static bool try_enter(struct sim_vcpu *v, bool first, enum mmu_verdict *verdict)
{
	struct mmu_result r = { .reason = "" };
	enum mmu_flush flush = MMU_FLUSH_NONE;

	if (v->direct) {
		entered(v, mmu_enter(&sim.vm, &v->tag));
		return true;
	}
	*verdict = mmu_shadow_load(&v->ctx, &r);
	if (*verdict == MMU_KILL_VM)
		sim_fail("load kills the VM: %s", r.reason ? r.reason : "?");
	if (*verdict != MMU_FIXED || !mmu_shadow_enter(&v->ctx, &flush))
		return false;
	if (first && sim.lively && sim_chance(64)) {
		/* VMRUN fails before it does anything. */
		mmu_shadow_exit(&v->ctx, false);
		return false;
	}
	entered(v, flush);
	return true;
}

bool sim_enter(struct sim_vcpu *v)
{
	struct sim_turn t;
	enum mmu_verdict verdict = MMU_FIXED;

	if (v->in_guest)
		return true;
	leave_cpu(v->cpu, v);
	t = sim_cpu_take(v->cpu);
	for (u32 i = 0; i < MAX_ROUNDS; i++) {
		if (try_enter(v, i == 0, &verdict) || verdict == MMU_NOMEM)
			break;
		env_relax();
	}
	sim_cpu_back(t);
	if (v->in_guest)
		return true;
	sim_check(verdict == MMU_NOMEM, "vCPU %u cannot enter its guest: %s", v->id,
		  mmu_verdict_name(verdict));
	return false;
}

/* --- accesses --------------------------------------------------------------------------------- */

static const char *access_text(u32 access)
{
	static char text[8];
	char *p = text;

	*p++ = access & MMU_X ? 'x' : access & MMU_W ? 'w' : 'r';
	*p++ = access & MMU_U ? 'u' : 's';
	if (access & MMU_IMPLICIT)
		*p++ = 'i';
	*p = 0;
	return text;
}

static void judge_ok(struct sim_vcpu *v, const struct sim_access *a, u64 gpa, const char *how)
{
	u64 now;
	bool ok;

	if (sim_legal_ok(v, a, gpa))
		return;
	sim_explain(v, a);
	ok = sim_reference(v, a, &now);
	sim_fail("vCPU %u %s %#llx: %s at gpa %#llx; now it is %s %#llx", v->id,
		 access_text(a->access), (unsigned long long)a->gva, how, (unsigned long long)gpa,
		 ok ? "gpa" : "fault", (unsigned long long)now);
}

static void judge_fault(struct sim_vcpu *v, const struct sim_access *a, u32 error, u64 begin)
{
	u64 now;
	bool ok;

	if (sim_legal_fault(v, a, error, begin))
		return;
	sim_explain(v, a);
	ok = sim_reference(v, a, &now);
	sim_fail("vCPU %u %s %#llx: #PF with error %#x; now it is %s %#llx", v->id,
		 access_text(a->access), (unsigned long long)a->gva, error, ok ? "gpa" : "fault",
		 (unsigned long long)now);
}

/* Hardware has translated: does the load or store. */
static void complete(struct sim_vcpu *v, const struct sim_access *a, u64 hpa, struct sim_out *out)
{
	const struct sim_slot *s;
	u64 gpa = 0;

	sim_check(sim_gpa_of(hpa, &gpa), "vCPU %u %#llx: host address %#llx is not the guest's",
		  v->id, (unsigned long long)a->gva, (unsigned long long)hpa);
	judge_ok(v, a, gpa, "completed by hardware");
	sim_check(!sim_tracked(gpa >> PAGE_SHIFT, a->access),
		  "vCPU %u %#llx: hardware makes an access that a track withholds", v->id,
		  (unsigned long long)a->gva);
	s = sim_slot_of(gpa >> PAGE_SHIFT);
	out->end = SIM_OK;
	out->gpa = gpa;
	if (!(a->access & MMU_W)) {
		out->value = sim_peek(gpa, a->size);
		return;
	}
	sim_check(s->kind == SLOT_RAM, "hardware writes to ROM at %#llx", (unsigned long long)gpa);
	sim_reconcile();
	memcpy(sim_host(gpa), &a->value, a->size);
	sim_noted(gpa, a->size);
}

bool sim_touch(struct sim_vcpu *v, const struct sim_access *a)
{
	struct sim_out out;
	u64 hpa;
	u32 error;

	if (!v->in_guest)
		return false;
	sim.writing += a->access & MMU_W ? 1 : 0;
	if (!sim_hw_translate(v, a, &hpa, &error))
		return false;
	sim_log("    vCPU %u meanwhile: %s %#llx", v->id, access_text(a->access),
		(unsigned long long)a->gva);
	complete(v, a, hpa, &out);
	return true;
}

static struct mmu_regs regs_for(const struct sim_vcpu *v, const struct sim_access *a)
{
	struct mmu_regs r = v->regs;

	r.pkru = a->pkru;
	r.rflags = a->ac ? RFLAGS_AC : 0;
	r.cpl = a->access & MMU_U ? 3 : 0;
	return r;
}

static void emulate_store(const struct sim_access *a, u64 gpa, struct sim_out *out)
{
	const struct sim_slot *s = sim_slot_of(gpa >> PAGE_SHIFT);
	u64 old = sim_peek(gpa, a->size);

	out->end = SIM_OK;
	if (!s || s->kind == SLOT_MMIO || s == sim.changing) {
		out->end = SIM_MMIO;
	} else if (s->kind == SLOT_ROM) {
		out->end = SIM_ROM;
	} else {
		sim_pending(gpa, true);
		if (a->locked)
			sim_check(mmu_cmpxchg(&sim.vm, GPA(gpa), &old, &a->value, a->size) >= 0,
				  "mmu_cmpxchg refuses RAM");
		else
			sim_check(mmu_write(&sim.vm, GPA(gpa), &a->value, a->size) == 0,
				  "mmu_write refuses RAM");
		sim_noted(gpa, a->size);
		sim_pending(gpa, false);
	}
}

/* As vm/ does it: translates again, with the registers of the instruction. */
static void emulate(struct sim_vcpu *v, const struct sim_access *a, struct sim_out *out)
{
	struct mmu_regs r = regs_for(v, a);
	struct mmu_gfault fault;
	u64 begin = sim.now;
	gpa_t gpa;

	out->emulated = true;
	if (!mmu_translate(&sim.vm, &r, GVA(a->gva), a->access, &gpa, &fault)) {
		out->end = SIM_PF;
		out->error = fault.error;
		judge_fault(v, a, fault.error, begin);
		mmu_pf_delivered(&v->ctx, GVA(a->gva));
		sim_arch_event(v, MMU_EV_PF, a->gva, sim_pcid(&v->regs));
		return;
	}
	judge_ok(v, a, gpa.v, "emulated");
	out->gpa = gpa.v;
	if (a->access & MMU_W) {
		emulate_store(a, gpa.v, out);
	} else {
		out->end = sim_host(gpa.v) ? SIM_OK : SIM_MMIO;
		out->value = sim_peek(gpa.v, a->size);
	}
}

static void at_device(struct sim_vcpu *v, const struct sim_access *a, const struct mmu_result *r,
		      struct sim_out *out)
{
	const struct sim_slot *s = sim_slot_of(r->gpa.v >> PAGE_SHIFT);

	judge_ok(v, a, r->gpa.v, "device access");
	out->end = SIM_MMIO;
	out->gpa = r->gpa.v;
	if (s && s == sim.changing)
		return;
	sim_check(!s || s->kind == SLOT_MMIO, "gpa %#llx is no device",
		  (unsigned long long)r->gpa.v);
	sim_check(r->dev == (s ? s->dev : MMU_DEV_NONE), "gpa %#llx is not of device %u",
		  (unsigned long long)r->gpa.v, r->dev);
	sim_check(!s || r->dev_base.v == s->gfn << PAGE_SHIFT, "device %u does not begin at %#llx",
		  r->dev, (unsigned long long)r->dev_base.v);
}

/* A write that traps. True: the instruction runs again. */
static bool trapped(struct sim_vcpu *v, const struct sim_access *a, const struct mmu_result *r,
		    struct sim_out *out)
{
	gfn_t gfn = gpa_to_gfn(r->gpa);

	out->may_unshadow = r->may_unshadow;
	if (a->unshadow && r->may_unshadow && mmu_is_shadowed(&sim.vm, gfn)) {
		mmu_unshadow(&sim.vm, gfn);
		return true;
	}
	emulate(v, a, out);
	return false;
}

static enum mmu_verdict ask(struct sim_vcpu *v, const struct sim_access *a, u32 error,
			    struct mmu_result *r)
{
	struct mmu_shadow_fault f = {
		.gva = GVA(a->gva),
		.access = a->access,
		.hw_error = error,
		.pkru = a->pkru,
		.ac = a->ac,
	};
	struct mmu_fault direct = { .gpa = GPA(a->gva), .access = a->access };

	if (!v->direct)
		return mmu_shadow_fault(&v->ctx, &f, r);
	r->gpa = direct.gpa;
	return mmu_fault(&sim.vm, &direct, r);
}

/* One exit. True: the guest runs again. */
static bool fault(struct sim_vcpu *v, const struct sim_access *a, u32 error, struct sim_out *out)
{
	struct mmu_result r = { .reason = "" };
	u64 begin = sim.now;
	enum mmu_verdict verdict;

	out->faults++;
	verdict = ask(v, a, error, &r);
	sim_log("    vCPU %u fault %s %#llx error %#x: %s", v->id, access_text(a->access),
		(unsigned long long)a->gva, error, mmu_verdict_name(verdict));
	switch (verdict) {
	case MMU_RETRY:
		/* Perhaps another CPU has to end what it began first. */
		env_relax();
		return true;
	case MMU_FIXED:
	case MMU_SPURIOUS:
		return true;
	case MMU_MMIO:
		at_device(v, a, &r, out);
		return false;
	case MMU_TRACKED:
		out->tracked = true;
		__attribute__((fallthrough));
	case MMU_EMULATE:
		return trapped(v, a, &r, out);
	case MMU_INJECT:
		sim_check(r.fault.gva.v == a->gva, "#PF with CR2 %#llx",
			  (unsigned long long)r.fault.gva.v);
		judge_fault(v, a, r.fault.error, begin);
		sim_arch_event(v, MMU_EV_PF, a->gva, sim_pcid(&v->regs));
		out->end = SIM_PF;
		out->error = r.fault.error;
		return false;
	case MMU_NOMEM:
		out->end = SIM_NOMEM;
		return false;
	case MMU_KILL_VM:
	case MMU_REFLECT_L1:
		break;
	}
	sim_fail("vCPU %u %#llx: verdict %s: %s", v->id, (unsigned long long)a->gva,
		 mmu_verdict_name(verdict), r.reason ? r.reason : "?");
}

static bool again(struct sim_vcpu *v, const struct sim_access *a, struct sim_out *out)
{
	struct sim_turn t;
	u64 hpa;
	u32 error;
	bool r;

	if (!sim_enter(v)) {
		out->end = SIM_NOMEM;
		return false;
	}
	if (sim.yield)
		sim.yield();
	if (!v->in_guest)
		return true; /* kicked out */
	if (sim_hw_translate(v, a, &hpa, &error)) {
		complete(v, a, hpa, out);
		return false;
	}
	sim_exit(v);
	t = sim_cpu_take(v->cpu);
	r = fault(v, a, error, out);
	sim_cpu_back(t);
	return r;
}

struct sim_out sim_access(struct sim_vcpu *v, const struct sim_access *a)
{
	struct sim_out out = { .end = SIM_STUCK };

	sim_check(!v->busy, "vCPU %u does two things at a time", v->id);
	v->busy = true;
	sim.writing += a->access & MMU_W ? 1 : 0;
	for (u32 i = 0; i < MAX_ROUNDS; i++)
		if (!again(v, a, &out))
			break;
	v->busy = false;
	if (out.end == SIM_STUCK)
		sim_explain(v, a);
	sim_check(out.end != SIM_STUCK || sim.may_stick, "vCPU %u %s %#llx never ends", v->id,
		  access_text(a->access), (unsigned long long)a->gva);
	sim_check(out.end != SIM_NOMEM || sim.refused, "vCPU %u %#llx: no memory", v->id,
		  (unsigned long long)a->gva);
	return out;
}

/* --- the others ------------------------------------------------------------------------------- */

void sim_meanwhile(void)
{
	struct sim_access a;

	if (!sim.lively || sim.meanwhile)
		return;
	sim.meanwhile = true;
	for (u32 i = 0; i < sim.nr_vcpus; i++) {
		struct sim_vcpu *v = &sim.vcpu[i];

		if (!v->in_guest || v->cpu == env_sim.cpu || v->busy || !sim_chance(4))
			continue;
		sim.pick(v, &a);
		if (sim_chance(3))
			sim_hw_speculate(v, a.gva);
		else if (!sim_touch(v, &a))
			sim_exit(v);
	}
	sim.meanwhile = false;
}

/* --- instructions that mmu/ sees -------------------------------------------------------------- */

/* In host mode on the vCPU's CPU. */
static struct sim_turn host(struct sim_vcpu *v)
{
	leave_cpu(v->cpu, NULL);
	return sim_cpu_take(v->cpu);
}

static bool same(const struct mmu_regs *a, const struct mmu_regs *b)
{
	return a->cr0 == b->cr0 && a->cr3 == b->cr3 && a->cr4 == b->cr4 && a->efer == b->efer;
}

/* As the hypervisor does it: alone, if no other register changes with it. */
static bool write_regs(struct mmu_ctx *c, const struct mmu_regs *r, enum mmu_reg_write what)
{
	struct mmu_regs one = c->regs;
	u64 *reg = what == MMU_WROTE_CR0    ? &one.cr0
		   : what == MMU_WROTE_CR4  ? &one.cr4
		   : what == MMU_WROTE_EFER ? &one.efer
					    : &one.cr3;
	u64 val = *(const u64 *)(const void *)((const char *)r + ((char *)reg - (char *)&one));

	*reg = val;
	if (what == MMU_WROTE_ALL || !same(&one, r))
		return mmu_write_regs(c, r, what);
	if (reg == &one.cr3)
		return mmu_write_cr3(c, val, what == MMU_WROTE_CR3);
	return mmu_write_reg(c, what, val);
}

void sim_follow_paging(struct sim_vcpu *v)
{
	bool direct = sim.unpaged_direct && !(v->regs.cr0 & CR0_PG);

	if (v->direct == direct)
		return;
	v->direct = direct;
	sim_hw_drop(v);
	if (direct)
		mmu_shadow_unpaged_begin(&sim.vm);
	else
		mmu_shadow_unpaged_end(&sim.vm);
}

/* The judge's copy first: nothing can come between its reading of PDPTEs and that of mmu/. */
bool sim_write_regs(struct sim_vcpu *v, const struct mmu_regs *r, enum mmu_reg_write what)
{
	struct sim_turn t = host(v);
	bool mine, ok;

	mine = sim_arch_write(v, r, what);
	ok = write_regs(&v->ctx, r, what);
	sim_follow_paging(v);
	sim_cpu_back(t);
	sim_check(mine == ok, "a register write %s #GP", ok ? "gave no" : "gave a");
	sim_check(same(&v->ctx.regs, &v->regs), "mmu/ has other registers than the guest");
	return ok;
}

void sim_invlpg(struct sim_vcpu *v, u64 gva)
{
	struct sim_turn t = host(v);

	if (mmu_invlpg(&v->ctx, GVA(gva)))
		sim_hw_invlpg(v, gva);
	sim_cpu_back(t);
	sim_arch_event(v, MMU_EV_INVLPG, gva, sim_pcid(&v->regs));
}

/* Source: Intel SDM 2 "INVPCID". */
static bool invpcid_legal(const struct sim_vcpu *v, u64 type, u64 pcid, u64 gva)
{
	u32 top = v->regs.cr4 & CR4_LA57 ? 56 : 47;
	u64 high = (u64)((s64)(gva << (63 - top)) >> (63 - top));

	if (type > 3 || pcid >> 12)
		return false;
	if (type < 2 && pcid && !(v->regs.cr4 & CR4_PCIDE))
		return false;
	return type != 0 || high == gva;
}

bool sim_invpcid(struct sim_vcpu *v, u64 type, u64 pcid, u64 gva)
{
	static const enum mmu_event event[] = { MMU_EV_INVPCID_ADDR, MMU_EV_INVPCID_SPACE,
						MMU_EV_INVPCID_ALL, MMU_EV_INVPCID_NONGLOBAL };
	struct sim_turn t = host(v);
	bool ok = mmu_invpcid(&v->ctx, type, pcid, GVA(gva));

	sim_cpu_back(t);
	sim_check(ok == invpcid_legal(v, type, pcid, gva), "invpcid type %llu: %s #GP",
		  (unsigned long long)type, ok ? "no" : "a");
	if (ok)
		sim_arch_event(v, event[type], gva, (u32)pcid);
	return ok;
}

int sim_set_caps(struct sim_vcpu *v, const struct mmu_caps *c)
{
	struct sim_turn t = host(v);
	int r = mmu_ctx_set_caps(&v->ctx, c);

	sim_cpu_back(t);
	if (r)
		return r;
	v->caps = *c;
	v->regs.maxphyaddr = c->maxphyaddr;
	v->regs.has_nx = c->has_nx;
	v->regs.has_1g = c->has_1g;
	v->regs.has_pse36 = c->has_pse36;
	return 0;
}

/* --- devices and the rest of the hypervisor --------------------------------------------------- */

/* They run on a CPU of their own. */
struct sim_turn sim_elsewhere(void)
{
	return sim_cpu_take(env_sim.nr_cpus - 1);
}

static void store_by(u64 gpa, u64 value, u8 size, enum sim_how how)
{
	u64 old = sim_peek(gpa, size), len;
	void *p;

	switch (how) {
	case SIM_BY_WRITE:
		sim_check(mmu_write(&sim.vm, GPA(gpa), &value, size) == 0, "mmu_write");
		break;
	case SIM_BY_CMPXCHG:
		sim_check(mmu_cmpxchg(&sim.vm, GPA(gpa), &old, &value, size) >= 0, "mmu_cmpxchg");
		break;
	case SIM_BY_POINTER:
	case SIM_BY_NOBODY:
		p = mmu_gpa_ptr(&sim.vm, GPA(gpa), &len);
		sim_check(p == sim_host(gpa) && len >= size, "mmu_gpa_ptr");
		memcpy(p, &value, size);
		if (how == SIM_BY_POINTER)
			mmu_wrote(&sim.vm, GPA(gpa), size);
		break;
	}
}

bool sim_dma(u64 gpa, u64 value, u8 size, enum sim_how how)
{
	const struct sim_slot *s = sim_slot_of(gpa >> PAGE_SHIFT);
	struct sim_turn t;

	if (!s || s->kind != SLOT_RAM)
		return false;
	t = sim_elsewhere();
	sim_pending(gpa, true);
	if (how == SIM_BY_NOBODY)
		sim_wild(gpa);
	store_by(gpa, value, size, how);
	if (how != SIM_BY_NOBODY)
		sim_noted(gpa, size);
	sim_pending(gpa, false);
	sim_cpu_back(t);
	return true;
}
