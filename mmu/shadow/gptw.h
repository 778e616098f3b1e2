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

/*
 * Under mmu_vm.lock: bytes [gpa, gpa + len) of one page are about to be written. True: they belong
 * to a table, gptw_stored() must follow the store.
 */
bool gptw_before_store(struct mmu_vm *m, gpa_t gpa, u64 len) __must_check;
/*
 * Under the same hold of the lock, after the store: no walk that began before is trusted unread.
 * Not earlier, for others walk without the lock, and one that began between count and store would
 * have read the old value.
 */
void gptw_stored(struct mmu_vm *m);
/* The same for bytes that somebody else has written already; any length. No lock held. */
void gptw_after_store(struct mmu_vm *m, gpa_t gpa, u64 len);
