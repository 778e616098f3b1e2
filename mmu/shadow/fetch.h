/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filling the shadow after a fault. The guest's tables were read without the lock, so whatever the
 * walk saw may be stale. The order that makes it safe, for each level from the root down:
 *
 *	the table of this level is linked, and frozen: no CPU can write the guest's table unnoticed
 *	compare the guest's entry in it with what the walk saw           differs: RETRY
 *	get the child: a linked one only if frame and role match in full, else from the
 *	hash, else a new one
 *	freeze a new child, with the flush acknowledged; sync an unsync one
 *	link it, and go down
 *
 * and at the leaf the same comparison before the leaf is written.
 */
#pragma once

#include "mmu/mmu.h"
#include "mmu/shadow/ctx.h"
#include "mmu/shadow/sp.h"
#include "mmu/slot_priv.h"
#include "mmu/walk.h"

/* One fault on its way. Sampled once. */
struct fetch {
	struct mmu_ctx *ctx;
	const struct mmu_walk *walk;
	gva_t gva;
	u32 access; /* MMU_R, W, X, U */
	gfn_t gfn;  /* the walk's result */
	const struct slot *slot;
};

/* Pages that a fetch, or the building of a root, takes at most. */
#define FETCH_PAGES 11

_Static_assert(MMU_CTX_MIN_PAGES == FETCH_PAGES + 8 + 8, "reserve, root and one way down");

/* Under mmu_vm.lock, with a usable current root and FETCH_PAGES in the context's reserve. FIXED,
 * SPURIOUS, RETRY (nothing but tables that are right was linked), EMULATE (may_unshadow is set). */
enum mmu_verdict fetch(const struct fetch *f, struct mmu_result *r);

/* The shadow page of this identity: the one there is, which may be unsync, or a new one, frozen.
 * The reserve holds two pages. Under mmu_vm.lock. */
spx_t table_get(struct mmu_vm *m, gfn_t gfn, union page_role role, struct mmu_res *res);

/* The guest's entries around the one that a fault needs, each read once, for the comparison and for
 * filling ahead: under the lock, after their table was frozen or found unsync. */
struct line {
	const u8 *at;  /* NULL: not looked for */
	u32 first, nr; /* of the shadow's entries */
};

/* The end of it: the leaf entry idx of x, and with level 1 the line around it. As fetch(). */
enum mmu_verdict fetch_leaf(const struct fetch *f, spx_t x, u32 idx, struct line *line,
			    struct mmu_result *r);
/* Level of the leaf. */
u32 fetch_level(const struct fetch *f);

/* Finds the line around entry idx of level-1 page x. False: no memory. */
bool line_load(const struct fetch *f, spx_t x, u32 idx, struct line *line);

/* The same, if that was not done. */
static inline bool line_find(const struct fetch *f, spx_t x, u32 idx, struct line *line)
{
	return (line->at && !MUTANT(S3_09_ENTRY_READ_TWICE)) || line_load(f, x, idx, line);
}

/* The guest's entry for entry idx of x, which the line holds. */
static inline u64 line_entry(const struct line *line, spx_t x, u32 idx)
{
	u32 size = sp_source_size(sp_get(x)->role);

	return gpte_load(line->at + (idx - line->first) * size, size);
}

/*
 * Entry idx of level-1 page x has been filled. Neighbours that the guest has used before (A set)
 * are filled with what every access may do; nothing is allocated, no table goes unsync, and an
 * entry that needs more is left to its own fault.
 */
void prefetch(const struct fetch *f, spx_t x, u32 idx, struct line *line);

/* Takes from rights what the frame's slot, log and tracks do not let a leaf have now; tables: also
 * W if a guest table in it is shadowed. */
u32 frame_rights(struct mmu_vm *m, const struct slot *s, gfn_t gfn, u32 rights, bool tables);
