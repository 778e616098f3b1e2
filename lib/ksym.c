/* SPDX-License-Identifier: BSD-2-Clause */
/* Look-up of function names by address: bisection over the addresses, then a walk of the names. */

#include "lib/ksym.h"

#include <string.h>

#define KSYM_HIGH 0xffffffffULL /* upper half of every address in the image */

/* How many entries start at or below addr. */
static u32 ksym_rank(u32 addr)
{
	u32 lo = 0, hi = ksym_nr;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;

		if (ksym_addrs[mid] <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const char *ksym_lookup(u64 addr, u64 *off)
{
	const char *name = ksym_names;
	u32 rank;

	if (addr >> 32 != KSYM_HIGH)
		return NULL;
	rank = ksym_rank((u32)addr);
	if (rank == 0)
		return NULL;
	for (u32 i = 1; i < rank; i++)
		name += strlen(name) + 1;
	*off = (u32)addr - ksym_addrs[rank - 1];
	return name;
}
