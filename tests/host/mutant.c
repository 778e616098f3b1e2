/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linked to every test program. From the start the mutant that the environment variable MUTANT
 * names is on, and only the test that TEST_FILTER names is run. A name that is no mutant ends the
 * program, so that a run without a mutant is never taken for one with it.
 */
#include "mmu/mutant.h"

#include <stdio.h>
#include <stdlib.h>

#include "mmu/shadow/ctx.h"
#include "test.h"

int mutant_on;

static const char *const names[MUTANT_NR] = {
#define X(id, rule) [MUTANT_##id] = #id,
	MMU_MUTANTS(X)
#undef X
};

bool mutant_forgets(int event)
{
	static const struct {
		int mutant, event;
	} table[] = {
		{ MUTANT_EVENT_CR3, MMU_EV_CR3 },
		{ MUTANT_EVENT_CR4_PGE, MMU_EV_CR4_PGE },
		{ MUTANT_EVENT_CR4_PSE, MMU_EV_CR4_PSE },
		{ MUTANT_EVENT_CR4_PCIDE_OFF, MMU_EV_CR4_PCIDE_OFF },
		{ MUTANT_EVENT_CR4_SMEP_ON, MMU_EV_CR4_SMEP_ON },
		{ MUTANT_EVENT_INVPCID_SPACE, MMU_EV_INVPCID_SPACE },
		{ MUTANT_EVENT_INVPCID_ALL, MMU_EV_INVPCID_ALL },
		{ MUTANT_EVENT_INVPCID_NONGLOBAL, MMU_EV_INVPCID_NONGLOBAL },
	};

	for (size_t i = 0; mutant_on && i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].mutant == mutant_on)
			return table[i].event == event;
	return false;
}

static void __attribute__((constructor)) choose(void)
{
	const char *name = getenv("MUTANT"), *test = getenv("TEST_FILTER");

	if (test)
		cmocka_set_test_filter(test);
	if (!name)
		return;
	for (int i = MUTANT_NONE + 1; i < MUTANT_NR; i++)
		if (!strcmp(names[i], name))
			mutant_on = i;
	if (mutant_on == MUTANT_NONE) {
		fprintf(stderr, "MUTANT=%s: there is no such mutant\n", name);
		exit(2);
	}
}
