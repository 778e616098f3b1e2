/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores of the hypervisor to guest memory that may hold shadowed tables: what the guest's stores
 * become when they are trapped and emulated. The shadow entries go first and the store follows,
 * both under the lock, so that no fault can come between.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/vm.h"

/* Under mmu_vm.lock: bytes [gpa, gpa + len) of one page will be written before it is given up. */
void gptw_before_store(struct mmu_vm *m, gpa_t gpa, u64 len);
/* The same for bytes that somebody else has written already; any length. No lock held. */
void gptw_after_store(struct mmu_vm *m, gpa_t gpa, u64 len);
/* Under mmu_vm.lock: a vCPU without paging is about to write to gfn through the direct map. False:
 * a current root points to that table, so it is shadowed still. */
bool gptw_yield(struct mmu_vm *m, gfn_t gfn);
