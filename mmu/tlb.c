/* SPDX-License-Identifier: BSD-2-Clause */
/* The side of the tag-epoch protocol that takes rights away; the picture is in tlb.h. */
#include "mmu/tlb.h"

#include "mmu/flush.h"
#include "mmu/pool.h"

/* How many turns of the wait loop until a kick is repeated: it may have been lost. */
#define KICK_AGAIN 1000000

void mmu_tag_register(struct mmu_vm *m, struct mmu_tag *t, u32 cpu)
{
	*t = (struct mmu_tag){ .cpu = cpu };
	env_lock(&m->lock);
	t->next = m->tags;
	m->tags = t;
	env_unlock(&m->lock);
}

void mmu_tag_unregister(struct mmu_vm *m, struct mmu_tag *t)
{
	struct mmu_tag **link = &m->tags;

	env_lock(&m->lock);
	while (*link && *link != t)
		link = &(*link)->next;
	if (*link)
		*link = t->next;
	env_unlock(&m->lock);
}

/* The floor goes first: mmu_enter() reads the epoch first. */
u64 tlb_raise(struct mmu_vm *m)
{
	u64 stamp = m->epoch + 1;

	__atomic_store_n(&m->flush_floor, stamp, __ATOMIC_RELAXED);
	__atomic_store_n(&m->epoch, stamp, __ATOMIC_RELEASE);
	env_fence(); /* pairs with env_publish() in mmu_enter() */
	return stamp;
}

/* A tag that runs since before the floor was raised may use what it cached then. One that entered
 * after has flushed at that entry, if it had to. */
static bool tag_acked(const struct mmu_tag *t, u64 stamp)
{
	return !__atomic_load_n(&t->in_guest, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&t->entry_epoch, __ATOMIC_ACQUIRE) >= stamp;
}

bool tlb_acked(const struct mmu_vm *m, u64 stamp)
{
	for (const struct mmu_tag *t = m->tags; t; t = t->next)
		if (!tag_acked(t, stamp))
			return false;
	return true;
}

static void wait_acked(struct mmu_vm *m, const struct mmu_tag *t, u64 stamp)
{
	for (u32 turn = 1; !tag_acked(t, stamp); turn++) {
		if (turn % KICK_AGAIN == 0) {
			mmu_stat_inc(m, MMU_STAT_FLUSH_KICK);
			env_kick_again(t->cpu);
		}
		env_relax();
	}
}

void tlb_sync(struct mmu_vm *m)
{
	u64 stamp = tlb_raise(m);
	u64 kicked = 0;

	/* All kicks first, so that the CPUs leave at the same time. */
	for (const struct mmu_tag *t = m->tags; t; t = t->next) {
		if (tag_acked(t, stamp))
			continue;
		kicked |= BIT(t->cpu);
		mmu_stat_inc(m, MMU_STAT_FLUSH_KICK);
		env_kick(t->cpu);
	}
	for (const struct mmu_tag *t = m->tags; t; t = t->next)
		wait_acked(m, t, stamp);
	m->drain_stamp = stamp;
	m->synced_stamp = stamp;
	mmu_stat_inc(m, MMU_STAT_FLUSH_SYNC);
	mmu_trace(m, MMU_FLUSH, FLUSH_SYNC, stamp, kicked);
}

void tlb_commit(struct mmu_vm *m, flushneed_t need)
{
	switch ((enum flush_class)need.cls) {
	case FLUSH_NONE:
		return;
	case FLUSH_REUSE:
		mmu_stat_inc(m, MMU_STAT_FLUSH_LAZY);
		return;
	case FLUSH_SYNC:
		tlb_sync(m);
		pool_drain(m);
		return;
	}
}
