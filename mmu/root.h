/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Roots: what goes into nCR3 or EPTP. A root is self-describing: how to use and free it follows
 * from the root itself, never from the mode a vCPU is in at the moment.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct mmu_vm;

enum mmu_root_kind {
	RK_NONE,   /* not built */
	RK_DIRECT, /* one tree for the whole VM, guest-physical to host-physical */
};

struct mmu_root {
	u8 kind;  /* enum mmu_root_kind */
	u8 level; /* of the top table */
	u32 sp;   /* top table, index into the pool */
	hpa_t hw; /* the same as a host-physical address */
};
