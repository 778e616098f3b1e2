/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exhaustive interleavings: actors are coroutines that may be interrupted at every place where
 * another CPU could matter (locks, stores to shadow entries, publishing, wait loops, hooks, between
 * world switch and access). All schedules with at most so many preemptions are tried, each from a
 * fresh machine; the judge is on all the time.
 */
#pragma once

#include "lib/types.h"

#define SCHED_ACTORS 3

struct sched_scene {
	const char *name;
	void (*setup)(void);               /* starts a machine */
	void (*actor[SCHED_ACTORS])(void); /* NULL: no more */
	u32 cpu[SCHED_ACTORS];             /* where they are when they begin */
	void (*finish)(void);              /* looks at the result; stops the machine */
};

struct sched_result {
	u64 runs;
	u64 points; /* of the longest run, where it could be interrupted */
	bool all;   /* max_runs was enough */
};

struct sched_result sched_explore(const struct sched_scene *s, u32 preemptions, u64 max_runs);
