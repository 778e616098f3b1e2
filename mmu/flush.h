/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a change of the tables owes to the TLBs. A change returns a flushneed_t; the operation joins
 * them and hands the result to tlb_commit() before it gives up the lock.
 */
#pragma once

#include "lib/types.h"

struct mmu_vm;

enum flush_class {
	FLUSH_NONE,  /* nothing that a TLB may hold has become wrong */
	FLUSH_REUSE, /* a table was unlinked, its translations still hold: quarantine does it */
	FLUSH_SYNC,  /* no CPU may use the old translation after the operation */
};

typedef struct {
	u8 cls;
} flushneed_t;

static inline flushneed_t __must_check flush_need(enum flush_class cls)
{
	return (flushneed_t){ (u8)cls };
}

static inline void flush_join(flushneed_t *all, flushneed_t one)
{
	if (one.cls > all->cls)
		all->cls = one.cls;
}

/* Pays the debt. Under mmu_vm.lock. */
void tlb_commit(struct mmu_vm *m, flushneed_t need);
/* Raises the floor for every tag without waiting. Returns the stamp. Under mmu_vm.lock. */
u64 tlb_raise(struct mmu_vm *m);
/* No running guest entered before the floor was raised to stamp. Under mmu_vm.lock. */
bool tlb_acked(const struct mmu_vm *m, u64 stamp);
/* tlb_raise(), then waits for tlb_acked(). Under mmu_vm.lock. */
void tlb_sync(struct mmu_vm *m);
