/* SPDX-License-Identifier: BSD-2-Clause */
/* For the backends: a #PF under shadow paging in the words of mmu/. */
#pragma once

#include "arch/regs.h"
#include "vm/vcpu.h"

/* Source: AMD APM 2 "#PF: Page-Fault Exception". pkru: 0 without CR4.PKE. */
static inline enum exit_reason page_fault_exit(struct vcpu *v, u64 gva, u32 error, u8 cpl, u32 pkru)
{
	struct mmu_shadow_fault *f = &v->exit.pf;

	f->gva = GVA(gva);
	f->hw_error = error;
	f->access = error & PFEC_F ? MMU_X : error & PFEC_W ? MMU_W : MMU_R;
	if (error & PFEC_U)
		f->access |= MMU_U;
	else if (cpl == 3)
		f->access |= MMU_IMPLICIT;
	f->pkru = pkru;
	f->ac = v->regs.rflags & RFLAGS_AC;
	return EXIT_PF;
}
