/* SPDX-License-Identifier: BSD-2-Clause */
/* The hardware that walks the tables. One record for the whole machine, made by the backend. */
#pragma once

#include "lib/types.h"

enum spte_fmt {
	SPTE_NPT, /* long-mode entries: AMD nested paging */
	SPTE_EPT,
};

struct mmu_hw {
	u8 fmt;         /* enum spte_fmt */
	u8 root_level;  /* levels of the nested table: 4 or 5 */
	u8 maxphyaddr;  /* host physical bits */
	bool has_1g;    /* 1 GiB leaves */
	bool has_nx;    /* NX may be set in entries */
	bool l1tf;      /* non-present entries must hold high physical bits */
	bool multihit;  /* no executable leaf larger than 4 KiB */
	bool pml;       /* logs the first write through a leaf without D */
	bool exec_only; /* EPT: a leaf may let the guest execute and not read */
};

extern struct mmu_hw mmu_hw;
