/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-frame reasons to withhold rights: track counts and dirty bits. Under mmu_vm.lock. */
#pragma once

#include "lib/types.h"

#include "mmu/farray.h"
#include "mmu/mutant.h"
#include "mmu/slot.h"
#include "mmu/walk.h"

/* The bytes have been written: sets the bits of logged frames. Takes the lock itself. */
void dirty_wrote(struct mmu_vm *m, gpa_t gpa, u64 len);

/*
 * The tracks of a frame are counted in the fields of one word, so that one look says if there are
 * any:
 *
 *	15 12 11   8 7      0
 *	[ X ] [ R  ] [  W   ]
 */
#define TRACK_W 0x1
#define TRACK_R 0x100
#define TRACK_X 0x1000

/* MMU_R, MMU_W and MMU_X as the fields above them have it; R never goes without W. */
static inline u32 track_rights(u32 count)
{
	return (count >= TRACK_X ? MMU_X : 0) |
	       (count & (TRACK_X - TRACK_R) && !MUTANT(READ_TRACK_IGNORED) ? MMU_R | MMU_W
		: count & (TRACK_R - 1)                                    ? MMU_W
									   : 0);
}

/* What the tracks of frame i withhold; i counts frames from the slot's start. */
static inline u32 track_withheld(const struct slot *s, u64 i)
{
	return s->nr_tracked ? track_rights(farray_count(&s->tracks, i)) : 0;
}

/* One of the frames [i, i + nr) is tracked. */
static inline bool track_any(const struct slot *s, u64 i, u64 nr)
{
	return s->nr_tracked && farray_any(&s->tracks, i, nr);
}

static inline u64 *dirty_word(const struct slot *s, u64 i)
{
	u64 bit = i & ((1U << FARRAY_BITS) - 1);

	return &sp_table(farray_page(&s->dirty, i, FARRAY_BITS))[bit / 64];
}

static inline bool dirty_test(const struct slot *s, u64 i)
{
	return *dirty_word(s, i) >> (i % 64) & 1;
}

static inline void dirty_set(const struct slot *s, u64 i)
{
	*dirty_word(s, i) |= BIT(i % 64);
}
