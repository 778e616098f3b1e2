/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Assertions. BUG_ON(): isolation is broken, stop the machine; each use says why it cannot happen.
 * ASSERT(): checked when DEBUG=1 and in host tests, type-checked always. A guest must be able to
 * reach neither.
 */
#pragma once

#include "lib/types.h"

void bug(const char *file, int line, const char *expr) __noreturn __cold;

#define BUG_ON(x)                                    \
	do {                                         \
		if (unlikely(x))                     \
			bug(__FILE__, __LINE__, #x); \
	} while (0)

#ifdef DEBUG
#define ASSERT(x) BUG_ON(!(x))
#else
#define ASSERT(x)                \
	do {                     \
		(void)sizeof(x); \
	} while (0)
#endif
