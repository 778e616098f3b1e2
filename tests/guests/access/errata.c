/* SPDX-License-Identifier: BSD-2-Clause */
/* Where QEMU TCG, bare or below the hypervisor, is known to differ from the manuals. */

#include "tests/guests/access/access.h"

#include <string.h>

#include "tests/guests/lib/guest.h"

/* The walk in memory is TCG's own: bare, or under a hypervisor that uses nested paging. */
static bool tcg_walks(void)
{
	return cpu_is_tcg() && !strstr(boot_args(), "paging=shadow");
}

const char *erratum(const struct mode *m, const struct regs *r, const struct attempt *a,
		    struct outcome *o)
{
	const char *name = NULL;

	if (tcg_walks() && m->entry_size == 8 && !m->long_mode && a->after[2] != a->before[2]) {
		o->may[2] |= PTE_A;
		name = "accessed_pdpte";
	}
	if (tcg_walks() && (o->error & PFEC_RSVD)) {
		o->error &= ~PFEC_P;
		name = "reserved_without_p";
	}
	if (cpu_is_tcg() && r->smap && (a->kind & (KIND_NR - 1)) == (OP_LDT | KIND_AC) &&
	    o->error == PFEC_P) {
		memset(o, 0, sizeof(*o));
		for (u32 i = 0; i < m->levels; i++)
			o->may[i] = PTE_A;
		name = "ac_for_implicit_access";
	}
	return name;
}
