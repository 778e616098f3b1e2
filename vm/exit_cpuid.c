/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPUID instruction. */
#include "arch/regs.h"
#include "vm/cpuid.h"
#include "vm/dev/vlapic.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

#define EDX_APIC    BIT32(9)
#define ECX_OSXSAVE BIT32(27)
#define ECX_OSPKE   BIT32(4)

static void fix(struct vcpu *v, u32 what, u32 sub, struct cpuid_regs *r)
{
	bool apic = v->apic_base & APIC_BASE_EN;

	switch (what) {
	case FIX_FEATURES:
		r->ebx |= v->id << 24;
		if (hv->get_sreg(v, SR_CR4) & CR4_OSXSAVE)
			r->ecx |= ECX_OSXSAVE;
		if (!apic)
			r->edx &= ~EDX_APIC;
		break;
	case FIX_EXT_APIC:
		if (!apic)
			r->edx &= ~EDX_APIC;
		break;
	case FIX_OSPKE:
		if (sub == 0 && (hv->get_sreg(v, SR_CR4) & CR4_PKE))
			r->ecx |= ECX_OSPKE;
		break;
	case FIX_X2APIC_ID:
		r->edx = v->id;
		break;
	case FIX_XSAVE:
		/* The guest's XCR0 is in the register, so the CPU knows the size. */
		r->ebx = cpuid(0xd, sub).ebx;
		break;
	case FIX_EXT_ID:
		r->eax = v->id;
		r->ebx = v->id; /* core; one thread each */
		break;
	default:
		break;
	}
}

static void put(struct vcpu *v, const struct cpuid_regs *r)
{
	u64 *gpr = v->regs.gpr;

	gpr[R_AX] = r->eax;
	gpr[R_BX] = r->ebx;
	gpr[R_CX] = r->ecx;
	gpr[R_DX] = r->edx;
}

static __noinline void put_special(struct vcpu *v, u32 leaf, u32 sub)
{
	const struct cpuid_entry *e = cpuid_find(v->vm->cpuid, leaf, sub);
	struct cpuid_regs r = { 0 };

	if (e) {
		r = e->r;
		fix(v, e->fix, sub, &r);
	} else if (leaf == 0xb) { /* no such level: only the input and the id */
		r.ecx = sub & 0xff;
		r.edx = v->id;
	}
	put(v, &r);
}

void exit_cpuid(struct vcpu *v)
{
	const struct cpuid_table *t = v->vm->cpuid;
	u8 len = fetch_insn_len(v, OP_CPUID);
	u32 leaf = (u32)v->regs.gpr[R_AX];
	const struct cpuid_range *range;

	if (unlikely(!len))
		return;
	range = &t->range[cpuid_slot(leaf)];
	/* The usual leaf has one entry, and nothing in it depends on the vCPU. */
	if (likely(range->nr == 1 && !t->entry[range->first].fix))
		put(v, &t->entry[range->first].r);
	else
		put_special(v, leaf, (u32)v->regs.gpr[R_CX]);
	vcpu_skip(v, len);
}
