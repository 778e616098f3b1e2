/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A simulated machine under mmu/: host-physical memory, CPUs that run guests through the tables
 * with a TLB that keeps what it may for as long as it may, and a flat model of what the guest
 * should see.
 */
#pragma once

#include "test.h"

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/audit.h"
#include "mmu/mmu.h"
#include "mmu/pool.h"

/* Host-physical layout: the pool at 1 MiB, guest memory from 1 GiB to 9 GiB. */
#define SIM_POOL 0x100000ULL
#define SIM_RAM  SZ_1G
#define SIM_SIZE (9 * SZ_1G)

#define SIM_TLB 24
#define SIM_LOG 7 /* writes that a CPU logs before it must be drained */

/* A cached translation, or a cached pointer to a table. */
struct sim_tlbe {
	u64 first, nr; /* frames; nr 0 = empty */
	u64 hpa;
	u32 access; /* of the path so far */
	u8 level;   /* of the leaf, or of the table pointed to */
	bool leaf;
	bool dirty; /* the leaf had D when it was cached */
};

struct sim_cpu {
	struct mmu_tag tag;
	struct mmu_vm *vm; /* whose guest runs; NULL = host mode */
	bool flush;        /* asked for by mmu_enter(), done by the entry */
	bool kicked;
	u32 next; /* victim in tlb[] */
	struct sim_tlbe tlb[SIM_TLB];
	u64 *leaf; /* the entry that the last walk ended at */
	u32 nr_logged;
	u64 log[SIM_LOG]; /* frames, if mmu_hw.pml */
};

extern struct sim_cpu sim_cpu[ENV_MAX_CPUS];
extern u64 sim_seed;

/* A machine with this entry format (enum spte_fmt), a pool of that many pages and nr_cpus CPUs. */
void sim_start(u8 fmt, u32 pool_pages, u32 nr_cpus);
void sim_vm(struct mmu_vm *m, u32 id, u32 quota);
u64 sim_rand(u64 below);

/* World switches of a CPU. */
void sim_enter(u32 cpu, struct mmu_vm *m);
void sim_exit(u32 cpu);
/* Tells the MMU what the CPU has logged. */
void sim_drain(u32 cpu, struct mmu_vm *m);

/*
 * One guest access on a CPU in guest mode. Faults go to mmu_fault() until one verdict other than
 * FIXED, SPURIOUS or RETRY ends it. Returns MMU_SPURIOUS when the access went through; *hpa is
 * where.
 */
enum mmu_verdict sim_access(u32 cpu, gpa_t gpa, u32 access, u64 *hpa, struct mmu_result *r);
/* A walk as fresh hardware does it: the rights, 0 if it faults, and where. */
u32 sim_hw_walk(const struct mmu_vm *m, gpa_t gpa, u64 *hpa, u32 *level);

/* Fails the test unless the audit finds nothing. */
void sim_audit(struct mmu_vm *m);

int sim_add(struct mmu_vm *m, enum slot_kind kind, u64 gfn, u64 nr, u64 hfn_or_dev);
