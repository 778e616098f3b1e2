/* SPDX-License-Identifier: BSD-2-Clause */
/* The real header, but there is one CPU, which lies in the test program. */
#pragma once

#define this_cpu real_this_cpu
#include "../../../../arch/percpu.h"
#undef this_cpu

extern struct cpu fake_cpu; /* defined weakly, so that no file owns it */
__attribute__((weak)) struct cpu fake_cpu;

static inline struct cpu *this_cpu(void)
{
	return &fake_cpu;
}
