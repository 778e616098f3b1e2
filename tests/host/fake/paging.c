/* SPDX-License-Identifier: BSD-2-Clause */
/* A vCPU without a shadow: its registers are the backend's. */
#include "vm/paging.h"

#include "lib/bug.h"

#include "arch/regs.h"
#include "mmu/shadow/ctx.h"

bool paging_write(struct vcpu *v, enum vcpu_sreg reg, u64 val)
{
	u64 efer = hv->get_sreg(v, SR_EFER);
	bool lma = (val & CR0_PG) && (efer & EFER_LME);

	if (reg == SR_CR0)
		hv->set_sreg(v, SR_EFER, lma ? efer | EFER_LMA : efer & ~EFER_LMA);
	if (reg == SR_CR3 && (hv->get_sreg(v, SR_CR4) & CR4_PCIDE))
		val &= ~CR3_NOFLUSH;
	hv->set_sreg(v, reg, val);
	return true;
}

enum exit_reason paging_enter(struct vcpu *v)
{
	(void)v;
	ASSERT(!"has no shadow");
	return EXIT_NONE;
}

void mmu_pf_delivered(struct mmu_ctx *c, gva_t gva)
{
	(void)c;
	(void)gva;
	ASSERT(!"has no shadow");
}
