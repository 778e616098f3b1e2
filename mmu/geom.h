/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Geometry of the hardware tables, the same for EPT and for nested (long-mode) tables. Level 1 is
 * the table of 4 KiB leaves; a leaf at level 2 maps 2 MiB, at level 3 1 GiB.
 *
 * A hosted program may be built with smaller tables (-DMMU_LEVEL_BITS=2), of the guest too, so that
 * all states of a few of them can be tried. Tables still take a page each and use its beginning.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#define MMU_MAX_LEVEL 5

#ifndef MMU_LEVEL_BITS
#define MMU_LEVEL_BITS 9
#endif

#define MMU_ENTRIES (1U << MMU_LEVEL_BITS)

_Static_assert(MMU_LEVEL_BITS >= 1 && MMU_LEVEL_BITS <= 9, "a table fits a page");
#if !__STDC_HOSTED__
_Static_assert(MMU_LEVEL_BITS == 9, "processors know one geometry");
#endif

/* Frames that one entry of a table at this level covers. */
static __always_inline u64 level_frames(u32 level)
{
	return 1ULL << (MMU_LEVEL_BITS * (level - 1));
}

static __always_inline u32 level_index(gfn_t gfn, u32 level)
{
	return (u32)(gfn.v >> (MMU_LEVEL_BITS * (level - 1))) & (MMU_ENTRIES - 1);
}

/* First frame that is covered by the same entry as gfn. */
static __always_inline gfn_t level_first(gfn_t gfn, u32 level)
{
	return GFN(ALIGN_DOWN(gfn.v, level_frames(level)));
}

/* First frame behind that entry. */
static __always_inline gfn_t level_next(gfn_t gfn, u32 level)
{
	return GFN(level_first(gfn, level).v + level_frames(level));
}
