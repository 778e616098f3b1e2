/* SPDX-License-Identifier: BSD-2-Clause */
#include "svm/tlb.h"

#include "svm/insn.h"

void svm_asid_init(struct svm_cpu *c)
{
	c->next_asid = 1; /* 0 is the hypervisor itself */
	c->asid_gen++;    /* from 1: a vCPU that never ran has generation 0 */
	c->flush_all = true;
}

void svm_asid_check(struct svm_vcpu *s)
{
	if (s->asid_gen != s->cpu->asid_gen)
		s->flush = true;
}

void svm_tlb_flush_gva(const struct svm_vcpu *s, gva_t gva)
{
	invlpga(gva.v, s->vmcb->ctl.asid);
}
