/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* CFLAGS: -DMMU_LEVEL_BITS=2 */
/* Random operations on the shadow MMU with tables of four entries, audited after each one.
 * Arguments: seed, number of operations. */
#include "mmu/geom.h"
#include "tests/host/mmu_ref.h"
#include "tests/sim/driver.h"

int main(int argc, char **argv)
{
	struct driver_options o = {
		.seed = 1, .ops = 10000000, .episode = 2000, .audit = true, .stats = true
	};

	ref_level_bits = MMU_LEVEL_BITS;
	driver_args(&o, argc, argv);
	driver_run(&o);
	return 0;
}
