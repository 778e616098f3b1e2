/* SPDX-License-Identifier: BSD-2-Clause */
/* The entries that hardware meets on its way to a frame, copied for the shell. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/geom.h"

struct mmu_vm;

/* Index = level. */
struct mmu_path {
	u8 top;                      /* level of the root table; 0 = no table was built */
	u8 level;                    /* of the last entry, the one that decides */
	hpa_t at[MMU_MAX_LEVEL + 1]; /* where the entry is */
	u64 entry[MMU_MAX_LEVEL + 1];
};

/* Lock-free. gfn may lie beyond what the tables reach; then it is wrapped as hardware would. */
void path_read(const struct mmu_vm *m, gfn_t gfn, struct mmu_path *p);
