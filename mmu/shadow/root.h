/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root objects of shadow paging: what hardware's CR3 points to, with the key that it was built for.
 * A root is self-describing: how to use, find and free it follows from the object, never from the
 * mode that a vCPU is in. Roots belong to the VM; contexts hold references.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/pool.h"

struct mmu_vm;

enum shadow_root_kind {
	SRK_NONE,
	SRK_SP,    /* one shadow page, which hardware walks itself: 4 or 5 levels */
	SRK_PAE32, /* a 32-byte PDPT below 4 GiB over four level-2 shadow pages */
};

/* Identity of a root. id: long mode and 32-bit paging: {CR3 frame}; PAE: the four latched PDPTEs,
 * normalised (P = 0: 0; address and P otherwise), so two CR3 values in one page differ and equal
 * values share; paging off: {0}. */
struct rkey {
	u64 id[4];
	union page_role role; /* the page part of the cpu_role; word 0 = no key */
};

struct shadow_root {
	struct rkey key;
	hpa_t hw;       /* for hardware's CR3 */
	spx_t child[4]; /* SRK_PAE32: by PDPT entry, 0 = none; else child[0] */
	u8 kind;        /* enum shadow_root_kind */
	u8 level;       /* levels that hardware walks */
	u8 zero[2];
	u32 gen;                  /* of the VM when it was built; another one = obsolete */
	u32 refs;                 /* contexts that hold it, as current or cached */
	struct shadow_root *next; /* of the VM's roots in use, or of its free ones */
};
