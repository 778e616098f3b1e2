/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads guest instructions. */
#include "vm/fetch.h"

#include <string.h>

#include "arch/regs.h"
#include "mmu/mmu.h"
#include "vm/cpuid.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

static __always_inline u32 fetch_access(const struct mmu_regs *regs)
{
	return regs->cpl == 3 ? MMU_X | MMU_U : MMU_X;
}

/* Linear address of byte n. */
static gva_t byte_at(const struct fetch *f, u32 n)
{
	u64 at = f->rip.v + n;

	return GVA(f->bits == 64 ? at : at & 0xffffffff);
}

/* Queues the fault of the first byte that was not read. */
static void cannot_fetch(struct vcpu *v, const struct fetch *f)
{
	gva_t at = byte_at(f, f->nr);
	struct mmu_gfault fault;
	gpa_t gpa;

	if (!mmu_translate(&v->vm->mmu, &f->regs, at, fetch_access(&f->regs), &gpa, &fault))
		vcpu_inject_pf(v, &fault);
	else
		vcpu_kill(v, "the instruction at linear address %llx is not in RAM",
			  (unsigned long long)at.v);
}

static void read_bytes(struct vcpu *v, struct fetch *f)
{
	struct mmu_gfault fault;
	const u8 *p;
	u32 len;

	while (f->nr < INSN_MAX_LEN) {
		p = mmu_fetch_ptr(&v->vm->mmu, &f->regs, byte_at(f, f->nr), fetch_access(&f->regs),
				  &len, &fault);
		if (!p)
			return;
		len = MIN(len, (u32)(INSN_MAX_LEN - f->nr));
		memcpy(f->bytes + f->nr, p, len);
		f->nr = (u8)(f->nr + len);
	}
}

bool fetch_bytes(struct vcpu *v, struct fetch *f)
{
	f->nr = 0;
	f->intel = !v->vm->cpuid->caps.amd;
	f->rip = hv->get_code(v, &f->regs, &f->bits);
	hv->get_paging(v, &f->regs);
	read_bytes(v, f);
	if (f->nr)
		return true;
	cannot_fetch(v, f);
	return false;
}

void fetch_unsupported(struct vcpu *v, const struct fetch *f)
{
	char hex[2 * INSN_MAX_LEN + 1];

	for (u32 i = 0; i < f->nr; i++) {
		hex[2 * i] = "0123456789abcdef"[f->bytes[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[f->bytes[i] & 15];
	}
	hex[2 * f->nr] = '\0';
	vm_log(v->vm, "vCPU %u at rip %llx: cannot emulate the instruction %s: #UD",
	       (unsigned)v->id, (unsigned long long)v->regs.rip, hex);
	vcpu_inject_ud(v);
}

bool fetch_decode_known(struct vcpu *v, struct fetch *f, struct insn *in, bool *known)
{
	*known = true;
	if (!fetch_bytes(v, f))
		return false;
	switch (decode(f->bytes, f->nr, fetch_mode(f), in)) {
	case DECODE_OK:
		return true;
	case DECODE_NEED_BYTES:
		cannot_fetch(v, f);
		return false;
	case DECODE_TOO_LONG:
		vcpu_inject_gp(v);
		return false;
	case DECODE_UNSUPPORTED:
		*known = false;
		return false;
	case DECODE_INVALID:
		break;
	}
	vcpu_inject_ud(v);
	return false;
}

bool fetch_decode(struct vcpu *v, struct fetch *f, struct insn *in)
{
	bool known, ok = fetch_decode_known(v, f, in, &known);

	if (!known)
		fetch_unsupported(v, f);
	return ok;
}

void fetch_changed(struct vcpu *v)
{
	hv->flush(v);
}

/* Across a page border, or not the instruction that exited. */
__noinline u8 fetch_len_slow(struct vcpu *v, enum insn_op op)
{
	struct fetch f;
	struct insn in;

	if (!fetch_bytes(v, &f))
		return 0;
	switch (decode(f.bytes, f.nr, fetch_mode(&f), &in)) {
	case DECODE_OK:
		if (in.op == op)
			return in.len;
		break;
	case DECODE_NEED_BYTES:
		cannot_fetch(v, &f);
		return 0;
	default:
		break;
	}
	fetch_changed(v);
	return 0;
}

void vcpu_skip_special(struct vcpu *v, u64 old)
{
	struct vcpu_regs *r = &v->regs;

	if (v->exit.irq_shadow)
		hv->set_irq_shadow(v, false);
	/* EIP wraps at 4 GiB; the sum can only pass there from below. */
	if (old >> 32 == 0 && r->rip >> 32 != 0)
		r->rip &= 0xffffffff;
	r->rflags &= ~RFLAGS_RF;
	/* No branch comes here but those of real mode. */
	if ((r->rflags & RFLAGS_TF) && !(hv->get_sreg(v, SR_DEBUGCTL) & DEBUGCTL_BTF))
		vcpu_inject_db(v, DR6_BS);
}
