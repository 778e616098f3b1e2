/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads guest instructions. */
#include "vm/fetch.h"

#include <string.h>

#include "arch/regs.h"
#include "mmu/mmu.h"
#include "vm/vm.h"

/* The instructions that exit by themselves, without prefixes. */
static const struct opcode {
	u8 len;
	u8 byte[3];
} opcodes[EXIT_NR] = {
	[EXIT_CPUID] = { 2, { 0x0f, 0xa2 } },        [EXIT_RDMSR] = { 2, { 0x0f, 0x32 } },
	[EXIT_WRMSR] = { 2, { 0x0f, 0x30 } },        [EXIT_HLT] = { 1, { 0xf4 } },
	[EXIT_PAUSE] = { 2, { 0xf3, 0x90 } },        [EXIT_HYPERCALL] = { 3, { 0x0f, 0x01, 0xd9 } },
	[EXIT_XSETBV] = { 3, { 0x0f, 0x01, 0xd1 } }, [EXIT_WBINVD] = { 2, { 0x0f, 0x09 } },
	[EXIT_INVD] = { 2, { 0x0f, 0x08 } },
};

static u32 fetch_access(const struct mmu_regs *regs)
{
	return regs->cpl == 3 ? MMU_X | MMU_U : MMU_X;
}

/* Linear address of RIP. Only 64-bit code can be above 4 GiB. */
static gva_t linear_rip(struct vcpu *v, const struct mmu_regs *regs, u8 *bits)
{
	struct segment cs;

	hv->get_seg(v, S_CS, &cs);
	if ((regs->efer & EFER_LMA) && (cs.attr & SEG_ATTR_L)) {
		*bits = 64;
		return GVA(v->regs.rip);
	}
	*bits = cs.attr & SEG_ATTR_DB ? 32 : 16;
	return GVA((cs.base + v->regs.rip) & 0xffffffff);
}

static void cannot_fetch(struct vcpu *v, gva_t rip, const struct mmu_gfault *fault)
{
	if (fault->error)
		vcpu_inject_pf(v, fault);
	else
		vcpu_kill(v, "instruction at linear %llx is not in RAM", (unsigned long long)rip.v);
}

bool fetch_insn(struct vcpu *v, struct fetch *f)
{
	f->nr = 0;
	hv->get_paging(v, &f->regs);
	f->rip = linear_rip(v, &f->regs, &f->bits);
	while (f->nr < INSN_MAX) {
		gva_t at = GVA(f->rip.v + f->nr);
		u32 len;
		const u8 *p;

		if (f->bits != 64)
			at.v &= 0xffffffff;
		p = mmu_fetch_ptr(&v->vm->mmu, &f->regs, at, fetch_access(&f->regs), &len,
				  &f->next);
		if (!p)
			break;
		len = MIN(len, (u32)(INSN_MAX - f->nr));
		memcpy(f->bytes + f->nr, p, len);
		f->nr = (u8)(f->nr + len);
	}
	if (f->nr)
		return true;
	cannot_fetch(v, f->rip, &f->next);
	return false;
}

/* False: the byte is no prefix. */
static bool take_prefix(struct prefixes *p, u8 byte, u8 bits)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		p->seg = byte >> 3 & 3; /* ES CS SS DS */
		return true;
	case 0x64:
	case 0x65:
		p->seg = (u8)(S_FS + (byte & 1));
		return true;
	case 0x66:
		p->opsize = true;
		return true;
	case 0x67:
		p->addrsize = true;
		return true;
	case 0xf0:
		p->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		p->rep = true;
		return true;
	default:
		return bits == 64 && (byte & 0xf0) == 0x40;
	}
}

void fetch_prefixes(const struct fetch *f, struct prefixes *p)
{
	*p = (struct prefixes){ .seg = S_NR };
	while (p->nr < f->nr && take_prefix(p, f->bytes[p->nr], f->bits))
		p->nr++;
	/* REX counts only directly before the opcode; the byte that ended the loop is none. */
	p->rex = p->nr && f->bits == 64 && (f->bytes[p->nr - 1] & 0xf0) == 0x40
			 ? f->bytes[p->nr - 1]
			 : 0;
}

/* With prefixes, across a page border, or not the instruction that exited. */
static __noinline u8 insn_len_slow(struct vcpu *v, const struct opcode *op)
{
	struct prefixes p;
	struct fetch f;

	if (!fetch_insn(v, &f))
		return 0;
	fetch_prefixes(&f, &p);
	if (op->byte[0] == 0xf3)
		p.nr--; /* PAUSE: its own first byte is a prefix */
	if (p.nr + op->len <= f.nr && memcmp(f.bytes + p.nr, op->byte, op->len) == 0)
		return (u8)(p.nr + op->len);
	/* Its end is on a page that went away. */
	if (p.nr + op->len > f.nr && f.nr < INSN_MAX)
		cannot_fetch(v, f.rip, &f.next);
	else
		hv->flush(v); /* the CPU ran it from a stale translation, or it was rewritten */
	return 0;
}

static __noinline u8 fetch_len(struct vcpu *v, const struct opcode *op)
{
	struct mmu_gfault fault;
	struct mmu_regs regs;
	gva_t rip = GVA(v->regs.rip);
	const u8 *p;
	u32 len;
	u8 bits;

	hv->get_paging(v, &regs);
	if (rip.v >> 32 == 0)
		rip = linear_rip(v, &regs, &bits);
	p = mmu_fetch_ptr(&v->vm->mmu, &regs, rip, fetch_access(&regs), &len, &fault);
	if (likely(p && len >= op->len && p[0] == op->byte[0])) {
		if (op->len == 1 || (p[1] == op->byte[1] && (op->len == 2 || p[2] == op->byte[2])))
			return op->len;
	}
	return insn_len_slow(v, op);
}

u8 fetch_insn_len(struct vcpu *v, enum exit_reason reason)
{
	if (v->exit.insn_len)
		return v->exit.insn_len;
	return fetch_len(v, &opcodes[reason]);
}

static __noinline void skip_special(struct vcpu *v, u64 old)
{
	struct vcpu_regs *r = &v->regs;

	/* EIP wraps at 4 GiB; the sum can only pass there from below. */
	if (old >> 32 == 0 && r->rip >> 32 != 0)
		r->rip &= 0xffffffff;
	r->rflags &= ~RFLAGS_RF;
	if (r->rflags & RFLAGS_TF)
		vcpu_inject_db(v, DR6_BS);
}

void vcpu_skip(struct vcpu *v, u8 len)
{
	u64 old = v->regs.rip;

	v->regs.rip = old + len;
	hv->clear_irq_shadow(v);
	if (unlikely((v->regs.rflags & (RFLAGS_TF | RFLAGS_RF)) || (old ^ v->regs.rip) >> 32))
		skip_special(v, old);
}
