/* SPDX-License-Identifier: BSD-2-Clause */
/* Random numbers for programs that make instructions of them: xorshift128+. */
#pragma once

#include "lib/types.h"

static u64 rnd_state[2];

static inline void rnd_seed(u64 seed)
{
	rnd_state[0] = seed * 0x9e3779b97f4a7c15ULL | 1;
	rnd_state[1] = ~seed;
}

static inline u64 rnd(void)
{
	u64 a = rnd_state[0], b = rnd_state[1];

	rnd_state[0] = b;
	a ^= a << 23;
	rnd_state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
	return rnd_state[1] + b;
}
