/* SPDX-License-Identifier: BSD-2-Clause */
/* Root objects, for the files of mmu/shadow/. All under mmu_vm.lock. */
#pragma once

#include "mmu/mmu.h"
#include "mmu/mutant.h"
#include "mmu/shadow/ctx.h"
#include "mmu/shadow/root.h"

/* The key of the root that role and registers (with PDPTEs latched) call for. */
struct rkey root_key(union cpu_role role, const struct mmu_regs *regs);

static inline bool rkey_equal(const struct rkey *a, const struct rkey *b)
{
	return (a->role.word == b->role.word || MUTANT(S0_01_ROLE_NOT_IN_KEY)) &&
	       a->id[0] == b->id[0] && a->id[1] == b->id[1] && a->id[2] == b->id[2] &&
	       a->id[3] == b->id[3];
}

/* May be used for this key: it is the same, and the root is not obsolete. */
bool root_usable(const struct mmu_vm *m, const struct shadow_root *r, const struct rkey *key);

/* No page below it is unsync. */
bool root_in_sync(const struct shadow_root *r);
/* The context's wanted root becomes current if it is cached here or in use elsewhere, else none is.
 * Returns whether another root than before is current. */
bool root_switch(struct mmu_ctx *c);
/* Builds the wanted root. The reserve holds FETCH_PAGES. False: no memory below 4 GiB is left. */
bool root_build(struct mmu_ctx *c);
/* Gives up a reference. */
void root_put(struct mmu_vm *m, struct shadow_root *r);
/* A context gives up all it holds. */
void root_drop_ctx(struct mmu_ctx *c);
/* All contexts give up cached roots: up to max of the oldest, and returns how many; those of former
 * generations; those that shadow gfn themselves. Current ones stay. */
u32 root_drop_cached(struct mmu_vm *m, u32 max);
/* Current ones of former generations, too, are taken from their contexts, but kept until the caller
 * knows that no CPU runs on them; then root_drop_unowned() frees them. */
void root_drop_obsolete(struct mmu_vm *m);
void root_drop_unowned(struct mmu_vm *m);
void root_drop_cached_of(struct mmu_vm *m, gfn_t gfn);
/* The guest table in gfn is what a current root points to itself. */
bool root_is_current(const struct mmu_vm *m, gfn_t gfn);
