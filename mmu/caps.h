/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Paging capabilities: what a guest's CPUID says about page tables, as interned records. The number
 * of the record is part of every role, so a change of CPUID makes every context, table and root of
 * the vCPU another one by construction: nothing has to be told, and nothing can be forgotten. Two
 * vCPUs share a table only if the same bits are reserved for both.
 */
#pragma once

#include "lib/types.h"

struct mmu_regs;

#define MMU_CAPS_NR 16

/* CPUID 8000_0008 EAX, 8000_0001 EDX, 1 EDX. */
struct mmu_caps {
	u8 maxphyaddr;
	bool has_nx, has_1g, has_pse36;
};

/* One VM's records; under its lock. Records are never forgotten. */
struct caps_table {
	u32 nr;
	struct mmu_caps rec[MMU_CAPS_NR];
};

/* The number of the record, added if it is new. -ENOSPC: the table is full; -EINVAL: no processor
 * is like this. */
int caps_intern(struct caps_table *t, const struct mmu_caps *c) __must_check;
/* Copies record id into the snapshot's fields of the same names. */
void caps_apply(const struct caps_table *t, u32 id, struct mmu_regs *r);
