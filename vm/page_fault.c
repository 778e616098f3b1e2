/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What exits under shadow paging alone: page faults, which are the guest's own or the shadow's, and
 * the instructions that flush translations.
 */
#include "arch/regs.h"
#include "mmu/shadow/ctx.h"
#include "vm/emul/mov.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/hv_ops.h"
#include "vm/mmio.h"
#include "vm/vm.h"

/* --- #PF -------------------------------------------------------------------------------------- */

/* Kernels write entries of their tables with plain stores, whose address the fault has told. False:
 * it is something else, nothing was done. p: 15 bytes of code. */
static bool store(struct vcpu *v, gpa_t gpa, const u8 *p, u8 bits)
{
	const u64 *gpr = v->regs.gpr;
	struct mov m;
	u64 val;

	if (!mov_decode(p, bits, &m) || !m.store || !mov_begins_at(&m, gpa.v, bits, gpr))
		return false;
	val = mov_value(&m, gpr);
	if (mmu_write(&v->vm->mmu, gpa, &val, m.size))
		return false;
	v->stat.emulated++;
	vcpu_skip(v, m.len);
	return true;
}

/* REP STOS or MOVS, the usual encodings: see emulate_write(). */
static bool fills(const u8 *p, u8 bits)
{
	u8 op = p[1];

	if (bits == 64 && op == 0x48)
		op = p[2];
	return p[0] == 0xf3 && (op == 0xa4 || op == 0xa5 || op == 0xaa || op == 0xab);
}

/* The write of an instruction. False: nothing was done. */
static bool write(struct vcpu *v, const struct mmu_result *r)
{
	const u8 *p;
	u8 bits;

	p = fetch_quick(v, &bits);
	if (p && store(v, r->gpa, p, bits))
		return true;
	return !(p && r->may_unshadow && fills(p, bits)) && emulate_write(v, r->may_unshadow);
}

/* Of an instruction, or of an event's delivery: it must not go to the page directly. */
static void trapped_write(struct vcpu *v, const struct mmu_result *r)
{
	if (!v->redelivery && write(v, r))
		return;
	if (task_guard_lift(v, r->gpa))
		return;
	if (r->may_unshadow)
		mmu_unshadow(&v->vm->mmu, gpa_to_gfn(r->gpa));
	else if (v->redelivery)
		vcpu_kill(v, "the delivery of an event writes to %llx: %s",
			  (unsigned long long)r->gpa.v, r->reason);
	else
		emulate(v);
}

static __noinline void rare(struct vcpu *v, enum mmu_verdict verdict, const struct mmu_result *r)
{
	switch (verdict) {
	case MMU_MMIO:
		mmio_fault(v, r->gpa, v->exit.pf.access, false);
		break;
	case MMU_TRACKED:
		if (!watch_hit(v, r->gpa, v->exit.pf.access, false))
			trapped_write(v, r);
		break;
	case MMU_EMULATE:
		trapped_write(v, r);
		break;
	default:
		vcpu_kill(v, "page fault at linear address %llx: %s",
			  (unsigned long long)v->exit.pf.gva.v, r->reason);
		break;
	}
}

void exit_pf(struct vcpu *v)
{
	const struct mmu_shadow_fault *f = &v->exit.pf;
	struct mmu_result *r = &v->last_result;
	enum mmu_verdict verdict;

	if (unlikely(v->guard.on && f->gva.v == v->guard.linear && task_guard_hit(v))) {
		exit_task_switch(v);
		return;
	}
	verdict = mmu_shadow_fault(v->mmu, f, r);
	v->last_pf = *f;
	v->last_verdict = verdict;
	switch (verdict) {
	case MMU_FIXED:
	case MMU_SPURIOUS:
	case MMU_RETRY:
		break;
	case MMU_INJECT:
		/* mmu_shadow_fault() has done what vcpu_inject_pf() would do besides. */
		hv->set_sreg(v, SR_CR2, r->fault.gva.v);
		vcpu_inject(v, EXC_PF, true, r->fault.error);
		break;
	default:
		rare(v, verdict, r);
		break;
	}
}

/* --- INVLPG, INVPCID -------------------------------------------------------------------------- */

static void flush_page(struct vcpu *v, gva_t gva, u8 len)
{
	if (mmu_invlpg(v->mmu, gva))
		hv->flush_gva(v, gva);
	vcpu_skip(v, len);
}

/* INVLPG (reg) in 64-bit code: the length, or 0 when it is another encoding. */
static u8 quick(struct vcpu *v, gva_t *gva)
{
	const u8 *p;
	u8 bits, rex;

	p = fetch_quick(v, &bits);
	if (!p || bits != 64)
		return 0;
	rex = p[0] == 0x41;
	p += rex;
	if (p[0] != 0x0f || p[1] != 0x01 || (p[2] & 0xf8) != 0x38 || (p[2] & 6) == 4)
		return 0;
	*gva = GVA(v->regs.gpr[(p[2] & 7) + 8 * rex]);
	return (u8)(3 + rex);
}

void exit_invlpg(struct vcpu *v)
{
	gva_t gva = v->exit.gva;
	u8 len = v->exit.insn_len;
	struct fetch f;
	struct insn in;

	if (!len)
		len = quick(v, &gva);
	if (!len) {
		if (!fetch_decode(v, &f, &in))
			return;
		if (in.op != OP_INVLPG) {
			fetch_changed(v);
			return;
		}
		gva = emulate_address(v, &f, &in);
		len = in.len;
	}
	flush_page(v, gva, len);
}

/* Source: AMD APM 3 "INVPCID". */
void exit_invpcid(struct vcpu *v)
{
	struct fetch f;
	struct insn in;
	u64 desc[2], type;

	if (!fetch_decode(v, &f, &in))
		return;
	if (in.op != OP_INVPCID) {
		fetch_changed(v);
		return;
	}
	if (!emulate_read(v, &f, &in, desc, sizeof(desc)))
		return;
	type = v->regs.gpr[in.reg];
	if (mmu_invpcid(v->mmu, f.bits == 64 ? type : (u32)type, desc[0], GVA(desc[1])))
		vcpu_skip(v, in.len);
	else
		vcpu_inject_gp(v);
}
