/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-frame reasons to withhold W: write-track counts and dirty bits. Under mmu_vm.lock. */
#pragma once

#include "lib/types.h"

#include "mmu/farray.h"
#include "mmu/slot.h"

/* The bytes have been written: sets the bits of logged frames. Takes the lock itself. */
void dirty_wrote(struct mmu_vm *m, gpa_t gpa, u64 len);

/* i counts frames from the slot's start. */
static inline u32 track_count(const struct slot *s, u64 i)
{
	return s->nr_tracked ? farray_count(&s->tracks, i) : 0;
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
