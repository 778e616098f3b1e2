/* SPDX-License-Identifier: BSD-2-Clause */
/* Flush events, for the files of mmu/shadow/. */
#pragma once

#include "arch/regs.h"
#include "mmu/geom.h"
#include "mmu/mutant.h"
#include "mmu/shadow/ctx.h"

/* Index of gva in a hardware table of this level. */
static inline u32 gva_index(gva_t gva, u32 level)
{
	return (u32)(gva.v >> (PAGE_SHIFT + MMU_LEVEL_BITS * (level - 1))) & (MMU_ENTRIES - 1);
}

/* The address space within which translations are kept apart. */
static inline u64 regs_pcid(const struct mmu_regs *r)
{
	return r->cr4 & CR4_PCIDE ? r->cr3 & MASK(11, 0) : 0;
}

/* What an event of this scope means for the context: sync before the next entry, flush its tag. */
static inline void event_flush(struct mmu_ctx *c, enum flush_scope scope)
{
	if (scope < SCOPE_SPACE)
		return;
	c->synced = MUTANT(FLUSH_EVENT_WITHOUT_SYNC);
	c->flush = true;
}

/*
 * A #PF that hardware raised for gva is delivered: it has forgotten the address, the shadow must.
 */
void event_pf(struct mmu_ctx *c, gva_t gva);
