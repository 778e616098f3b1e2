/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Division of 64-bit numbers, which the compiler asks of its own library; there is no 32-bit one.
 */

#include "lib/types.h"

u64 __udivdi3(u64 n, u64 d);
u64 __umoddi3(u64 n, u64 d);

static u64 divide(u64 n, u64 d, u64 *rest)
{
	u64 q = 0, r = 0;

	for (u32 i = 64; i-- > 0;) {
		r = r << 1 | (n >> i & 1);
		if (r < d)
			continue;
		r -= d;
		q |= BIT(i);
	}
	*rest = r;
	return q;
}

u64 __udivdi3(u64 n, u64 d)
{
	u64 r;

	return divide(n, d, &r);
}

u64 __umoddi3(u64 n, u64 d)
{
	u64 r;

	divide(n, d, &r);
	return r;
}
