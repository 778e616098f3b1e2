/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory slots: what each range of guest-physical frames is. Look-ups may come from any CPU at any
 * time; the calls that change slots or their dirty logs are made by one thread at a time.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct mmu_vm;

enum slot_kind {
	SLOT_NONE,
	SLOT_RAM,
	SLOT_ROM,  /* writes are dropped (MMU_EMULATE) */
	SLOT_MMIO, /* every access traps (MMU_MMIO) */
};

/* Per-frame data of one slot, made of pool pages that exist only where needed (mmu/farray.h). */
struct farray {
	u32 index; /* pool page that names the data pages; 0 = none */
};

struct slot {
	gfn_t gfn;
	u64 nr;    /* frames */
	hfn_t hfn; /* first host frame; RAM and ROM only */
	u8 kind;   /* enum slot_kind */
	bool dirty_log;
	u16 dev; /* MMIO: the caller's id, comes back in mmu_result.dev */
	/* The rest belongs to mmu/; ignored by mmu_slot_add(). */
	u32 nr_tracked;       /* frames with a write-track count */
	struct farray dirty;  /* a bit per frame, while dirty_log */
	struct farray tracks; /* a u16 count per frame */
	/* Shadow paging, made at once for the whole slot: */
	struct farray shadows; /* a u16 per frame: shadow pages whose guest table it holds */
	bool shadowed;         /* they are complete; RAM and ROM only */
	bool leaving;          /* the slot is about to go: no new leaves */
	struct farray rmap[4]; /* idlist_t per frame: leaves of 4 KiB (two halves), 2 MiB, 1 GiB */
};

#define MMU_MAX_SLOTS       64
/* A RAM slot may have this many frames (8 GiB): the reach of a struct farray of u16. */
#define MMU_SLOT_MAX_FRAMES (1ULL << 21)

/* Slots do not move while they exist; order[] lists them by frame. */
struct slot_table {
	u32 seq; /* odd while order[] changes */
	u32 nr;
	u32 gen; /* of MMIO entries: changes with every slot */
	u8 order[MMU_MAX_SLOTS];
	struct slot slot[MMU_MAX_SLOTS];
};

/* Adds a slot; after mmu_prebuild() also its entries. -EEXIST when it overlaps one, -ENOSPC when
 * the table is full, -EINVAL when empty, too large or beyond the guest's physical width, -ENOMEM
 * when the quota does not suffice for its tables. */
int mmu_slot_add(struct mmu_vm *m, const struct slot *s) __must_check;
/* Removes the slot that starts at gfn; -ENOENT if there is none. After return no CPU can reach its
 * memory through the guest's tables. Pointers from mmu_gpa_ptr() are the caller's affair: before
 * RAM is given away, the VM's vCPUs must have left their exit handlers (a paused VM). */
int mmu_slot_remove(struct mmu_vm *m, gfn_t gfn) __must_check;
/* The slot that holds gfn, or NULL. Lock-free; valid until the slot is removed. */
const struct slot *mmu_slot_find(const struct mmu_vm *m, gfn_t gfn);
/* Slot number i by address, or NULL at the end. For the shell. */
const struct slot *mmu_slot_nth(const struct mmu_vm *m, u32 i);
