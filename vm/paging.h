/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's paging registers, and its shadow if it has one. Under nested paging the registers are
 * in the backend's control block and hardware walks the guest's own tables. Under shadow paging
 * they are in v->mmu, and hardware runs with others.
 */
#pragma once

#include "lib/types.h"

#include "mmu/role.h"
#include "vm/exit.h"
#include "vm/hv_ops.h"

struct vcpu;

/* Of a vCPU whose VM has shadow paging; with others they do nothing. -ENOMEM, -ENOSPC. */
int paging_create(struct vcpu *v) __must_check;
void paging_destroy(struct vcpu *v);

/* After hv_ops.vcpu_reset(): the registers are as after RESET. */
void paging_reset(struct vcpu *v);

/*
 * The guest's CR0, CR3, CR4 or EFER becomes val, which the caller has checked; bit 63 of CR3 is as
 * in MOV CR3. EFER.LMA follows CR0. False: #GP all the same, the PDPTEs have reserved bits set;
 * nothing has changed. Own thread, loaded.
 */
bool paging_write(struct vcpu *v, enum vcpu_sreg reg, u64 val) __must_check;

/* hv_ops.enter() of a vCPU with a shadow: makes it ready, then enters. EXIT_NONE: the vCPU was
 * killed instead. */
enum exit_reason paging_enter(struct vcpu *v);

/* A register of the guest with the bits in it that hardware must have. */
static inline u64 paging_forced(u64 val, const struct hw_bits *bits)
{
	return (val & ~bits->clear) | bits->set;
}
