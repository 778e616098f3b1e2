/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bitmaps of any length in an array of u64. Not atomic: the owner's lock covers them. A caller
 * that gives a position at or beyond the end has made a mistake; nothing here checks it.
 */
#pragma once

#include "lib/bits.h"
#include "lib/types.h"

#define BITMAP_WORDS(nr) (((nr) + 63) / 64)

static inline bool bitmap_test(const u64 *map, u64 bit)
{
	return map[bit / 64] >> (bit % 64) & 1;
}

static inline void bitmap_set(u64 *map, u64 bit)
{
	map[bit / 64] |= BIT(bit % 64);
}

static inline void bitmap_clear(u64 *map, u64 bit)
{
	map[bit / 64] &= ~BIT(bit % 64);
}

/* First set bit at or after from, nr if there is none before nr. */
static inline u64 bitmap_next_set(const u64 *map, u64 nr, u64 from)
{
	while (from < nr) {
		u64 word = map[from / 64] >> (from % 64);

		if (word)
			return MIN(from + bit_lowest(word), nr);
		from = (from / 64 + 1) * 64;
	}
	return nr;
}

/* First clear bit at or after from, nr if there is none before nr. */
static inline u64 bitmap_next_clear(const u64 *map, u64 nr, u64 from)
{
	while (from < nr) {
		u64 word = ~map[from / 64] >> (from % 64);

		if (word)
			return MIN(from + bit_lowest(word), nr);
		from = (from / 64 + 1) * 64;
	}
	return nr;
}

static inline u64 bitmap_count(const u64 *map, u64 nr)
{
	u64 count = 0;

	for (u64 i = bitmap_next_set(map, nr, 0); i < nr; i = bitmap_next_set(map, nr, i + 1))
		count++;
	return count;
}
