/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rest of mmu/ tells shadow paging. Nothing happens for a VM without it. */
#pragma once

#include "mmu/slot.h"
#include "mmu/vm.h"

/* A slot is in the table. No lock held. -ENOMEM. */
int shadow_slot_added(struct mmu_vm *m, gfn_t gfn) __must_check;
/* The slot is about to leave; still in the table. Under mmu_vm.lock. */
void shadow_slot_gone(struct mmu_vm *m, struct slot *s);
/* It has left: gives back the tables that this made obsolete. No lock held. */
void shadow_slot_left(struct mmu_vm *m);
/* The end: all contexts are gone. No lock held. */
void shadow_fini(struct mmu_vm *m);
