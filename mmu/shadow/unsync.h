/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leaf tables that the guest may write without notice. Such a page is marked SP_UNSYNC, and every
 * table from which hardware can reach it has the bit of that entry set in unsync_map. A flush by
 * the guest collects the marked pages below a root and brings them up to date.
 *
 * A bit may be set with nothing below (a stale bit, cleared by the next collection). It is clear
 * only if what is below is in sync or in a vector that will be resolved under the same hold of the
 * lock. All under mmu_vm.lock.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/pool.h"
#include "mmu/vm.h"

/* Pages resolved in one go: bounds the work between two looks at the tables. */
#ifndef PVEC_NR
#define PVEC_NR 16
#endif

struct pvec {
	u32 nr;
	spx_t sp[PVEC_NR];
};

enum collect {
	COLLECT_DONE, /* nothing unsync is below but what is in the vector */
	COLLECT_MORE, /* the vector is full: resolve it and collect again */
};

/* Marks a leaf table, and the way to it from everywhere. */
void unsync_mark(struct mmu_vm *m, spx_t x);
/* What entry idx of table x leads to is, or will be, unsync: marks x and the way to it. */
void unsync_mark_parent(spx_t x, u32 idx);
/* Clears a bit if it is set. */
void unsync_clear_bit(struct sp *sp, u32 idx);

/*
 * Adds unsync pages below x to the vector, and clears the bits on the way that are covered by it.
 */
enum collect unsync_collect_and_clear(spx_t x, struct pvec *pv);
/* Freezes every page of the vector, then brings each up to date. Always succeeds; empties it. */
void unsync_resolve(struct mmu_vm *m, struct pvec *pv);

/*
 * Both, for one vector of what is below the nr tables x (0 = none there), of which at most one is a
 * leaf table itself. True: all is in sync; false: give up the lock, then come again. rounds is kept
 * by the caller from call to call, 0 at first; it bounds how often that happens.
 */
bool sync_slice(struct mmu_vm *m, const spx_t *x, u32 nr, u32 *rounds) __must_check;
/* Entry idx of an unsync leaf table is made what the guest's entry is now. */
void sync_entry(struct mmu_vm *m, spx_t x, u32 idx);

/* The guest wants to write frame gfn, which is shadowed. True: all its shadows are leaf tables,
 * they are unsync now, and the frame may be mapped writable. */
bool unsync_try(struct mmu_vm *m, gfn_t gfn);
