/* SPDX-License-Identifier: BSD-2-Clause */
/* Consistency of control registers. */
#include "vm/regs.h"

#include "arch/regs.h"
#include "mmu/mutant.h"
#include "mmu/walk.h"

static const char *cr0_wrong(const struct mmu_regs *r)
{
	if (r->cr0 >> 32)
		return "CR0: the upper half is reserved";
	if ((r->cr0 & CR0_PG) && !(r->cr0 & CR0_PE))
		return "CR0.PG needs CR0.PE";
	if ((r->cr0 & CR0_NW) && !(r->cr0 & CR0_CD))
		return "CR0.NW needs CR0.CD";
	return NULL;
}

static const char *long_mode_wrong(const struct mmu_regs *r)
{
	bool lme = r->efer & EFER_LME, lma = r->efer & EFER_LMA, pg = r->cr0 & CR0_PG;

	if (lma != (lme && pg) && !MUTANT(S1_11_LMA_UNCHECKED))
		return "EFER.LMA is EFER.LME and CR0.PG";
	if (lma && !(r->cr4 & CR4_PAE))
		return "long mode needs CR4.PAE";
	if (lma && (r->cr3 & MASK(63, 52)))
		return "CR3: address bits from 52 up are reserved";
	if (!lma && (r->cr4 & CR4_PCIDE))
		return "CR4.PCIDE needs long mode";
	return NULL;
}

/*
 * Sources: Intel SDM 3A "Control Registers", "Paging Modes and Control Bits"; AMD APM 2 "CR0
 * Register", "Canonicalization and Consistency Checks". CR4.LA57 is legal outside long mode (it has
 * no effect there); to change it inside is a matter of two states, which MOV CR4 sees.
 */
bool regs_valid(const struct mmu_regs *r, const char **why)
{
	*why = cr0_wrong(r);
	if (!*why)
		*why = long_mode_wrong(r);
	if (!*why && (r->cr4 >> 32))
		*why = "CR4: the upper half is reserved";
	if (!*why && (r->cr4 & CR4_CET) && !(r->cr0 & CR0_WP))
		*why = "CR4.CET needs CR0.WP";
	return !*why;
}
