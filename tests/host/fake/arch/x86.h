/* SPDX-License-Identifier: BSD-2-Clause */
/* The real header, but time is the test's own (tests/host/fake/clock.h). */
#pragma once

#include "tests/host/fake/clock.h"

#define rdtsc real_rdtsc
#include "../../../../arch/x86.h"
#undef rdtsc

static inline u64 rdtsc(void)
{
	return fake_tsc;
}
