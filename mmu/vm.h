/* SPDX-License-Identifier: BSD-2-Clause */
/* The MMU state of one VM. Embedded in struct vm; its fields belong to mmu/. */
#pragma once

#include "lib/addr.h"
#include "lib/trace.h"
#include "lib/types.h"

#include "mmu/mmu_env.h"
#include "mmu/shadow/shadow_vm.h"
#include "mmu/slot.h"
#include "mmu/stat.h"

struct mmu_tag;

enum mmu_root_kind {
	RK_NONE,   /* not built */
	RK_DIRECT, /* one tree for the whole VM, guest-physical to host-physical */
};

/* What goes into nCR3 or EPTP. A root is self-describing: how to use and free it follows from the
 * root itself, never from the mode a vCPU is in at the moment. */
struct mmu_root {
	u8 kind;  /* enum mmu_root_kind */
	u8 level; /* of the top table */
	u32 sp;   /* top table, index into the pool */
	hpa_t hw; /* the same as a host-physical address */
};

/* The VM's largest RAM slot, for guest accesses that must be cheap. Fixed while vCPUs run. */
struct mmu_ram {
	u64 gpa, bytes;
	u8 *host;
	struct slot *slot;
};

struct mmu_vm {
	/* Read at every entry: one cache line of their own. */
	u64 epoch __aligned(64); /* stamp of the last flush request; under lock */
	u64 flush_floor;         /* a tag flushed before this stamp must flush before it runs */
	struct mmu_root root;
	struct mmu_ram ram;

	u64 lookaside[8]; /* recent device pages; mmu/fault.c */

	struct env_lock lock; /* tables, slots, tracking, tags */
	u32 id;
	u32 quota; /* pool pages this VM may hold; under the pool lock, as is used */
	u32 used;
	u32 nr_logged; /* slots with a dirty log */
	u64 gfn_limit; /* frames that a guest can name */
	bool prebuilt;
	u32 refitting;        /* rights were taken away, the entries follow in slices; nests */
	struct mmu_tag *tags; /* every TLB context that may hold our translations */
	u32 zap_list;         /* pool pages in state ZAPPING */
	u32 quarantine;       /* pool pages in state QUARANTINE, newest first */
	u64 synced_stamp;     /* every running tag has flushed past this stamp */
	u64 drain_stamp;      /* quarantined pages older than this wait for its acknowledgement */
	gfn_t spurious_gfn;   /* of the last spurious fault, and how many came in a row */
	u32 spurious_run;
	const char *broken; /* static text: which invariant failed */
	struct slot_table slots;
	struct mmu_stat stat;
	struct shadow_vm shadow;
};

static inline void mmu_stat_inc(struct mmu_vm *m, enum mmu_stat_id id)
{
	__atomic_fetch_add(&m->stat.count[id], 1, __ATOMIC_RELAXED);
}

/* A record of this VM in the trace ring. */
#define mmu_trace(m, ev, a, b, c) trace_vm_event((m)->id, ev, env_tsc(), a, b, c)

/* What hardware walks for a guest without shadow paging (nCR3, or the address in EPTP). */
static inline hpa_t mmu_root_hpa(const struct mmu_vm *m)
{
	return m->root.hw;
}
