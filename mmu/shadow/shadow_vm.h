/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What shadow paging keeps for one VM, embedded in struct mmu_vm, all of it under mmu_vm.lock; and
 * what the rest of mmu/ tells it.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/caps.h"

struct mmu_ctx;
struct mmu_vm;
struct shadow_root;
struct slot;

/* The VM's lists of entry names take their chunks from here; mmu/shadow/idlist.h. */
struct idlist_pool {
	u32 free; /* first free chunk, 0 = none */
	u32 nr_free;
	u32 nr; /* chunks in all */
};

/* Optimisations, for measurements. */
struct mmu_tune {
	bool unsync;   /* leaf tables of the guest may go out of sync */
	bool huge;     /* large leaves */
	bool by_links; /* faults follow the shadow's own links where they lead to a leaf table */
	u16 prefetch;  /* entries looked at around a fault, a power of two, 1..512 */
	u8 roots;      /* that each context may hold, 1..16 */
	u8 flood;      /* trapped writes in a row after which a table is dropped, 0 = never */
};

/* One bucket list for all roles of a guest table, so all of them are found by one look-up. */
#define SHADOW_HASH_BITS 10

struct shadow_vm {
	bool on;
	u32 gen;                 /* changes when all tables become obsolete */
	u32 hash;                /* pool page of 1 << SHADOW_HASH_BITS heads */
	u32 lru_first, lru_last; /* all live shadow pages, most recently used first */
	u32 nr_live;
	u32 nr_unpaged; /* vCPUs on the direct map */
	/* Entries that let the guest write, and large ones, may be dropped without a flush when the
	 * guest owes one itself. A TLB may keep them until this stamp is flushed: a frame is not
	 * frozen, and one page's flush not enough, before. */
	u64 lazy_w;
	u64 lazy_large;
	struct idlist_pool ids;
	struct caps_table caps;
	struct shadow_root *roots;      /* in use */
	struct shadow_root *roots_free; /* memory for more */
	u32 root_pages;                 /* pool pages that roots are in, linked by sp.next */
	struct mmu_ctx *ctxs;
	struct mmu_tune tune;
};

/* Nothing happens in these for a VM without shadow paging. */

/* A slot is in the table. No lock held. -ENOMEM. */
int shadow_slot_added(struct mmu_vm *m, gfn_t gfn) __must_check;
/* The slot that starts at gfn, if there is one, is about to leave: it is unmapped, in slices, and
 * nothing maps it again. TLBs may remember. No lock held. */
void shadow_slot_leaving(struct mmu_vm *m, gfn_t gfn);
/* It leaves now, and is still in the table: no CPU uses it after return. Under mmu_vm.lock. */
void shadow_slot_gone(struct mmu_vm *m, struct slot *s);
/* The end: all contexts are gone. No lock held. */
void shadow_fini(struct mmu_vm *m);
