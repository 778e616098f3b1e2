/* SPDX-License-Identifier: BSD-2-Clause */
#include "svm/tlb.h"

#include "svm/insn.h"

void svm_asid_init(struct svm_cpu *c)
{
	svm_asid_generation(c);
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
