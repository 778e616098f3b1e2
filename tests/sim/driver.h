/* SPDX-License-Identifier: BSD-2-Clause */
/* Random operations on a machine, in episodes: a configuration, its guest tables, some thousand
 * operations of all actors, the end. All choices come from sim_rand(). */
#pragma once

#include <stddef.h>

#include "lib/types.h"

struct driver_options {
	u64 seed;
	u64 ops;     /* in all */
	u32 episode; /* operations in each */
	bool audit;  /* after each operation, else after each 64th */
	bool stats;  /* printed at the end */
	bool tiny;   /* the quota is the least that is promised to do */
	u64 refuse;  /* the allocation with this number, from 1, is refused; 0: chance */
	bool steady; /* and all that follow, to the end of that operation */
};

/* Returns how many allocations were asked for. */
u64 driver_run(const struct driver_options *o);
/* One episode from a fuzzer's bytes. */
void driver_bytes(const u8 *p, size_t n);
/* Options from the command line: seed, number of operations. Defaults come in o. */
void driver_args(struct driver_options *o, int argc, char **argv);
