/* SPDX-License-Identifier: BSD-2-Clause */
/* Event counters of one VM's MMU, declared once. Names are what the shell prints. */
#pragma once

#include "lib/types.h"

struct mmu_vm;

/* X(id, "name", "what it counts") */
#define MMU_STATS(X)                                                                   \
	X(FAULT_MMIO, "mmio", "faults on a cached MMIO entry")                         \
	X(FAULT_MMIO_SLOW, "mmio_fill", "MMIO faults that had no valid entry")         \
	X(FAULT_HOLE, "hole", "faults where no slot is")                               \
	X(FAULT_FIXED, "fixed", "faults that installed an entry")                      \
	X(FAULT_SPURIOUS, "spurious", "faults that the tables already allowed")        \
	X(FAULT_DIRTY, "dirty", "first writes to a dirty-logged frame")                \
	X(FAULT_ROM, "rom_write", "writes to ROM")                                     \
	X(FAULT_TRACKED, "tracked", "accesses that a track withholds")                 \
	X(NOMEM, "nomem", "page requests that quota or pool refused")                  \
	X(TABLE_ALLOC, "table_alloc", "tables linked")                                 \
	X(TABLE_FREE, "table_free", "tables unlinked")                                 \
	X(SPLIT, "split", "large leaves split")                                        \
	X(COLLAPSE, "collapse", "tables replaced by a large leaf")                     \
	X(FLUSH_SYNC, "flush_sync", "shootdowns that waited for running CPUs")         \
	X(FLUSH_KICK, "flush_kick", "CPUs kicked out of the guest by them")            \
	X(FLUSH_LAZY, "flush_lazy", "flushes left to the next entry")                  \
	X(WALK_RESTART, "walk_restart", "guest walks restarted by a changed entry")    \
	X(SHADOW_FAULT, "shadow_fault", "page faults looked at by shadow paging")      \
	X(SHADOW_GUEST, "shadow_guest", "of these, the guest's own")                   \
	X(SHADOW_FIXED, "shadow_fixed", "of these, those that filled a shadow entry")  \
	X(SHADOW_SPURIOUS, "shadow_spurious", "of these, already allowed")             \
	X(SHADOW_RETRY, "shadow_retry", "of these, those that lost a race")            \
	X(SHADOW_DEVICE, "shadow_device", "of these, accesses to a device")            \
	X(SHADOW_EMULATE, "shadow_emulate", "of these, writes to be emulated")         \
	X(GUEST_READ, "guest_read", "guest entries read to fill the shadow")           \
	X(PREFETCH, "prefetch", "shadow entries filled ahead")                         \
	X(SP_ALLOC, "sp_alloc", "shadow pages made")                                   \
	X(SP_ZAP, "sp_zap", "shadow pages dropped")                                    \
	X(RECLAIM, "reclaim", "shadow pages dropped for want of memory")               \
	X(FREEZE, "freeze", "guest tables write-protected")                            \
	X(UNSYNC, "unsync", "shadow pages that went out of sync")                      \
	X(SYNC, "sync", "shadow pages synced")                                         \
	X(TABLE_WRITE, "table_write", "trapped stores to guest tables")                \
	X(FLOOD, "flood", "shadow pages dropped for too many such stores")             \
	X(CROWD, "crowd", "frames mapped so often that all their leaves were dropped") \
	X(ROOT_BUILD, "root_build", "roots built")                                     \
	X(ROOT_HIT, "root_hit", "switches to a cached root")                           \
	X(ROOT_MISS, "root_miss", "switches to a root that was not cached")

enum mmu_stat_id {
#define X(id, name, help) MMU_STAT_##id,
	MMU_STATS(X)
#undef X
	MMU_STAT_NR,
};

struct mmu_stat {
	u64 count[MMU_STAT_NR];
};

/* Lock-free. id < MMU_STAT_NR. */
u64 mmu_stat_get(const struct mmu_vm *m, enum mmu_stat_id id);
const char *mmu_stat_name(enum mmu_stat_id id);
const char *mmu_stat_help(enum mmu_stat_id id);
