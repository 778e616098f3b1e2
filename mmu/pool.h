/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pool of table pages for all VMs, with a header for each. Pages are named by index; index, header,
 * host-physical address and table convert by arithmetic.
 *
 *	            res_fill()            res_take()           link gone
 *	   FREE ---------------> RESERVED ----------> LIVE -----------> ZAPPING
 *	     ^ ^                    |  \                                   | children unlinked too
 *	     | +--- res_drop() -----+   +-----------> DATA                 v
 *	     |                                          | pool_free()  QUARANTINE
 *	     +------------------------------------------+------------------+ no TLB can refer to it
 *
 * A page is reserved before the VM's lock is taken, so that what is done under it cannot fail. A
 * page in any state but FREE counts against its VM's quota.
 *
 * Locks: the free list, mmu_vm.used and the states FREE and RESERVED are under the pool lock; the
 * rest of a header is under the lock of the VM that holds the page.
 */
#pragma once

#include "lib/addr.h"
#include "lib/bug.h"
#include "lib/types.h"

#include "mmu/geom.h"
#include "mmu/mmu_env.h"
#include "mmu/role.h"

struct mmu_vm;

typedef u32 spx_t;    /* index of a pool page; 0 = none */
typedef u32 spteid_t; /* name of an entry: page << MMU_LEVEL_BITS | index; 0 = none */

enum sp_state {
	SP_FREE,
	SP_RESERVED,
	SP_LIVE,       /* a table, reachable from a root */
	SP_DATA,       /* no table: bookkeeping of its VM */
	SP_ZAPPING,    /* unlinked; its children are not yet */
	SP_QUARANTINE, /* a TLB may still refer to it */
	SP_STATE_NR,
};

struct sp {
	gfn_t gfn; /* first frame the table maps; of a shadow: frame of the guest's table */
	u64 stamp; /* QUARANTINE: epoch when it was unlinked */
	union page_role role;
	spx_t next; /* in the one list of its state */

	union {
		spteid_t parent; /* LIVE, direct map: the entry that points here; 0 = root */
		u32 parents;     /* LIVE shadow: idlist_t of the entries that point here */
	};

	u16 nr_present; /* LIVE: entries that are not empty; DATA: the owner's count */
	u8 state;       /* enum sp_state */
	u8 vm;

	/* The rest is for shadow pages only (mmu/shadow/). */
	spx_t hash_next;
	spx_t lru_prev, lru_next;
	spx_t xlat;    /* page of source words, one for each entry; 0 = leaves are linear */
	u32 gen;       /* of the VM's shadow when it was made; another one = obsolete */
	u16 root_refs; /* roots that point here */
	u16 nr_unsync; /* bits set in unsync_map */
	u8 flags;      /* SP_UNSYNC ... */
	u8 flood;      /* trapped writes since the table was last used */
	u8 zero[6];

	union {
		u64 unsync_map[8];  /* level 2 and up: entries below which a table may be unsync */
		u64 present_map[8]; /* level 1: entries that are not empty */
	};
};

_Static_assert(sizeof(struct sp) == 128, "two cache lines");

#define SP_UNSYNC  BIT32(0) /* the guest may write the source table; shown to be a leaf table */
#define SP_INPVEC  BIT32(1) /* collected, not resolved yet */
#define SP_INWORK  BIT32(2) /* in the work list of mmu/shadow/unsync.c */
#define SP_COUNTED BIT32(3) /* in its slot's count of shadows */
#define SP_USED    BIT32(4) /* since reclaim has looked at it last */

struct mmu_pool {
	struct env_lock lock;
	hpa_t base;    /* where page 0 would be; the first real page is 1 */
	struct sp *sp; /* indexed by spx_t; element 0 stands for no page */
	u32 nr;
	u32 nr_free;
	spx_t free_list;
};

extern struct mmu_pool mmu_pool;

static __always_inline struct sp *sp_get(spx_t x)
{
	return &mmu_pool.sp[x];
}

static __always_inline hpa_t sp_hpa(spx_t x)
{
	return HPA(mmu_pool.base.v + ((u64)x << PAGE_SHIFT));
}

/* Its MMU_ENTRIES entries. */
static __always_inline u64 *sp_table(spx_t x)
{
	return env_ptr(sp_hpa(x));
}

/* The pool page at a, or 0 if a is not in the pool. */
static inline spx_t sp_of_hpa(hpa_t a)
{
	u64 x = (a.v - mmu_pool.base.v) >> PAGE_SHIFT;

	return a.v > mmu_pool.base.v && x <= mmu_pool.nr ? (spx_t)x : 0;
}

static inline spteid_t spte_id(spx_t x, u32 idx)
{
	return x << MMU_LEVEL_BITS | idx;
}

static inline spx_t spte_id_page(spteid_t id)
{
	return id >> MMU_LEVEL_BITS;
}

static inline u32 spte_id_index(spteid_t id)
{
	return id & (MMU_ENTRIES - 1);
}

/* Pages set aside for one operation. */
#define MMU_RES_MAX 16

struct mmu_res {
	u32 nr;
	spx_t page[MMU_RES_MAX];
};

/* Has at least n (up to MMU_RES_MAX) zeroed pages in r, or leaves r as it was: -ENOMEM when quota
 * or pool is used up, -EAGAIN when a lock-free reader holds pages back for a moment. No lock held;
 * may drain the VM's quarantine, and wait for its CPUs if nothing else helps. */
int res_fill(struct mmu_vm *m, struct mmu_res *r, u32 n) __must_check;
/* Gives back what was not used. */
void res_drop(struct mmu_vm *m, struct mmu_res *r);
/* One reserved page becomes LIVE or DATA. r must have one: that is what the reserve is for. */
spx_t res_take(struct mmu_res *r, enum sp_state state);

/* DATA, QUARANTINE or RESERVED to FREE, at once. */
void pool_free(struct mmu_vm *m, spx_t x);

/* Under mmu_vm.lock: x is not linked any more and will be unlinked from its children. */
void pool_zap(struct mmu_vm *m, spx_t x);
/* The next page to unlink children of, or 0; the caller then quarantines it. */
spx_t pool_zap_next(struct mmu_vm *m);
void pool_quarantine(struct mmu_vm *m, spx_t x);
/* Frees what no TLB and no lock-free reader can refer to. Never waits. */
void pool_drain(struct mmu_vm *m);
