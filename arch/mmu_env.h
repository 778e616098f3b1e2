/* SPDX-License-Identifier: BSD-2-Clause */
/* What mmu/mmu_env.h asks of this machine: its names for what arch/ has. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "arch/lapic.h"
#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/spinlock.h"
#include "arch/trap.h"
#include "arch/x86.h"

enum env_rank {
	ENV_RANK_VM = RANK_MMU,
	ENV_RANK_POOL = RANK_MMU_POOL,
};

struct env_lock {
	struct spinlock spin;
};

static inline void env_lock_init(struct env_lock *l, enum env_rank rank)
{
	spin_init(&l->spin, (enum lock_rank)rank);
}

static inline void env_lock(struct env_lock *l)
{
	spin_lock(&l->spin);
}

static inline void env_unlock(struct env_lock *l)
{
	spin_unlock(&l->spin);
}

static __always_inline void *env_ptr(hpa_t a)
{
	return hpa_ptr(a);
}

static inline void env_zero(void *p)
{
	frames_zero(p, 1);
}

static __always_inline u64 env_spte_read(const u64 *p)
{
	return READ_ONCE(*p);
}

static __always_inline void env_spte_write(u64 *p, u64 v)
{
	WRITE_ONCE(*p, v);
}

static __always_inline void env_fence(void)
{
	fence_full();
}

/* XCHG is a full fence and shorter than a store and MFENCE. */
static __always_inline void env_publish(u32 *p, u32 v)
{
	(void)__atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

static __always_inline u32 env_cpu(void)
{
	return this_cpu()->idx;
}

static inline u32 env_nr_cpus(void)
{
	return nr_cpus;
}

#define ENV_MAX_CPUS MAX_CPUS

static inline void env_kick(u32 cpu)
{
	cpu_request(cpus[cpu], CPU_REQ_KICK);
}

/* cpu_request() sends no second interrupt while the first is pending; this does. */
static inline void env_kick_again(u32 cpu)
{
	cpu_interrupt(cpus[cpu]);
}

static inline void env_relax(void)
{
	cpu_pause();
}

static inline u64 env_tsc(void)
{
	return rdtsc();
}

static __always_inline bool env_no_hook(void)
{
	return false;
}

#define MMU_HOOK(id) env_no_hook()
