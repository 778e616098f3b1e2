/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLB protocol: tags and epochs. A tag is one hardware TLB context: (CPU, ASID or VPID). The
 * backend owns the numbers; this file owns the question "must it be flushed before the guest runs".
 *
 *	CPU that runs the guest                 CPU that takes rights away (under mmu_vm.lock)
 *	-----------------------                 ----------------------------------------------
 *	mmu_enter: in_guest = 1                 write the entries
 *	           full fence                   flush_floor = stamp, then epoch = stamp
 *	           read epoch, then floor       full fence
 *	           flushed < floor: flush       for each tag that is in_guest and has not read
 *	world switch                              this epoch: kick its CPU, wait until it has
 *	mmu_exit:  in_guest = 0                   left or has entered again
 *	mmu_flushed, if it did
 *
 * Either the entering CPU sees the new floor or the other one sees in_guest. A CPU in host mode is
 * never waited for, and mmu_exit() comes before any lock, so waiting under the lock ends.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/mmu_env.h"
#include "mmu/vm.h"

enum mmu_flush {
	MMU_FLUSH_NONE,
	MMU_FLUSH_TAG, /* everything of this tag */
};

struct mmu_tag {
	u64 flushed_epoch; /* VM epoch read before its last complete flush; 0 = never */
	u64 entry_epoch;   /* epoch read at the last entry */
	u32 cpu;           /* index of the physical CPU it belongs to */
	u32 in_guest;      /* published: the tag is loaded and may fill its TLB */
	struct mmu_tag *next;
};

/* Makes a tag known to the VM, fresh. Its memory must stay until mmu_tag_unregister(). */
void mmu_tag_register(struct mmu_vm *m, struct mmu_tag *t, u32 cpu);
/* The tag is not in use and will not be loaded again. */
void mmu_tag_unregister(struct mmu_vm *m, struct mmu_tag *t);

/* The hardware context behind the tag may hold anything: a new ASID, another CPU, a vCPU reset. */
static inline void mmu_tag_fresh(struct mmu_tag *t, u32 cpu)
{
	t->flushed_epoch = 0;
	t->cpu = cpu;
}

/* Before a world switch with this tag, with interrupts held off. Says what it must flush. */
static __always_inline enum mmu_flush mmu_enter(struct mmu_vm *m, struct mmu_tag *t)
{
	env_publish(&t->in_guest, 1);
	/* In this order: who sees the new epoch also sees its floor. Pairs with tlb_sync(). */
	__atomic_store_n(&t->entry_epoch, __atomic_load_n(&m->epoch, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELAXED);
	return t->flushed_epoch < __atomic_load_n(&m->flush_floor, __ATOMIC_RELAXED)
		       ? MMU_FLUSH_TAG
		       : MMU_FLUSH_NONE;
}

/* First thing after a world switch, before any lock; also for one that did not take place. */
static __always_inline void mmu_exit(struct mmu_tag *t)
{
	__atomic_store_n(&t->in_guest, 0, __ATOMIC_RELEASE);
}

/* After a world switch that really ran and did the flush that mmu_enter() asked for. */
static __always_inline void mmu_flushed(struct mmu_tag *t)
{
	__atomic_store_n(&t->flushed_epoch, t->entry_epoch, __ATOMIC_RELEASE);
}
