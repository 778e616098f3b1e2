/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hardware-read table entries (SPTEs): the only place that makes or takes one apart. An entry is
 *
 *	empty	0: nothing is known here; hardware faults
 *	table	points to a table of the next level
 *	leaf	maps frames
 *	trap	MMIO: hardware faults, and the entry names slot and generation, so that the
 *		fault needs no look-up. Non-present for NPT, a misconfiguration (write without
 *		read) for EPT.
 *
 * Software bits stand where both formats ignore them, so code that only asks "table? trap?" is the
 * same for both:
 *
 *	SPTE_SLOT_W	leaf: the slot lets the guest write. Set when the leaf is made.
 *	SPTE_MMU_W	leaf: no tracking forbids it. Set when the leaf is made.
 *	SPTE_TABLE	table entries, and no others
 *	SPTE_TRAP	trap entries, and no others
 *
 * Hardware's W is set only where both are; a leaf with both and without W, or D, is dirty-logged.
 *
 * Sources: AMD APM 2 "Nested Page Tables", "Long-Mode Page Translation"; Intel SDM 3C "EPT
 * Translation Mechanism", "EPT Misconfigurations".
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/flush.h"
#include "mmu/hw.h"

#define SPTE_SLOT_W BIT(52)
#define SPTE_MMU_W  BIT(53)
#define SPTE_TABLE  BIT(54)
#define SPTE_TRAP   BIT(55)
#define SPTE_SOFT   (SPTE_SLOT_W | SPTE_MMU_W | SPTE_TABLE | SPTE_TRAP)

#define SPTE_ADDR MASK(51, 12)

/* Payload of a trap entry; below the lowest bit that L1TF protection may set. */
#define SPTE_TRAP_SLOT_SHIFT 12
#define SPTE_TRAP_GEN_SHIFT  20
#define SPTE_TRAP_GEN_BITS   15
#define SPTE_TRAP_GEN_MASK   ((1U << SPTE_TRAP_GEN_BITS) - 1)
#define SPTE_L1TF_LOWEST     (SPTE_TRAP_GEN_SHIFT + SPTE_TRAP_GEN_BITS)

_Static_assert((SPTE_SOFT & SPTE_ADDR) == 0, "software bits and address overlap");
_Static_assert(SPTE_L1TF_LOWEST < 36, "every processor has at least 36 physical bits");

static __always_inline bool spte_is_table(u64 e)
{
	return (e & SPTE_TABLE) != 0;
}

static __always_inline bool spte_is_trap(u64 e)
{
	return (e & SPTE_TRAP) != 0;
}

static __always_inline bool spte_is_leaf(u64 e)
{
	return e != 0 && (e & (SPTE_TABLE | SPTE_TRAP)) == 0;
}

/* Of a table or leaf. */
static __always_inline hpa_t spte_hpa(u64 e)
{
	return HPA(e & SPTE_ADDR);
}

static __always_inline u32 spte_trap_slot(u64 e)
{
	return (u32)(e >> SPTE_TRAP_SLOT_SHIFT) & 0xff;
}

static __always_inline u32 spte_trap_gen(u64 e)
{
	return (u32)(e >> SPTE_TRAP_GEN_SHIFT) & SPTE_TRAP_GEN_MASK;
}

u64 spte_table(hpa_t table);
/* What of MMU_R, MMU_W and MMU_X an entry can let the guest do: W only with R, X without R only
 * where hardware can. */
u32 spte_rights(u32 access);
/* A leaf with spte_rights(access), or the empty entry if nothing is left of them; soft: SPTE_SLOT_W
 * and SPTE_MMU_W. */
u64 spte_leaf(hpa_t hpa, u32 level, u32 access, u64 soft);
/* That leaf, the next write through which faults, or is logged by hardware. */
u64 spte_log(u64 e);
u64 spte_trap(u32 slot, u32 gen);
/* Entry i of a table that replaces the leaf or trap entry e of this level. */
u64 spte_part(u64 e, u32 level, u32 i);

/* What hardware lets the guest do through a leaf: MMU_R | MMU_W | MMU_X. */
u32 spte_access(u64 e);
/* What is owed to the TLBs when a leaf, trap or empty entry old becomes new. */
flushneed_t spte_change(u64 old, u64 new);
/* Bits of e that hardware, or our own rules, forbid at this level; 0 = well-formed. */
u64 spte_illegal(u64 e, u32 level);
