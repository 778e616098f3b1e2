/* SPDX-License-Identifier: BSD-2-Clause */
/* Nested walks for the shell. */
#include "mmu/probe.h"

#include "mmu/spte.h"

static void say(struct mmu_probe *p, bool faults, enum mmu_verdict v, const char *reason)
{
	p->faults = faults;
	p->verdict = v;
	p->reason = reason;
}

/* Follows mmu/fault.c. */
static void judge(struct mmu_probe *p, u64 leaf, u32 access)
{
	if (!p->slot)
		return say(p, true, MMU_MMIO, "no slot here: reads ones");
	if (p->slot->kind == SLOT_MMIO)
		return say(p, true, MMU_MMIO, "MMIO slot");
	if (!p->mapped)
		return say(p, true, MMU_FIXED, "no entry yet: the first access installs it");
	if ((access & ~p->allowed) == 0)
		return say(p, false, MMU_SPURIOUS, "the leaf allows it");
	if (!(leaf & SPTE_SLOT_W))
		return say(p, true, MMU_EMULATE, "write to ROM");
	if (!(leaf & SPTE_MMU_W))
		return say(p, true, MMU_EMULATE, "write to a tracked frame");
	say(p, true, MMU_FIXED, "first write to a dirty-logged frame");
}

void mmu_probe(const struct mmu_vm *m, gpa_t gpa, u32 access, struct mmu_probe *p)
{
	u64 leaf;

	*p = (struct mmu_probe){ .slot = mmu_slot_find(m, gpa_to_gfn(gpa)) };
	if (gpa_to_gfn(gpa).v >= m->gfn_limit || m->root.kind == RK_NONE)
		return say(p, true, MMU_MMIO, "beyond what the tables reach");
	path_read(m, gpa_to_gfn(gpa), &p->path);
	leaf = p->path.entry[p->path.level];
	p->mapped = spte_is_leaf(leaf);
	p->allowed = spte_access(leaf);
	if (p->mapped)
		p->hpa = HPA(spte_hpa(leaf).v |
			     (gpa.v & ((level_frames(p->path.level) << PAGE_SHIFT) - 1)));
	judge(p, leaf, access & (MMU_R | MMU_W | MMU_X));
}

const char *mmu_verdict_name(enum mmu_verdict v)
{
	static const char *const names[] = {
#define X(id, name) [MMU_##id] = (name),
		MMU_VERDICTS(X)
#undef X
	};

	return names[v];
}
