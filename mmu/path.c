/* SPDX-License-Identifier: BSD-2-Clause */
/* One path through the hardware tables. */
#include "mmu/path.h"

#include "mmu/reader.h"
#include "mmu/spte.h"
#include "mmu/vm.h"

void path_read(const struct mmu_vm *m, gfn_t gfn, struct mmu_path *p)
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
