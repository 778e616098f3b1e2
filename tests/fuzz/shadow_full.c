/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/sim/[a-z]*.c tests/host/mmu_ref.c */
/* Random operations on the shadow MMU as hardware has it, audited now and then.
 * Arguments: seed, number of operations. */
#include "mmu/geom.h"
#include "tests/host/mmu_ref.h"
#include "tests/sim/driver.h"

int main(int argc, char **argv)
{
	struct driver_options o = {
		.seed = 1, .ops = 5000000, .episode = 2000, .audit = false, .stats = true
	};

	ref_level_bits = MMU_LEVEL_BITS;
	driver_args(&o, argc, argv);
	driver_run(&o);
	return 0;
}
