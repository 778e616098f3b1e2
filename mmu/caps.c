/* SPDX-License-Identifier: BSD-2-Clause */
/* Interned paging capabilities. */
#include "mmu/caps.h"

#include <errno.h>

#include "lib/bug.h"

#include "mmu/mutant.h"
#include "mmu/walk.h"

/* PAE paging needs 32 bits, page tables have room for 52. Source: Intel SDM 3A "Enumeration of
 * Paging Features by CPUID". */
#define MAXPHYADDR_MIN 32
#define MAXPHYADDR_MAX 52

static bool same(const struct mmu_caps *a, const struct mmu_caps *b)
{
	return a->maxphyaddr == b->maxphyaddr && a->has_nx == b->has_nx && a->has_1g == b->has_1g &&
	       a->has_pse36 == b->has_pse36;
}

int caps_intern(struct caps_table *t, const struct mmu_caps *c)
{
	if (c->maxphyaddr < MAXPHYADDR_MIN || c->maxphyaddr > MAXPHYADDR_MAX)
		return -EINVAL;
	for (u32 i = 0; i < t->nr; i++)
		if (same(&t->rec[i], c))
			return (int)i;
	if (t->nr == MMU_CAPS_NR)
		return MUTANT(S1_06_CAPS_SHARED) ? MMU_CAPS_NR - 1 : -ENOSPC;
	t->rec[t->nr] = *c;
	return (int)t->nr++;
}

void caps_apply(const struct caps_table *t, u32 id, struct mmu_regs *r)
{
	const struct mmu_caps *c = &t->rec[id];

	ASSERT(id < t->nr);
	r->maxphyaddr = c->maxphyaddr;
	r->has_nx = c->has_nx;
	r->has_1g = c->has_1g;
	r->has_pse36 = c->has_pse36;
}
