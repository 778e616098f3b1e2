/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shadow pages: tables that hardware walks in the place of the guest's. One stands for a guest
 * table seen in a role (struct sp, mmu/pool.h); leaves below a large guest page, or without paging,
 * are in direct ones, which have no source. Identity is (gfn, role) in full, always.
 *
 *	sp_new()  FREE page -> LIVE: in the hash, newest of the LRU list, counted at its frame
 *	sp_zap()  LIVE -> QUARANTINE: out of all of these, its entries dropped; tables that it
 *	          pointed to stay, without this parent
 *
 * Each entry of an indirect page has a source word: what the guest's entry said when ours was made.
 * It is the key by which a leaf is taken out of the reverse map again, and what sync compares.
 *
 *	63        24 23..17 16..13 12  11        0
 *	[ frame     ][  0  ][pkey ][NX][low flags ]
 *
 * All under mmu_vm.lock.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/farray.h"
#include "mmu/gfmt.h"
#include "mmu/mutant.h"
#include "mmu/pool.h"
#include "mmu/shadow/sspte.h"
#include "mmu/slot_priv.h"
#include "mmu/vm.h"

#define SRC_GFN_SHIFT  24
#define SRC_NX         BIT(12)
#define SRC_PKEY_SHIFT 13
#define SRC_FLAGS      MASK(11, 0)

/* gpte as the word to keep; gfn: the first frame that our entry leads to. */
static inline u64 src_word(u64 gpte, gfn_t gfn)
{
	return gfn.v << SRC_GFN_SHIFT | (gpte & SRC_FLAGS) | (gpte & GPTE_NX ? SRC_NX : 0) |
	       (u64)gpte_pkey(gpte) << SRC_PKEY_SHIFT;
}

static inline gfn_t src_gfn(u64 word)
{
	return GFN(word >> SRC_GFN_SHIFT);
}

static inline u64 *sp_xlat(const struct sp *sp)
{
	return sp_table(sp->xlat);
}

/* Entry idx of the shadow stands for this entry of the guest's table. */
static inline u32 sp_source_index(union page_role role, u32 idx)
{
	if (role.fmt != ROLE_32 && role.fmt != ROLE_32_PSE)
		return idx;
	if (role.level == 1)
		return (u32)role.quadrant << MMU_LEVEL_BITS | idx;
	return (u32)role.quadrant << (MMU_LEVEL_BITS - 1) | idx >> 1;
}

static inline u32 sp_source_size(union page_role role)
{
	return role.fmt == ROLE_32 || role.fmt == ROLE_32_PSE ? 4 : 8;
}

/* Where that entry is. */
static inline gpa_t sp_source(const struct sp *sp, u32 idx)
{
	return GPA(gfn_to_gpa(sp->gfn).v +
		   sp_source_index(sp->role, idx) * sp_source_size(sp->role));
}

/* The frame that entry idx, a leaf, was entered under in the reverse map. */
static inline gfn_t sp_leaf_gfn(const struct sp *sp, u32 idx)
{
	if (!sp->xlat)
		return GFN(sp->gfn.v + idx * level_frames(sp->role.level));
	return src_gfn(sp_xlat(sp)[idx]);
}

/* The table behind entry idx, or 0 if there is none. */
static inline spx_t sp_child(spx_t x, u32 idx)
{
	u64 e = sp_table(x)[idx];

	return sspte_is_table(e) ? (spx_t)((sspte_hpa(e).v - mmu_pool.base.v) / PAGE_SIZE) : 0;
}

/* The lowest bit that is set in a map of entries, from idx on; MMU_ENTRIES if there is none. */
static inline u32 sp_next_bit(const u64 *map, u32 idx)
{
	while (idx < MMU_ENTRIES) {
		u64 word = map[idx / 64] >> (idx % 64);

		if (word)
			return idx + (u32)__builtin_ctzll(word);
		idx = (idx / 64 + 1) * 64;
	}
	return MMU_ENTRIES;
}

static inline bool sp_obsolete(const struct mmu_vm *m, const struct sp *sp)
{
	return sp->gen != m->shadow.gen;
}

/* The live, current page of this identity, or 0. */
spx_t sp_find(const struct mmu_vm *m, gfn_t gfn, union page_role role);
/* Steps through the live pages that shadow the guest table in gfn: first with x = 0; 0 = end. */
spx_t sp_next_of(const struct mmu_vm *m, gfn_t gfn, spx_t x);

/* Which element of slot.shadows counts them: large frames begin at a multiple of their size. */
static inline u64 sp_count_index(const struct slot *s, gfn_t gfn)
{
	return gfn.v - ALIGN_DOWN(s->gfn.v, MMU_ENTRIES);
}

/* How many of them there are. */
static inline u32 sp_count_of(struct mmu_vm *m, gfn_t gfn)
{
	const struct slot *s = slot_of(m, gfn);

	return s ? farray_count(&s->shadows, sp_count_index(s, gfn)) : 0;
}

/* One of the frames [gfn, gfn + nr) is shadowed; all of them lie in one slot. */
bool sp_any_of(struct mmu_vm *m, gfn_t gfn, u64 nr);

/* A new page, not linked and not frozen. The reserve holds two pages. */
spx_t sp_new(struct mmu_vm *m, gfn_t gfn, union page_role role, struct mmu_res *r);

/* Used now, by hardware or a fault. */
static inline void sp_touch(spx_t x)
{
	if (!MUTANT(FLOOD_FOR_EVER))
		sp_get(x)->flood = 0;
	sp_get(x)->flags |= SP_USED;
}

/* The page was used since it was asked for last: it goes to the front of the list instead of being
 * reclaimed. */
bool sp_second_chance(struct mmu_vm *m, spx_t x);

/* Entry idx, which is empty, points to child from now on. gfn: see src_word(). */
void sp_link(struct mmu_vm *m, spx_t x, u32 idx, spx_t child, u64 gpte);
/* Entry idx, which is empty or a leaf of the same frame, becomes this leaf. */
void sp_set_leaf(struct mmu_vm *m, spx_t x, u32 idx, u64 e, u64 src);
/* Entry idx becomes empty. What may stay in a TLB is noted in shadow_vm. */
void sp_drop(struct mmu_vm *m, spx_t x, u32 idx);
/* The leaf at idx loses the right to write; true if it had it. */
bool sp_protect(struct mmu_vm *m, spx_t x, u32 idx);

/* Not in use by a root: drops it, with all links to it. */
void sp_zap(struct mmu_vm *m, spx_t x);
