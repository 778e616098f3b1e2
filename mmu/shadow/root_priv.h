/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root objects for the files of mmu/shadow/. Under mmu_vm.lock but
 * for what says otherwise.
 */
#pragma once

#include "mmu/mmu.h"
#include "mmu/mutant.h"
#include "mmu/shadow/ctx.h"
#include "mmu/shadow/events.h"
#include "mmu/shadow/root.h"
#include "mmu/shadow/sp.h"

/* The key of the root that role and registers (with PDPTEs latched) call for. */
struct rkey root_key(union cpu_role role, const struct mmu_regs *regs);

/* All but PAE have only id[0]. */
static __always_inline bool rkey_equal(const struct rkey *a, const struct rkey *b)
{
	return (a->role.word == b->role.word || MUTANT(S0_01_ROLE_NOT_IN_KEY)) &&
	       a->id[0] == b->id[0] &&
	       (a->role.fmt != ROLE_PAE ||
		(a->id[1] == b->id[1] && a->id[2] == b->id[2] && a->id[3] == b->id[3]));
}

/* The uppermost shadow page for gva; 0 = the PDPTE is absent. */
static __always_inline spx_t root_table(const struct shadow_root *r, gva_t gva)
{
	if (MUTANT(S0_07_TAG_GUESSED) ? r->child[1] != 0 : r->kind == SRK_PAE32)
		return r->child[gva_index(gva, 3) & 3];
	return r->child[0];
}

/* The level-1 table that links lead to for gva, or 0. touch: all tables on the way are in use. */
static __always_inline spx_t root_way_down(const struct shadow_root *root, gva_t gva, bool touch)
{
	spx_t x = root_table(root, gva);
	u32 level = sp_get(x)->role.level;
	/* The index of each level in turn stands in the uppermost bits. */
	u64 bits = gva.v << (64 - PAGE_SHIFT - MMU_LEVEL_BITS * level);

	for (; x; level--, bits <<= MMU_LEVEL_BITS) {
		if (touch)
			sp_touch(x);
		if (level == 1)
			break;
		x = sp_child(x, (u32)(bits >> (64 - MMU_LEVEL_BITS)));
	}
	return x;
}

/* No page below it is unsync. */
static __always_inline bool root_in_sync(const struct shadow_root *r)
{
	for (u32 i = 0; i < ARRAY_SIZE(r->child); i++) {
		if (r->child[i] && sp_get(r->child[i])->nr_unsync && !MUTANT(ROOT_SYNC_ASSUMED))
			return false;
		if (r->kind == SRK_SP || MUTANT(ROOT_SYNC_OF_FIRST))
			break;
	}
	return !MUTANT(ROOT_SYNC_UNSEEN);
}

/* The current root is not the one that is wanted, or obsolete: that one becomes current if it is
 * cached here or in use elsewhere, else none. */
void root_change(struct mmu_ctx *c);
/* Builds the wanted root. The reserve holds FETCH_PAGES. False: no memory below 4 GiB is left. */
bool root_build(struct mmu_ctx *c);
/* Gives up a reference. */
void root_put(struct mmu_vm *m, struct shadow_root *r);
/* A context gives up all it holds. */
void root_drop_ctx(struct mmu_ctx *c);
/* All contexts give up cached roots: up to max of the oldest, and returns how many; those that
 * shadow gfn themselves, and those of former generations. Current ones stay. */
u32 root_drop_cached(struct mmu_vm *m, u32 max);
/* Current ones of former generations, too, are taken from their contexts, but kept until the caller
 * knows that no CPU runs on them; then root_drop_unowned() frees them. */
void root_drop_obsolete(struct mmu_vm *m);
void root_drop_unowned(struct mmu_vm *m);
void root_drop_cached_of(struct mmu_vm *m, gfn_t gfn);
/* The guest table in gfn is what a current root points to itself. */
bool root_is_current(const struct mmu_vm *m, gfn_t gfn);

/*
 * PDPTs for hardware in PAE mode: 32 bytes each, below 4 GiB because CR3 has 32 bits then. One
 * store for all VMs, apart from the pool, so that no fault ever takes from it. It has its own lock.
 */
#define LOW_BYTES 32

/* A cleared table, or 0 if none is left. */
hpa_t low_alloc(void);
void low_free(hpa_t a);
u32 low_nr_free(void);
