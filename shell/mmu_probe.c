/* SPDX-License-Identifier: BSD-2-Clause */
/* Nested walks for the shell. */
#include "shell/mmu_probe.h"

#include "mmu/reader.h"
#include "mmu/spte.h"

void mmu_path(const struct mmu_vm *m, gfn_t gfn, struct mmu_path *p)
{
	struct mmu_reader *r = mmu_read_begin();
	hpa_t table = m->root.hw;

	*p = (struct mmu_path){ .top = m->root.level, .level = m->root.level };
	for (u32 l = p->top; l > 0; l--) {
		p->at[l] = HPA(table.v + level_index(gfn, l) * sizeof(u64));
		p->entry[l] = env_spte_read((const u64 *)env_ptr(p->at[l]));
		p->level = (u8)l;
		if (!spte_is_table(p->entry[l]))
			break;
		table = spte_hpa(p->entry[l]);
	}
	mmu_read_end(r);
}

static void say(struct mmu_probe *p, bool faults, enum mmu_verdict v, const char *reason)
{
	p->faults = faults;
	p->verdict = v;
	p->reason = reason;
}

/* Follows mmu/fault.c. */
static void judge(struct mmu_probe *p, u64 leaf, u32 access, u32 withheld)
{
	if (!p->slot)
		return say(p, true, MMU_MMIO, "no slot here: reads ones");
	if (p->slot->kind == SLOT_MMIO)
		return say(p, true, MMU_MMIO, "MMIO slot");
	if (access & ~spte_rights(~withheld))
		return say(p, true, MMU_TRACKED, "access to a tracked frame");
	if (!p->mapped)
		return say(p, true, MMU_FIXED, "no entry yet: the first access installs it");
	if ((access & ~p->allowed) == 0)
		return say(p, false, MMU_SPURIOUS, "the leaf allows it");
	if (!(leaf & SPTE_SLOT_W))
		return say(p, true, MMU_EMULATE, "write to ROM");
	say(p, true, MMU_FIXED, "first write to a dirty-logged frame");
}

void mmu_probe(struct mmu_vm *m, gpa_t gpa, u32 access, struct mmu_probe *p)
{
	u64 leaf;

	*p = (struct mmu_probe){ .slot = mmu_slot_find(m, gpa_to_gfn(gpa)) };
	if (gpa_to_gfn(gpa).v >= m->gfn_limit || m->root.kind == RK_NONE)
		return say(p, true, MMU_MMIO, "beyond what the tables reach");
	mmu_path(m, gpa_to_gfn(gpa), &p->path);
	leaf = p->path.entry[p->path.level];
	p->mapped = spte_is_leaf(leaf);
	p->allowed = spte_access(leaf);
	if (p->mapped)
		p->hpa = HPA(spte_hpa(leaf).v |
			     (gpa.v & ((level_frames(p->path.level) << PAGE_SHIFT) - 1)));
	judge(p, leaf, access & (MMU_R | MMU_W | MMU_X), mmu_tracked(m, gpa_to_gfn(gpa)));
}
