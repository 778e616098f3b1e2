/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations on a tree of hardware tables: look up, link, split, unlink. They keep headers and
 * entries in step; what an entry should be is decided elsewhere (mmu/direct.c).
 *
 *	root.sp (level 4)          each arrow is a table entry; the table it points to names that
 *	  [i] --> table (3)        entry as its parent, so there is exactly one
 *	            [j] --> table (2)
 *	                      [k] leaf 2 MiB
 *
 * All but tree_walk() need mmu_vm.lock.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/flush.h"
#include "mmu/pool.h"
#include "mmu/spte.h"
#include "mmu/vm.h"

/* The entry that decides about gfn, and its level. Lock-free inside mmu_read_begin(). Hot: this is
 * all the table work of a fault on an emulated device. */
static __always_inline u64 tree_walk(const struct mmu_vm *m, gfn_t gfn, u32 *level)
{
	const u64 *table = env_ptr(m->root.hw);
	u32 l = m->root.level;
	u64 e;

	for (;;) {
		e = env_spte_read(&table[level_index(gfn, l)]);
		if (!spte_is_table(e) || l == 1)
			break;
		table = env_ptr(spte_hpa(e));
		l--;
	}
	*level = l;
	return e;
}

/* An entry with its place. */
struct tree_pos {
	spx_t sp;
	u32 idx;
	u32 level;
	u64 e;
};

/* First frame that the entry covers. */
static inline gfn_t tree_gfn(const struct tree_pos *p)
{
	return GFN(sp_get(p->sp)->gfn.v + p->idx * level_frames(p->level));
}

/* The deepest entry for gfn that is at this level or above. */
struct tree_pos tree_find(const struct mmu_vm *m, gfn_t gfn, u32 level);

/* Puts a table in the place of an empty, leaf or trap entry, of entries that say the same; *p moves
 * into it. A TLB may keep the large entry: same frames, same rights. (Processors that cannot bear a
 * change of page size have no large leaves, see direct.c.) */
void tree_down(struct mmu_vm *m, struct tree_pos *p, gfn_t gfn, struct mmu_res *r);
/* Writes a leaf, trap or empty entry; what the old one pointed to is unlinked, and so are tables
 * above that have become empty. */
flushneed_t tree_set(struct mmu_vm *m, const struct tree_pos *p, u64 new);
/* Unlinks the children of unlinked tables, at most max tables. True when none is left. */
bool tree_zap(struct mmu_vm *m, u32 max);
