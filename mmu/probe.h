/* SPDX-License-Identifier: BSD-2-Clause */
/* The nested walk of one address, for the shell: every entry, and what an access would lead to. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/mmu.h"

struct mmu_path {
	u8 top;                      /* level of the root table */
	u8 level;                    /* of the last entry; index = level, as in struct mmu_walk */
	u64 spte[MMU_MAX_LEVEL + 1]; /* mmu/spte.h takes them apart */
	hpa_t table[MMU_MAX_LEVEL + 1]; /* the table that the entry is in */
	const struct slot *slot;        /* NULL = hole */
	bool mapped;                    /* the last entry is a leaf */
	hpa_t hpa;                      /* mapped: where gpa is */
	u32 allowed;                    /* MMU_R | MMU_W | MMU_X without a fault */
	bool faults;                    /* the access would exit, with this verdict */
	enum mmu_verdict verdict;
	const char *reason; /* static text: why it is allowed, or why it faults */
};

/* access: MMU_R, MMU_W or MMU_X. Lock-free, changes nothing. */
void mmu_probe(const struct mmu_vm *m, gpa_t gpa, u32 access, struct mmu_path *p);
/* "MMIO", "FIXED", ... */
const char *mmu_verdict_name(enum mmu_verdict v);
