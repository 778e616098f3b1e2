/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must come of an access, from the entries and registers alone. It is written from the manuals
 * and shares nothing with the hypervisor. Sources: Intel SDM 3A "Paging": "32-Bit Paging", "PAE
 * Paging", "4-Level Paging and 5-Level Paging", "Access Rights", "Page-Fault Exceptions", "Accessed
 * and Dirty Flags"; AMD APM 2 "Page Translation and Protection".
 */

#include "tests/guests/access/access.h"

#include <string.h>

#include "arch/regs.h"

bool model_has_leaf(const struct cpu *cpu, const struct mode *m, u32 level)
{
	switch (level) {
	case 1:
		return true;
	case 2:
		return m->entry_size == 8 || (m->cr4 & CR4_PSE);
	case 3:
		return m->long_mode && cpu->pages_1g;
	default:
		return false;
	}
}

/* "32-Bit Paging": only an entry for a 4 MiB page has reserved bits. */
static u64 reserved_32(const struct cpu *cpu, u32 level, bool leaf)
{
	u64 bits = BIT(21);
	u32 high = cpu->pse36 ? MIN(cpu->maxphyaddr, 40) - 32u : 0; /* address bits in 20:13 */

	if (level == 1 || !leaf)
		return 0;
	for (u32 i = 13 + high; i < 21; i++)
		bits |= BIT(i);
	return bits;
}

u64 model_reserved(const struct cpu *cpu, const struct mode *m, const struct regs *r, u32 level,
		   bool leaf)
{
	u64 bits;

	if (m->entry_size == 4)
		return reserved_32(cpu, level, leaf);
	bits = MASK(51, 0) & ~MASK(cpu->maxphyaddr - 1, 0);
	if (!m->long_mode)
		bits |= MASK(62, 52);
	if (!m->long_mode && level == 3) /* a PDPTE */
		return bits | PTE_NX | MASK(8, 5) | MASK(2, 1);
	if (!r->nxe)
		bits |= PTE_NX;
	if (level > 3 || (level == 3 && !cpu->pages_1g))
		bits |= PTE_PS;
	if (leaf && level > 1) /* bit 12 is PAT */
		bits |= MASK(12 + 9 * (level - 1) - 1, 13);
	return bits;
}

/* What the walk found on its way. */
struct rights {
	bool writable, user, no_execute; /* of all entries together */
	u32 key;                         /* of the leaf */
};

static bool key_denies(const struct mode *m, const struct regs *r, const struct rights *t, u32 kind)
{
	u32 op = kind & OP_MASK;
	bool user_access = (kind & KIND_USER) && op != OP_LDT;
	bool access_disable = r->pkru >> (2 * t->key) & 1;
	bool write_disable = r->pkru >> (2 * t->key + 1) & 1;

	if (!m->long_mode || !r->pke || !t->user || op == OP_FETCH)
		return false;
	return access_disable || (write_disable && op == OP_WRITE && (user_access || r->wp));
}

static bool rights_deny(const struct regs *r, const struct rights *t, u32 kind)
{
	u32 op = kind & OP_MASK;

	if ((kind & KIND_USER) && op != OP_LDT) {
		if (!t->user)
			return true;
		return op == OP_FETCH ? t->no_execute : op == OP_WRITE && !t->writable;
	}
	if (op == OP_FETCH)
		return t->no_execute || (t->user && r->smep);
	if (t->user && r->smap && (op == OP_LDT || !(kind & KIND_AC)))
		return true;
	return op == OP_WRITE && !t->writable && r->wp;
}

/* "Page-Fault Exceptions": the error code, for one with the given P, RSVD and PK. */
static void fault(struct outcome *o, const struct mode *m, const struct regs *r, u32 kind, u32 bits)
{
	u32 op = kind & OP_MASK;

	o->fault = true;
	o->error = bits;
	memset(o->must, 0, sizeof(o->must));
	if (op == OP_WRITE)
		o->error |= PFEC_W;
	if ((kind & KIND_USER) && op != OP_LDT)
		o->error |= PFEC_U;
	if (op == OP_FETCH && (r->smep || ((m->cr4 & CR4_PAE) && r->nxe)))
		o->error |= PFEC_F;
}

/*
 * "Accessed and Dirty Flags": an access that completes sets A in every entry that it used and, if
 * it writes, D in the last. One that faults leaves D alone, and entries that translate nothing; A
 * in the others it may set. A PDPTE of PAE paging has neither.
 */
static void note_use(struct outcome *o, const struct mode *m, u32 level, bool dirty)
{
	if (m->entry_size == 8 && !m->long_mode && level == 3)
		return;
	o->may[level - 1] = PTE_A;
	o->must[level - 1] = PTE_A | (dirty ? PTE_D : 0);
}

void model(const struct cpu *cpu, const struct mode *m, const struct regs *r,
	   const struct attempt *a, struct outcome *o)
{
	struct rights t = { .writable = true, .user = true };
	bool leaf, denied, key;

	memset(o, 0, sizeof(*o));
	for (u32 level = m->levels;; level--) {
		u64 e = a->before[level - 1];

		if (!(e & PTE_P)) {
			fault(o, m, r, a->kind, 0);
			return;
		}
		leaf = level == 1 || (model_has_leaf(cpu, m, level) && (e & PTE_PS));
		if (e & model_reserved(cpu, m, r, level, leaf)) {
			fault(o, m, r, a->kind, PFEC_P | PFEC_RSVD);
			return;
		}
		note_use(o, m, level, leaf && (a->kind & OP_MASK) == OP_WRITE);
		if (m->long_mode || level < 3) {
			t.writable &= (e & PTE_W) != 0;
			t.user &= (e & PTE_U) != 0;
			t.no_execute |= m->entry_size == 8 && (e & PTE_NX);
		}
		t.key = (u32)(e >> PTE_KEY_SHIFT) & 15;
		if (leaf)
			break;
	}
	denied = rights_deny(r, &t, a->kind);
	key = key_denies(m, r, &t, a->kind);
	if (denied || key)
		fault(o, m, r, a->kind, PFEC_P | (key ? PFEC_PK : 0));
}
