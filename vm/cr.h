/* SPDX-License-Identifier: BSD-2-Clause */
/* Which values the control registers take. Source: AMD APM 2 "System-Control Registers". */
#pragma once

#include "lib/types.h"

#include "arch/regs.h"
#include "vm/cpuid.h"

struct vcpu;

struct cr_state {
	u64 cr0, cr3, cr4, efer;
	bool cs_long; /* runs 64-bit code */
	const struct guest_caps *caps;
};

/* False: MOV to the register raises #GP(0). */
static __always_inline bool cr0_valid(const struct cr_state *s, u64 val)
{
	if (val >> 32)
		return false;
	if ((val & CR0_PG) && !(val & CR0_PE))
		return false;
	if ((val & CR0_NW) && !(val & CR0_CD))
		return false;
	if ((val & CR0_PG) && !(s->cr0 & CR0_PG) && (s->efer & EFER_LME))
		return (s->cr4 & CR4_PAE) && !s->cs_long;
	if (!(val & CR0_PG) && (s->cr0 & CR0_PG))
		return !s->cs_long && !(s->cr4 & CR4_PCIDE);
	return true;
}

static __always_inline bool cr3_valid(const struct cr_state *s, u64 val)
{
	if (!(s->efer & EFER_LMA))
		return true;
	if (s->cr4 & CR4_PCIDE)
		val &= ~CR3_NOFLUSH;
	return !(val & ~MASK(s->caps->maxphyaddr - 1, 0));
}

static __always_inline bool cr4_valid(const struct cr_state *s, u64 val)
{
	u64 changed = s->cr4 ^ val;

	if (val & ~s->caps->cr4_valid)
		return false;
	if ((s->efer & EFER_LMA) && (changed & (CR4_PAE | CR4_LA57)))
		return false;
	if ((changed & val & CR4_PCIDE))
		return (s->efer & EFER_LMA) && !(s->cr3 & CR3_PCID_MASK);
	return true;
}

/* MOV to CR3 by other means than the instruction. False: #GP(0) is due. */
bool vcpu_write_cr3(struct vcpu *v, u64 val);
/* EFER after CR0 is written: PG and LME together make LMA. */
u64 cr0_efer(u64 efer, u64 cr0);
