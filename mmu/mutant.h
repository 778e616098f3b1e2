/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules that a test must be able to tell from their absence. MUTANT(id) is false in the hypervisor
 * and costs nothing; in a hosted build it is true while mutant_on is id, and then the code breaks
 * the rule that it stands at. tests/host/mutants.py runs each named test against its own mutant.
 */
#pragma once

#include "lib/types.h"

#if __STDC_HOSTED__
extern int mutant_on;
#define MUTANT(id) (mutant_on == MUTANT_##id)
#else
#define MUTANT(id) false
#endif

/* X(id, "the rule that is broken"); numbers are their places in the list, from 1 */
#define MMU_MUTANTS(X)                                                     \
	X(S0_03_PAE_UNCACHED, "roots of PAE guests are kept in the cache") \
	X(S0_04_NO_SEARCH_FROM_PAE, "the cache is searched whatever the root is")

enum mutant {
	MUTANT_NONE,
#define X(id, rule) MUTANT_##id,
	MMU_MUTANTS(X)
#undef X
	MUTANT_NR,
};
