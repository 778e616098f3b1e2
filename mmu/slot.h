/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory slots: what each range of guest-physical frames is. */
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

struct slot {
	gfn_t gfn;
	u64 nr;    /* frames */
	hfn_t hfn; /* first host frame; RAM and ROM only */
	u8 kind;   /* enum slot_kind */
	bool dirty_log;
	u16 dev; /* MMIO: the caller's id, comes back in mmu_result.dev */
};

/*
 * Adds a slot. -EEXIST when it overlaps one, -ENOSPC when the table is full, -EINVAL when empty or
 * beyond the guest's physical width.
 */
int mmu_slot_add(struct mmu_vm *m, const struct slot *s) __must_check;
/* Removes the slot that starts at gfn; after return no CPU can reach its memory. */
int mmu_slot_remove(struct mmu_vm *m, gfn_t gfn) __must_check;
/* The slot that holds gfn, or NULL. Lock-free. */
const struct slot *mmu_slot_find(const struct mmu_vm *m, gfn_t gfn);
/* Slot number i, or NULL at the end. For the shell. */
const struct slot *mmu_slot_nth(const struct mmu_vm *m, u32 i);
