/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLB protocol: tags and epochs. A tag is one hardware TLB context: (CPU, ASID or VPID). The backend
 * owns the numbers; this file owns the question "must it be flushed before the guest runs".
 *
 * Entry: mmu_enter() publishes IN_GUEST with the tag, then compares epochs; it returns what to flush.
 * After a world switch that really ran: mmu_flushed(). Exit: mmu_exit() publishes OUT before any lock.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct mmu_vm;

enum mmu_flush {
	MMU_FLUSH_NONE,
	MMU_FLUSH_TAG, /* everything of this tag */
};

struct mmu_tag {
	u64 flushed_epoch; /* VM epoch read before its last complete flush */
	u64 entry_epoch;   /* epoch read at the entry in progress */
	u32 cpu;           /* index of the physical CPU it belongs to */
	u32 in_guest;      /* published: the tag is loaded and may fill its TLB */
};
