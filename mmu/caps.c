/* SPDX-License-Identifier: BSD-2-Clause */
/* Interned paging capabilities. */
#include "mmu/caps.h"

#include <errno.h>
#include <string.h>

#include "lib/bug.h"

#include "mmu/mutant.h"
#include "mmu/walk.h"

/* PAE paging needs 32 bits, page tables have room for 52. Source: Intel SDM 3A "Enumeration of
 * Paging Features by CPUID". */
#define MAXPHYADDR_MIN 32
#define MAXPHYADDR_MAX 52

_Static_assert(sizeof(struct mmu_caps) == 4, "no padding, so that memory can be compared");

int caps_intern(struct caps_table *t, const struct mmu_caps *c)
{
	if (c->maxphyaddr < MAXPHYADDR_MIN || c->maxphyaddr > MAXPHYADDR_MAX)
		return -EINVAL;
	for (u32 i = 0; i < t->nr; i++)
		if (memcmp(&t->rec[i], c, sizeof(*c)) == 0)
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
