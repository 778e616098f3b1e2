/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watches: the next access of a kind that the guest's processor makes to a frame of its RAM writes
 * a line into the log, and lifts the watch; then the guest makes the access, as though nothing had
 * been. What the hypervisor reads and writes for the guest (devices, emulated instructions, its own
 * walks of the guest's tables) is no such access. A watch outlives a reset of its machine.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "arch/spinlock.h"

struct vcpu;
struct vm;

#define VM_MAX_WATCHES 8

enum watch_state {
	WATCH_NONE,
	WATCH_ARMED,
	WATCH_HIT, /* lifted: the rest says by what. Its place is free for another one */
};

struct watch {
	gfn_t gfn;
	u32 right; /* MMU_R: all but execution, MMU_W: writes, MMU_X: execution */
	u32 state; /* enum watch_state */
	u32 vcpu;
	u32 access; /* MMU_R, MMU_W or MMU_X */
	bool walk;  /* hardware's, to the guest's own page tables; AMD counts it as a write */
	bool has_gva;
	gpa_t gpa;
	gva_t gva;
	u64 rip;
};

struct watches {
	struct spinlock
		lock; /* over tracks, too: of two vCPUs that hit one, both know whose it is */
	struct watch watch[VM_MAX_WATCHES];
};

void watch_init(struct vm *vm);

/* For a thread that is not a vCPU and holds no lock. */

/* -ENOENT: not RAM; -EEXIST: watched already; -ENOSPC: as many as there can be; -ENOMEM. */
int watch_add(struct vm *vm, gfn_t gfn, u32 right) __must_check;
/* -ENOENT: not watched. */
int watch_remove(struct vm *vm, gfn_t gfn) __must_check;
/* A copy of watch i, below VM_MAX_WATCHES. */
struct watch watch_get(struct vm *vm, u32 i);
/* The accesses that a watch for this right catches in this machine: MMU_X goes with MMU_R where
 * tables cannot withhold one without the other. */
u32 watch_catches(const struct vm *vm, u32 right);

/* Own thread: an exit for an access that a track withholds. True: it was a watch's, which is lifted
 * (by this call or another vCPU's): run the guest again. */
bool watch_hit(struct vcpu *v, gpa_t gpa, u32 access, bool walk);
