/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules that a test must be able to tell from their absence. MUTANT(id) is false in the hypervisor
 * and costs nothing; in a hosted build it is true while mutant_on is id, and then the code breaks
 * the rule that it stands at. tests/host/mutants.py runs each named test against its own mutant.
 */
#pragma once

#include "lib/types.h"

#if __STDC_HOSTED__
extern int mutant_on; /* tests/host/mutant.c: from the environment */
#define MUTANT(id) (mutant_on == MUTANT_##id)
#else
#define MUTANT(id) false
#endif

/* X(id, "the rule that is broken"). The order has no meaning; docs/seeds.md says which test. */
#define MMU_MUTANTS(X)                                                                   \
	X(S0_03_PAE_UNCACHED, "roots of PAE guests are kept in the cache")               \
	X(S0_04_NO_SEARCH_FROM_PAE, "the cache is searched whatever the root is")        \
	X(S0_08_GARBAGE_CACHED, "a root that must not be kept does not enter the cache") \
	X(S0_09_B_MISS_DROPS, "a miss from such a root drops nothing")                   \
	X(S1_01_NO_VALID_BIT, "a role says itself that it is one")                       \
	X(S1_04_CAPS_NOT_IN_ROLE, "the role names the record of CPUID")                  \
	X(S1_06_CAPS_SHARED, "two different records of CPUID are never the same one")    \
	X(S1_07_PSE_NO_FORMAT, "CR4.PSE is another format, not the same one")            \
	X(S1_11_LMA_UNCHECKED, "long mode and CR0.PG come together")                     \
	X(S2_03_ROOT_BIT, "a table's role does not say whether it is a root")            \
	X(S2_07_ONE_QUADRANT, "each root's plan names all parts of the guest's table")   \
	X(S2_08_WP_NOT_COMPARED, "a table is synced only by a mode with equal rules")

enum mutant {
	MUTANT_NONE,
#define X(id, rule) MUTANT_##id,
	MMU_MUTANTS(X)
#undef X
	MUTANT_NR,
};
