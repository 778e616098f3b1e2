/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copies of what shadow paging holds. Each call takes the VM's lock for one page, one list or one
 * way down, so that guests run on while somebody reads; what is named in one copy may be gone when
 * the next one is made, and is then not found.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/pool.h"
#include "mmu/shadow/ctx.h"
#include "shell/mmu_probe.h"

/* Names that a copy of a list holds at most. */
#define MMU_VIEW_IDS 64

struct mmu_ctx_view {
	struct mmu_regs regs;
	union cpu_role role;
	struct rkey want;
	u32 gen; /* of the VM: roots of another one are obsolete */
	bool synced, flush;
	struct shadow_root
		root[1 + RCACHE_NR]; /* the current one, then newest first; SRK_NONE: none */
};

struct mmu_page_view {
	struct sp sp;
	u64 entry[MMU_ENTRIES], source[MMU_ENTRIES]; /* source: 0 in a direct page */
	u32 nr_parents;
	spteid_t parent[MMU_VIEW_IDS];
	struct shadow_root root; /* one that points to the page itself; SRK_NONE: there is none */
};

/* The context's own CPU, out of the guest. */
void mmu_ctx_view(struct mmu_ctx *c, struct mmu_ctx_view *v);
/* False: x is no live shadow page of this VM. */
bool mmu_page_view(struct mmu_vm *m, spx_t x, struct mmu_page_view *v);
/* How many there are; the first of them are in id[]. Leaves of a level that map gfn; pages that
 * shadow the guest table in gfn. */
u32 mmu_leaves_of(struct mmu_vm *m, gfn_t gfn, u32 level, spteid_t id[MMU_VIEW_IDS]);
u32 mmu_shadows_of(struct mmu_vm *m, gfn_t gfn, spx_t x[MMU_VIEW_IDS]);
/* The entries on the way to gva, down to a level at most. False: no root is at this address. */
bool mmu_shadow_path(struct mmu_vm *m, hpa_t root, gva_t gva, u32 lowest, struct mmu_path *p);
