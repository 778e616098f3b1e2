/* SPDX-License-Identifier: BSD-2-Clause */
/* The nested walk of one address, for the shell: what an access would lead to, and why. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/geom.h"
#include "mmu/mmu.h"

/* The entries that hardware meets on its way to a frame. Index = level. */
struct mmu_path {
	u8 top;                      /* level of the root table; 0 = no table was built */
	u8 level;                    /* of the last entry, the one that decides */
	hpa_t at[MMU_MAX_LEVEL + 1]; /* where the entry is */
	u64 entry[MMU_MAX_LEVEL + 1];
};

/* Lock-free. gfn may lie beyond what the tables reach; then it is wrapped as hardware would. */
void mmu_path(const struct mmu_vm *m, gfn_t gfn, struct mmu_path *p);

struct mmu_probe {
	struct mmu_path path;
	const struct slot *slot; /* NULL = hole */
	bool mapped;             /* the last entry is a leaf */
	hpa_t hpa;               /* mapped: where gpa is */
	u32 allowed;             /* MMU_R | MMU_W | MMU_X without a fault */
	bool faults;             /* the access would exit, with this verdict */
	enum mmu_verdict verdict;
	const char *reason; /* static text: why it is allowed, or why it faults */
};

/* access: MMU_R, MMU_W or MMU_X. Changes nothing. */
void mmu_probe(struct mmu_vm *m, gpa_t gpa, u32 access, struct mmu_probe *p);
