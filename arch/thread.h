/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host threads: one stack each, pinned to a CPU, switched cooperatively. A thread runs until it
 * yields or blocks; vCPU threads yield when their time slice has ended.
 */
#pragma once

#include "lib/addr.h"
#include "lib/list.h"
#include "lib/types.h"

struct cpu;

enum thread_state {
	THREAD_READY,
	THREAD_RUNNING,
	THREAD_BLOCKED,
	THREAD_DEAD,
};

struct thread {
	u64 rsp; /* saved while not running; arch/switch.S */
	struct list node;
	struct cpu *cpu;
	u64 since;   /* TSC when it began to run */
	u64 quantum; /* TSC ticks it may still run before others go first */
	u32 state;   /* enum thread_state, under the CPU's sched lock */
	u32 wakeup;  /* a wake that came before the block */
	void *stack; /* lowest usable byte; the page below is a guard page */
	void (*fn)(void *arg);
	void *arg;
	char name[24];
};

/* The thread is ready at once. Returns NULL when out of memory. */
struct thread *thread_create(struct cpu *cpu, const char *name, void (*fn)(void *arg), void *arg);
/* Only for a thread that is DEAD (its function has returned). */
void thread_free(struct thread *t);

struct thread *thread_current(void);
/* Lets the next ready thread run. No lock may be held. */
void thread_yield(void);
/*
 * Blocks until thread_wake(). A wake that came since the last block makes it return at once, so
 * "while (!cond) thread_block();" loses no wake-up. May return spuriously. No lock may be held.
 */
void thread_block(void);
/* Any CPU. No lock of rank TIMER or above may be held. */
void thread_wake(struct thread *t);
