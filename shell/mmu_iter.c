/* SPDX-License-Identifier: BSD-2-Clause */
/* Iteration over hardware tables. */
#include "shell/mmu_iter.h"

#include "mmu/reader.h"
#include "mmu/tree.h"

void mmu_iter_init(struct mmu_iter *it, const struct mmu_vm *m, gfn_t first, gfn_t end)
{
	*it = (struct mmu_iter){
		.m = m,
		.pos = first,
		.end = GFN(MIN(end.v, m->gfn_limit)),
		.pos_level = m->root.level,
	};
}

/* The highest level at which an entry begins with this frame: those above have been seen. */
static u8 first_level(const struct mmu_vm *m, gfn_t gfn)
{
	u8 level = 1;

	while (level < m->root.level && level_index(gfn, level) == 0)
		level++;
	return level;
}

bool mmu_iter_next(struct mmu_iter *it)
{
	while (it->pos.v < it->end.v && it->m->root.kind != RK_NONE) {
		struct mmu_reader *reader = mmu_read_begin();
		struct tree_pos p = tree_find(it->m, it->pos, it->pos_level);

		mmu_read_end(reader);
		it->gfn = level_first(it->pos, p.level);
		it->spte = p.e;
		it->level = (u8)p.level;
		it->table = sp_hpa(p.sp);
		if (spte_is_table(p.e)) {
			it->pos_level = (u8)(p.level - 1);
			return true;
		}
		it->pos = level_next(it->pos, p.level);
		it->pos_level = first_level(it->m, it->pos);
		if (p.e != 0)
			return true;
	}
	return false;
}
