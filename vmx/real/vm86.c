/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real mode without unrestricted guest: the guest runs in virtual-8086 mode at level 3, so all that
 * only the kernel may do ends in #GP, as IOPL is 0. Every exception exits, and so does everything
 * that hardware would use the IDT or the TSS for: there is no I/O bitmap behind the limit of TR.
 * vm/real_mode.c does the rest. Between entries the VMCS holds what the guest has in real mode.
 *
 * Segments of virtual-8086 mode have 64 KiB and begin at 16 times their selector. A larger limit
 * stays the guest's: an access beyond 64 KiB is a #GP, and emulated. A base that its selector does
 * not name, as real mode has it behind protected mode until the register is loaded, is kept with
 * the selector that would. What no such segment can be is emulated, one instruction at a time.
 * Source: Intel SDM 3B "8086 Emulation"; 3C "Checks on Guest Segment Registers".
 */
#include "vm/segment.h"
#include "vmx/backend.h"
#include "vmx/insn.h"

#define VM86_LIMIT   0xffff
#define VM86_AR      0xf3 /* present, DPL 3, data, writable, accessed */
#define REAL_ATTR    0x93 /* the same at level 0 */
#define TSS_AR       0x8b /* busy, 32 bits */
/* CR4: real mode has no such checks of the privilege level, and INTn does not use the TSS. */
#define CR4_LEVEL_3  (CR4_VME | CR4_TSD | CR4_UMIP)
/* Only instructions that exit see these; level 3 checks alignment. */
#define FLAGS_HIDDEN (RFLAGS_IOPL | RFLAGS_AC)

/* clang-format off */
#define SEG(s) { VMCS_GUEST_##s##_LIMIT, VM86_LIMIT }, { VMCS_GUEST_##s##_AR, VM86_AR }

/* clang-format on */

/* The fields that differ from what the guest has, during the entry. */
static const struct {
	u16 field;
	u32 val;
} vm86[] = {
	SEG(ES),
	SEG(CS),
	SEG(SS),
	SEG(DS),
	SEG(FS),
	SEG(GS),
	{ VMCS_GUEST_TR_SEL, 0 },
	{ VMCS_GUEST_TR_BASE, 0 },
	{ VMCS_GUEST_TR_LIMIT, 0 },
	{ VMCS_GUEST_TR_AR, TSS_AR },
	{ VMCS_EXCEPTION_BITMAP, ~0U },
};

/* Makes it so that only limit and rights stand in the way. False: that cannot be. */
static bool fit(struct vcpu *v, u32 seg)
{
	struct segment s;

	vmx_get_seg(v, seg, &s);
	if (!(s.attr & SEG_ATTR_P)) { /* a null selector of protected mode */
		s.attr = REAL_ATTR;
		s.limit = VM86_LIMIT;
		vmx_set_seg(v, seg, &s);
	}
	if (s.base != (u64)s.sel << 4) {
		if (s.base & ~0xffff0ULL)
			return false;
		s.sel = (u16)(s.base >> 4);
		vmx_set_seg(v, seg, &s);
	}
	return s.limit >= VM86_LIMIT && !((seg == S_CS || seg == S_SS) && s.attr & SEG_ATTR_DB);
}

/* What the guest has, while the VMCS is as VM-entry wants it. */
struct guest_form {
	u64 val[ARRAY_SIZE(vm86)], cr4, rflags;
};

/* False: the guest's segments cannot be entered with. */
static bool begin(struct vcpu *v, struct guest_form *g)
{
	for (u32 seg = S_ES; seg <= S_GS; seg++)
		if (!fit(v, seg))
			return false;
	for (u32 i = 0; i < ARRAY_SIZE(vm86); i++) {
		g->val[i] = vmread((enum vmcs_field)vm86[i].field);
		vmwrite((enum vmcs_field)vm86[i].field, vm86[i].val);
	}
	g->cr4 = vmread(VMCS_GUEST_CR4);
	vmwrite(VMCS_GUEST_CR4, g->cr4 & ~CR4_LEVEL_3);
	g->rflags = v->regs.rflags;
	v->regs.rflags = (g->rflags & ~FLAGS_HIDDEN) | RFLAGS_VM;
	vmwrite(VMCS_GUEST_RFLAGS, vmx_of(v)->rflags = v->regs.rflags);
	return true;
}

static void end(struct vcpu *v, const struct guest_form *g)
{
	v->regs.rflags = (v->regs.rflags & ~RFLAGS_VM) | (g->rflags & FLAGS_HIDDEN);
	vmwrite(VMCS_GUEST_CR4, g->cr4);
	for (u32 i = 0; i < ARRAY_SIZE(vm86); i++)
		vmwrite((enum vmcs_field)vm86[i].field, g->val[i]);
}

/* All vectors but those of the hypervisor, which vmx/exit.c keeps. */
static enum exit_reason exception(struct vcpu *v)
{
	u8 vector = v->exit.exc.vector;

	if (vector == EXC_BP || vector == EXC_OF)
		v->regs.rip += vmread(VMCS_EXIT_INSN_LEN);
	if (vector == EXC_GP || vector == EXC_SS)
		v->exit.reason = EXIT_EMULATE;
	return (enum exit_reason)v->exit.reason;
}

enum exit_reason vmx_enter_real(struct vcpu *v)
{
	enum exit_reason reason;
	struct guest_form g;

	if (!begin(v, &g)) {
		v->exit.irq_shadow = vmx_irq_shadow(v);
		v->exit.reason = EXIT_EMULATE;
		return EXIT_EMULATE;
	}
	reason = vmx_enter_paged(v);
	if (reason == EXIT_FAIL)
		return reason; /* for those who ask why */
	end(v, &g);
	return reason == EXIT_EXCEPTION ? exception(v) : reason;
}

int vmx_check_real(struct vcpu *v, struct out *o)
{
	struct guest_form g;
	int broken;

	if (!begin(v, &g))
		return 0;
	broken = vmx_check(v, o);
	end(v, &g);
	return broken;
}
