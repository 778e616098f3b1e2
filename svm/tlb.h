/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ASIDs, the hardware's names for TLB contexts. Each CPU gives out its own, rising. When they are
 * used up a new generation begins: one VMRUN flushes them all, and every vCPU takes a new number
 * when it is loaded or flushed next. So an ASID that was just taken has an empty TLB, and taking
 * one is also how a tag is flushed where the CPU cannot flush a single ASID.
 *
 * A flush is done by a VMRUN, so it is recorded only after one that really ran.
 */
#pragma once

#include "svm/backend.h"

/* A CPU that has just entered SVM operation: its TLB may hold anything. */
void svm_asid_init(struct svm_cpu *c);
/* After s->cpu changed or another vCPU ran: may the ASID of s still be used? Else the entry
 * flushes. */
void svm_asid_check(struct svm_vcpu *s);
/* Forgets one linear address, at once. */
void svm_tlb_flush_gva(const struct svm_vcpu *s, gva_t gva);

/* What an entry in progress does follows here: a call, even one that is seldom made, would cost
 * each of them registers. */
static __always_inline void svm_asid_generation(struct svm_cpu *c)
{
	c->next_asid = 1; /* 0 is the hypervisor itself */
	c->asid_gen++;    /* from 1: a vCPU that never ran has generation 0 */
	c->flush_all = true;
}

static __always_inline void svm_asid_take(struct svm_cpu *c, struct svm_vcpu *s, struct vmcb *b)
{
	if (unlikely(c->next_asid >= svm_facts.nr_asids))
		svm_asid_generation(c);
	b->ctl.asid = c->next_asid++;
	s->asid_gen = c->asid_gen;
	vmcb_dirty(b, CLEAN_ASID);
}

/* The entry in progress flushes the tag of s. */
static __always_inline void svm_tlb_flush(struct svm_vcpu *s)
{
	struct svm_cpu *c = s->cpu;
	struct vmcb *b = s->vmcb;
	u8 how = TLB_NONE;

	if (s->asid_gen == c->asid_gen && svm_has(SVM_FLUSH_ASID))
		how = TLB_FLUSH_ASID;
	else
		svm_asid_take(c, s, b);
	b->ctl.tlb_control = c->flush_all ? TLB_FLUSH_ALL : how;
	s->busy |= BUSY_FLUSHING;
}

/* The world switch is over; ran says whether the guest was entered. */
static __always_inline void svm_tlb_flushed(struct svm_vcpu *s, bool ran)
{
	struct vmcb *b = s->vmcb;

	s->busy &= (u8)~BUSY_FLUSHING;
	if (!ran)
		return;
	if (unlikely(b->ctl.tlb_control == TLB_FLUSH_ALL))
		s->cpu->flush_all = false;
	b->ctl.tlb_control = TLB_NONE;
	s->flush = false;
	mmu_flushed(&s->tag);
}
