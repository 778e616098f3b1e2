/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The direct map: guest-physical to host-physical, as the slots say. What the entry for a frame
 * should be follows from the slot, its dirty log and its write tracking alone (direct_want());
 * every change of those is made first and then the tables are refitted to it. Beside shadows it
 * also follows from these, while a vCPU runs without paging.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/tree.h"

struct direct_want {
	u64 spte;
	u32 level; /* the highest at which one entry can say it */
};

/* Under mmu_vm.lock. */
struct direct_want direct_want(struct mmu_vm *m, gfn_t gfn);

/*
 * One of these frames, all in one slot, is a shadowed table, and a vCPU runs without paging: it
 * must not write there unseen.
 */
bool direct_shadowed(struct mmu_vm *m, gfn_t gfn, u64 nr);
/* gfn has become such a frame: no entry lets it be written. True: a flush is owed. */
bool direct_withdraw(struct mmu_vm *m, gfn_t gfn);

/* Pages that direct_fit() takes from the reserve for this frame. */
u32 direct_needs(const struct mmu_vm *m, gfn_t gfn, const struct direct_want *w);
/* Makes the entry for gfn what it should be; the reserve must suffice. Under mmu_vm.lock. */
flushneed_t direct_fit(struct mmu_vm *m, gfn_t gfn, const struct direct_want *w, struct mmu_res *r);

/* The same for all frames of a range, in slices, with the flushes. No lock held. -ENOMEM: stopped
 * in the middle, each entry is still right for its frame or empty. */
int direct_refit(struct mmu_vm *m, gfn_t first, u64 nr) __must_check;
/* Only where entries are: needs no memory, so it cannot fail. */
void direct_refit_existing(struct mmu_vm *m, gfn_t first, u64 nr);
