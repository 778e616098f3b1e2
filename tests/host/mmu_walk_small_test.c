/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/mmu_ref.c tests/host/fake/bug.c */
/* CFLAGS: -DMMU_LEVEL_BITS=2 */
/* The guest walker with tables of four entries: the geometry of the exhaustive tests. */

#include "mmu_walk_test.c"
