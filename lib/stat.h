/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters, declared once in a list of X(field, "what it counts"):
 *
 *	#define VCPU_STATS(X) X(exits, "exits from the guest") X(injected, "events injected")
 *	struct vcpu_stat { VCPU_STATS(STAT_FIELD) };
 *	static const struct stat_desc vcpu_stat_descs[] = { VCPU_STATS(STAT_DESC) };
 *
 * Each set has one writer (a CPU, or the holder of a lock), so counting is one plain addition; any
 * CPU may read at any time.
 */
#pragma once

#include "lib/types.h"

struct stat_desc {
	const char *name, *help;
};

#define STAT_FIELD(field, help) u64 field;
#define STAT_DESC(field, help)  { #field, help },

/* Only the writer of the set. */
static __always_inline void stat_add(u64 *counter, u64 n)
{
	WRITE_ONCE(*counter, *counter + n);
}

static __always_inline void stat_inc(u64 *counter)
{
	stat_add(counter, 1);
}

/* Counter number i of a set, in the order of its list. */
static inline u64 stat_get(const void *set, size_t i)
{
	return READ_ONCE(((const u64 *)set)[i]);
}
