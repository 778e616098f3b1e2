/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reverse map: for each frame of guest memory and each page size the leaves that map it, so that a
 * frame can be taken away from the guest without a search. A large leaf is entered at its first
 * frame. Under mmu_vm.lock.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/flush.h"
#include "mmu/pool.h"
#include "mmu/shadow/idlist.h"
#include "mmu/slot.h"
#include "mmu/vm.h"

#define RMAP_LEVELS 3

/* The list for the leaf of this level that covers gfn; NULL where no memory is. */
idlist_t *rmap_head(struct mmu_vm *m, gfn_t gfn, u32 level);
void rmap_add(struct mmu_vm *m, gfn_t gfn, u32 level, spteid_t id);
void rmap_remove(struct mmu_vm *m, gfn_t gfn, u32 level, spteid_t id);

/* No CPU can write the frame after return, with paging or without: takes W from its leaves, drops
 * large leaves over it, and flushes what may remember either. */
void rmap_freeze(struct mmu_vm *m, gfn_t gfn);
/* The first half of it: true if a flush is owed. */
bool rmap_protect(struct mmu_vm *m, gfn_t gfn);
/* Nothing maps the frame after return, but TLBs may remember: true if anything did. */
bool rmap_unmap(struct mmu_vm *m, gfn_t gfn);
/* After a change of slot, log or tracking: leaves over frames [gfn, gfn + nr) allow no more than is
 * right now. */
flushneed_t rmap_refit(struct mmu_vm *m, gfn_t gfn, u64 nr);

/* The arrays of a slot, for all of its frames. -ENOMEM: some are missing, rmap_slot_fini() them. */
int rmap_slot_init(struct mmu_vm *m, gfn_t gfn) __must_check;
void rmap_slot_fini(struct mmu_vm *m, struct slot *s);
