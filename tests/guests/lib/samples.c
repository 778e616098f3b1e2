/* SPDX-License-Identifier: BSD-2-Clause */
/* Times that a benchmark took, and the line that says so. */

#include "tests/guests/lib/samples.h"

#include <stdlib.h>

#include "tests/guests/lib/guest.h"

static int by_value(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

void samples_print(const char *name, u64 *samples, u32 nr)
{
	u64 sum = 0;

	qsort(samples, nr, sizeof(samples[0]), by_value);
	for (u32 i = 0; i < nr; i++)
		sum += samples[i];
	say("bench %s min=%llu median=%llu mean=%llu n=%u\n", name, (unsigned long long)samples[0],
	    (unsigned long long)samples[nr / 2], (unsigned long long)(sum / nr), nr);
}
