/* SPDX-License-Identifier: BSD-2-Clause */
/* What every unit test includes: cmocka with the headers it wants before it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* TEST_FILTER=name runs that test alone. */
static void __attribute__((constructor)) test_filter(void)
{
	const char *name = getenv("TEST_FILTER");

	if (name)
		cmocka_set_test_filter(name);
}

/* A small generator (xorshift64) for tests with random input: the same on every run. */
static inline uint64_t test_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}
