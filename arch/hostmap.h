/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's own page tables.
 *
 *	0xffff800000000000	direct map of RAM and firmware tables, writable, never executable
 *	0xffffc00000000000	device registers, uncached
 *	0xffffd00000000000	stacks, each with an unmapped page below
 *	0xffffffff80000000	image: text R-X, constants R--, data RW-
 *
 * Nothing is mapped below 2^47 once the application processors run.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

/* Maps image and direct map of [0, ram_end) and switches to the new tables. Frames below 4 GiB
 * can be used before, as the boot tables map those; RAM above only after. Stops when out of
 * memory. */
void hostmap_init(u64 ram_end);

/* Maps [pa, pa + size) at va. */
enum hostmap_prot {
	HM_RO,
	HM_RW,
	HM_RX,
	HM_UC, /* RW, uncached */
};

int hostmap_map(u64 va, hpa_t pa, u64 size, enum hostmap_prot prot);

/* Makes firmware memory readable through the direct map; NULL when it is beyond it. */
const void *phys_map(hpa_t base, u64 size);

/* Physical address for CR3. */
hpa_t hostmap_cr3(void);
/* Maps one page at its own address, executable, for the start of the other CPUs; undo removes it.
 * */
int hostmap_trampoline(hpa_t page, bool map);
