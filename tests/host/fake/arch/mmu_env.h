/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam of mmu/mmu_env.h on a simulated machine: host-physical memory is one array, CPUs are
 * indices that a test switches between. mmu_sim.c owns the state.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/hook.h"

enum env_rank {
	ENV_RANK_VM = 1,
	ENV_RANK_POOL,
};

struct env_lock {
	u8 rank;
	bool held;
	u8 cpu; /* held: by whom */
};

#define ENV_MAX_CPUS 8

struct env_sim {
	u8 *mem; /* host-physical 0 .. size */
	u64 size;
	u32 cpu; /* the CPU that runs now */
	u32 nr_cpus;
	u32 ranks_held;
	u64 tsc;
	/* What the other CPUs do when this one kicks or waits. */
	void (*kick)(u32 cpu);
	void (*relax)(void);
	/* What they do just after env_publish(), and before env_lock(). */
	void (*published)(void);
	void (*locking)(void);
	/* While it waits for l, and after env_unlock(). NULL: nobody has to wait. */
	void (*blocked)(struct env_lock *l);
	void (*unlocked)(void);
	/* At the places of mmu/hook.h. */
	bool (*hook)(enum mmu_hook h);
	/* Before each store to a hardware-read entry. */
	void (*storing)(u64 *p, u64 v);
};

extern struct env_sim env_sim;

void env_lock_init(struct env_lock *l, enum env_rank rank);
void env_lock(struct env_lock *l);
void env_unlock(struct env_lock *l);
/* Stops the test when a is outside the machine's memory. */
void *env_ptr(hpa_t a);
void env_zero(void *p);
void env_kick(u32 cpu);
void env_kick_again(u32 cpu);
void env_relax(void);

static inline u64 env_spte_read(const u64 *p)
{
	return READ_ONCE(*p);
}

static inline void env_spte_write(u64 *p, u64 v)
{
	if (env_sim.storing)
		env_sim.storing(p, v);
	WRITE_ONCE(*p, v);
}

static inline void env_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void env_publish(u32 *p, u32 v)
{
	__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
	if (env_sim.published)
		env_sim.published();
}

static inline u32 env_cpu(void)
{
	return env_sim.cpu;
}

static inline u32 env_nr_cpus(void)
{
	return env_sim.nr_cpus;
}

static inline u64 env_tsc(void)
{
	return env_sim.tsc++;
}

static inline bool env_hook(enum mmu_hook h)
{
	return env_sim.hook && env_sim.hook(h);
}
