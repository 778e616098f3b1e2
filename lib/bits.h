/* SPDX-License-Identifier: BSD-2-Clause */
/* Bit positions and powers of two. Bits are numbered from 0. */
#pragma once

#include "lib/types.h"

/* Lowest and highest set bit; v must not be 0. */
static __always_inline u32 bit_lowest(u64 v)
{
	return (u32)__builtin_ctzll(v);
}

static __always_inline u32 bit_highest(u64 v)
{
	return 63 - (u32)__builtin_clzll(v);
}

static inline bool is_pow2(u64 v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

/* The largest power of two that is at most v; v must not be 0. */
static inline u64 pow2_floor(u64 v)
{
	return BIT(bit_highest(v));
}
