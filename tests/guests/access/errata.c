/* SPDX-License-Identifier: BSD-2-Clause */
/* Where emulators, bare or below the hypervisor, are known to differ from the manuals. */

#include "tests/guests/access/access.h"

#include <string.h>

#include "tests/guests/lib/guest.h"

/* The access bits of all keys in PKRU. */
#define PKRU_ACCESS_DISABLE 0x55555555u

/* Else the walk through the guest's tables is the emulator's own: bare, or with nested paging. */
static bool is_shadowed(void)
{
	return strstr(boot_args(), "paging=shadow") != NULL;
}

static const char *of_tcg(const struct mode *m, const struct regs *r, const struct attempt *a,
			  struct outcome *o)
{
	const char *name = NULL;

	if (!is_shadowed() && m->entry_size == 8 && !m->long_mode && a->after[2] != a->before[2]) {
		o->may[2] |= PTE_A;
		name = "accessed_pdpte";
	}
	if (!is_shadowed() && (o->error & PFEC_RSVD)) {
		o->error &= ~PFEC_P;
		name = "reserved_without_p";
	}
	if (r->smap && (a->kind & (KIND_NR - 1)) == (OP_LDT | KIND_AC) && o->error == PFEC_P) {
		memset(o, 0, sizeof(*o));
		for (u32 i = 0; i < m->levels; i++)
			o->may[i] = PTE_A;
		name = "ac_for_implicit_access";
	}
	return name;
}

/*
 * Bochs (translate_linear_*() in its cpu/paging.cc) lifts SMAP by AC for implicit accesses, too,
 * and access-disable in PKRU counts for CPL 3 alone. Its walk looks at the key of any page, not
 * only of a user's; under shadow paging the fault that comes of this is the hypervisor's.
 */
static const char *of_bochs(const struct cpu *cpu, const struct mode *m, const struct regs *r,
			    const struct attempt *a, struct outcome *o)
{
	bool implicit = (a->kind & OP_MASK) == OP_LDT;
	bool lifted = r->smap && implicit && (a->kind & KIND_AC);
	struct attempt users = *a;
	struct regs seen = *r;

	seen.smap &= !lifted;
	if (implicit || !(a->kind & KIND_USER))
		seen.pkru &= ~PKRU_ACCESS_DISABLE;
	for (u32 i = 0; i < m->levels; i++)
		users.before[i] |= PTE_U;
	model(cpu, m, &seen, &users, o);
	if ((o->error & PFEC_PK) && !is_shadowed())
		return "key_of_supervisor_page";
	model(cpu, m, &seen, a, o);
	return lifted ? "ac_for_implicit_access" : "access_disable_for_user_only";
}

bool erratum_forbids(const struct mode *m, const struct regs *r, const u64 entries[LEVELS_MAX],
		     u32 kind)
{
	bool user = true;
	u32 leaf = 0;

	if (!runs_on(CPU_BOCHS) || !is_shadowed() || !m->long_mode || !r->pke ||
	    (kind & (OP_MASK | KIND_USER)) != OP_WRITE)
		return false;
	while (!entries[leaf])
		leaf++;
	for (u32 i = leaf; i < m->levels; i++)
		user &= (entries[i] & PTE_U) != 0;
	return !user && r->pkru >> (2 * (entries[leaf] >> PTE_KEY_SHIFT & 15)) & 2;
}

/* The access went well, but the INT n behind it was lost, and the fault before came again. */
static bool lost(const struct attempt *a, const struct attempt *fault, const struct outcome *o)
{
	return int_n_lost() && !o->fault && a->end == fault->end && a->error == fault->error &&
	       a->cr2 == fault->cr2;
}

const char *erratum(const struct cpu *cpu, const struct mode *m, const struct regs *r,
		    const struct attempt *a, const struct attempt *fault, struct outcome *o)
{
	if (lost(a, fault, o)) {
		o->int_lost = true;
		return "int_n_lost";
	}
	if (runs_on(CPU_BOCHS))
		return of_bochs(cpu, m, r, a, o);
	return cpu_is_tcg() ? of_tcg(m, r, a, o) : NULL;
}
