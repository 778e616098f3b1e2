/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libFuzzer's way into the random driver: all choices, the schedule of actors and hooks and the
 * processor's treatment of its caches among them, come from its bytes. A finding is written to a
 * file, and this program with that file as its argument repeats it.
 */
#include "mmu/geom.h"
#include "tests/host/mmu_ref.h"
#include "tests/sim/driver.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	ref_level_bits = MMU_LEVEL_BITS;
	driver_bytes(data, size);
	return 0;
}
