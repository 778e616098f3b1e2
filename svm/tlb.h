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
/*
 * After s->cpu changed or another vCPU ran: may the ASID of s still be used? Else the entry
 * flushes.
 */
void svm_asid_check(struct svm_vcpu *s);
/* The entry in progress flushes the tag of s. */
void svm_tlb_flush(struct svm_vcpu *s);
/* The world switch is over; ran says whether the guest was entered. */
void svm_tlb_flushed(struct svm_vcpu *s, bool ran);
