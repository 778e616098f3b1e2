/* SPDX-License-Identifier: BSD-2-Clause */
/* Not a test: registers of the CPU that are memory. */
#include "tests/host/fake/cpu.h"

#include <stdlib.h>

u64 fake_cr0, fake_cr2, fake_cr4;
u32 fake_pkru;
u32 fake_mcs;
u32 fake_irq_polls;

static struct {
	u32 msr;
	u64 val;
} msrs[64];

static u32 nr_msrs;

u64 *fake_msr(u32 msr)
{
	for (u32 i = 0; i < nr_msrs; i++)
		if (msrs[i].msr == msr)
			return &msrs[i].val;
	if (nr_msrs == ARRAY_SIZE(msrs))
		abort();
	msrs[nr_msrs].msr = msr;
	return &msrs[nr_msrs++].val;
}
