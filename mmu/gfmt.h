/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formats of the guest's own page tables, as constant descriptors. A walker that gets one as a
 * constant is specialised by the compiler; nothing of the descriptor is left in the code.
 * Source: AMD APM 2 "Page Translation and Protection"; Intel SDM 3A "Paging".
 */
#pragma once

#include "lib/types.h"

#include "arch/regs.h"
#include "mmu/mutant.h"
#include "mmu/role.h"
#include "mmu/walk.h"

/* What of the registers decides how entries are read: cpu_role.mode. Bit 0 is always set. */
static __always_inline u32 role_mode(const struct mmu_regs *r)
{
	u64 mode = (r->cr0 & (CR0_PG | CR0_WP)) | (r->efer & (EFER_LMA | EFER_NXE)) |
		   (r->cr4 & (CR4_PSE | CR4_PAE | CR4_LA57 | CR4_SMEP | CR4_SMAP | CR4_PKE));

	return MUTANT(S1_01_NO_VALID_BIT) ? (u32)mode : (u32)mode | 1;
}

#define GPTE_P  BIT(0)
#define GPTE_W  BIT(1)
#define GPTE_U  BIT(2)
#define GPTE_A  BIT(5)
#define GPTE_D  BIT(6)
#define GPTE_PS BIT(7)
#define GPTE_NX BIT(63)

#define GPTE_PKEY_SHIFT 59

/* Protection key of a leaf. Kept whether keys are on or not: they may be switched on later, without
 * a flush. Other formats have zeros there. */
static __always_inline u32 gpte_pkey(u64 gpte)
{
	return (u32)FIELD(gpte, GPTE_PKEY_SHIFT + 3, GPTE_PKEY_SHIFT);
}

struct gfmt {
	u8 top;        /* level of the table that CR3 points to */
	u8 entry_size; /* 4 or 8 bytes */
	u8 index_bits;
	u8 max_large; /* highest level whose PS bit makes a leaf; 1 = none */
	bool wide;    /* 64-bit entries with NX */
	bool pdpt;    /* the top table is the PDPT of PAE: four entries without rights */
	bool pkey;    /* protection keys */
	u64 cr3;      /* table address in CR3 */
	u64 addr;     /* address bits of an entry, 4 KiB aligned */
	u64 checked;  /* bits that are reserved from MAXPHYADDR up */
};

#define GFMT_32(large)                                                                             \
	{                                                                                          \
		.top = 2, .entry_size = 4, .index_bits = MMU_LEVEL_BITS + 1, .max_large = (large), \
		.cr3 = MASK(31, 12), .addr = MASK(31, 12),                                         \
	}

static const struct gfmt gfmt_32 = GFMT_32(1);
/* CR4.PSE: a directory entry may map 4 MiB. */
static const struct gfmt gfmt_32_pse = GFMT_32(2);

static const struct gfmt gfmt_pae = {
	.top = 3,
	.entry_size = 8,
	.index_bits = MMU_LEVEL_BITS,
	.max_large = 2,
	.wide = true,
	.pdpt = true,
	.cr3 = MASK(31, 5),
	.addr = MASK(51, 12),
	.checked = MASK(62, 12),
};

#define GFMT_LONG(levels)                                                                       \
	{                                                                                       \
		.top = (levels), .entry_size = 8, .index_bits = MMU_LEVEL_BITS, .max_large = 3, \
		.wide = true, .pkey = true, .cr3 = MASK(51, 12), .addr = MASK(51, 12),          \
		.checked = MASK(51, 12),                                                        \
	}

static const struct gfmt gfmt_4 = GFMT_LONG(4);
static const struct gfmt gfmt_5 = GFMT_LONG(5);

/* Of the guest tables that shadow pages with this role stand for. */
static inline const struct gfmt *role_gfmt(union page_role role)
{
	switch ((enum role_fmt)role.fmt) {
	case ROLE_32:
		return &gfmt_32;
	case ROLE_32_PSE:
		return &gfmt_32_pse;
	case ROLE_PAE:
		return &gfmt_pae;
	case ROLE_LM:
	case ROLE_LIN:
	case ROLE_FMT_NR:
		break;
	}
	return &gfmt_4;
}

/* Bits of a linear address below the index of this level. */
static __always_inline u32 gfmt_shift(const struct gfmt *const f, u32 level)
{
	return PAGE_SHIFT + f->index_bits * (level - 1u);
}

/* Reserved in every entry, leaf or not. */
static __always_inline u64 gfmt_reserved(const struct gfmt *const f, const struct mmu_regs *regs)
{
	u64 bits = (~0ULL << regs->maxphyaddr) & f->checked;

	if (f->wide && !(regs->efer & EFER_NXE) && !MUTANT(NX_OF_HARDWARE))
		bits |= GPTE_NX;
	return bits;
}

/* In addition in every entry of this level. */
static __always_inline u64 gfmt_reserved_at(const struct gfmt *const f, u32 level)
{
	if (f->pdpt && level == f->top)
		return MASK(2, 1) | MASK(8, 5) | GPTE_NX;
	return level > 3 && !MUTANT(PS_NOT_RESERVED) ? GPTE_PS : 0;
}

/* Where a leaf of 4 MiB has its address bits from 32 up: 20:13. */
static __always_inline u64 gfmt_pse36(const struct gfmt *const f, u32 level)
{
	return MASK(gfmt_shift(f, level) - 2, 13);
}

/* In addition in a leaf above level 1. */
static __always_inline u64 gfmt_reserved_large(const struct gfmt *const f,
					       const struct mmu_regs *regs, u32 level)
{
	if (level == 3 && !regs->has_1g)
		return GPTE_PS;
	if (f->wide)
		return MASK(gfmt_shift(f, level) - 1, 13);
	/* Bits 20:13 are address bits 39:32 with PSE-36, as far as MAXPHYADDR goes. */
	if (!regs->has_pse36 && !MUTANT(PSE36_UNGATED))
		return MASK(gfmt_shift(f, level) - 1, 13);
	return BIT(gfmt_shift(f, level) - 1) |
	       (gfmt_pse36(f, level) & (~0ULL << (MIN(regs->maxphyaddr, 40u) - 32 + 13)));
}

/* First byte that a leaf maps. */
static __always_inline u64 gfmt_leaf_gpa(const struct gfmt *const f, u64 e, u32 level)
{
	u64 base = e & f->addr & ~(BIT(gfmt_shift(f, level)) - 1);

	return f->wide || level == 1 ? base : base | (e & gfmt_pse36(f, level)) >> 13 << 32;
}
