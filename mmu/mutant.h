/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rules that a test must be able to tell from their absence. MUTANT(id) is false in the hypervisor
 * and costs nothing; in a hosted build it is true while mutant_on is id, and then the code breaks
 * the rule that it stands at. The list is in
 * tests/host/fake/mmu/mutants.h; tests/host/mutants.py runs each named test against its own mutant.
 */
#pragma once

#include "lib/types.h"

#if __STDC_HOSTED__
#include "mmu/mutants.h"
#define MUTANT(id)       (mutant_on == MUTANT_##id)
#define MUTANT_EVENT(ev) mutant_forgets((int)(ev))
#else
#define MUTANT(id)       false
#define MUTANT_EVENT(ev) false
#endif
