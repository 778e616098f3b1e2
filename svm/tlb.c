/* SPDX-License-Identifier: BSD-2-Clause */
#include "svm/tlb.h"

void svm_asid_init(struct svm_cpu *c)
{
	c->next_asid = 1; /* 0 is the hypervisor itself */
	c->asid_gen++;    /* from 1: a vCPU that never ran has generation 0 */
	c->flush_all = true;
}

static void asid_take(struct svm_cpu *c, struct svm_vcpu *s)
{
	if (c->next_asid >= svm_facts.nr_asids)
		svm_asid_init(c);
	s->vmcb->ctl.asid = c->next_asid++;
	s->asid_gen = c->asid_gen;
	vmcb_dirty(s->vmcb, CLEAN_ASID);
}

void svm_asid_check(struct svm_vcpu *s)
{
	if (s->asid_gen != s->cpu->asid_gen)
		s->flush = true;
}

void svm_tlb_flush(struct svm_vcpu *s)
{
	struct svm_cpu *c = s->cpu;
	u8 how = TLB_NONE;

	if (s->asid_gen == c->asid_gen && svm_has(SVM_FLUSH_ASID))
		how = TLB_FLUSH_ASID;
	else
		asid_take(c, s);
	s->vmcb->ctl.tlb_control = c->flush_all ? TLB_FLUSH_ALL : how;
	s->busy |= BUSY_FLUSHING;
}

void svm_tlb_flushed(struct svm_vcpu *s, bool ran)
{
	s->busy &= (u8)~BUSY_FLUSHING;
	if (!ran)
		return;
	if (s->vmcb->ctl.tlb_control == TLB_FLUSH_ALL)
		s->cpu->flush_all = false;
	s->vmcb->ctl.tlb_control = TLB_NONE;
	s->flush = false;
	mmu_flushed(&s->tag);
}
