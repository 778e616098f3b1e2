/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes as people write them, and the checksum of ACPI tables. */

#include "lib/fmt.h"

#include <stdio.h>

const char *fmt_size(char buf[FMT_SIZE_MAX], u64 bytes)
{
	const char *const suffixes = "KMGT";
	u32 n = 0;

	while (bytes != 0 && bytes % 1024 == 0 && suffixes[n]) {
		bytes /= 1024;
		n++;
	}
	snprintf(buf, FMT_SIZE_MAX, n ? "%lu%c" : "%lu", bytes, n ? suffixes[n - 1] : 0);
	return buf;
}

u8 fmt_sum8(const void *data, size_t n)
{
	const u8 *p = data;
	u8 sum = 0;

	while (n--)
		sum = (u8)(sum + *p++);
	return sum;
}
