/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of shadow tables, in the format that the guest's own mode makes hardware walk: long mode
 * or PAE, which agree in all bits used here. Where the entries came from stands beside the table
 * (mmu/shadow/sp.h), because PAE leaves only three bits to software. An entry is
 *
 *	empty	0
 *	table	P, W, U, A and bit 9: rights are limited in the leaves alone
 *	leaf	P without bit 9. A is set, and D with W: hardware never writes an entry
 *
 * Source: AMD APM 2 "Long-Mode Page Translation", "Legacy-Mode Page Translation".
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/gfmt.h"
#include "mmu/walk.h"

#define SSPTE_TABLE BIT(9)
#define SSPTE_ADDR  MASK(51, 12)

_Static_assert(MMU_W == GPTE_W && MMU_U == GPTE_U, "rights stand where entries have them");

static __always_inline bool sspte_is_table(u64 e)
{
	return (e & SSPTE_TABLE) != 0;
}

static __always_inline bool sspte_is_leaf(u64 e)
{
	return (e & (GPTE_P | SSPTE_TABLE)) == GPTE_P;
}

static __always_inline bool sspte_writable(u64 e)
{
	return (e & GPTE_W) != 0;
}

static __always_inline hpa_t sspte_hpa(u64 e)
{
	return HPA(e & SSPTE_ADDR);
}

static inline u64 sspte_table(hpa_t table)
{
	return table.v | GPTE_P | GPTE_W | GPTE_U | GPTE_A | SSPTE_TABLE;
}

/* rights: MMU_W, MMU_U, MMU_X. */
static inline u64 sspte_leaf(hpa_t hpa, u32 level, u32 rights, u32 pkey)
{
	u64 e = hpa.v | GPTE_P | GPTE_A | (rights & (MMU_W | MMU_U)) | (u64)pkey << GPTE_PKEY_SHIFT;

	if (rights & MMU_W)
		e |= GPTE_D;
	if (!(rights & MMU_X))
		e |= GPTE_NX;
	return level > 1 ? e | GPTE_PS : e;
}

/* The same leaf without the right to write. */
static inline u64 sspte_readonly(u64 e)
{
	return e & ~(GPTE_W | GPTE_D);
}
