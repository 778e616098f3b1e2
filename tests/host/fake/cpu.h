/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of the CPU for tests of code that reads and writes them: link fake/cpu.c. */
#pragma once

#include "lib/types.h"

extern u64 fake_cr0, fake_cr2, fake_cr4;
extern u32 fake_pkru;
extern u32 fake_mcs;       /* machine checks that went to the hypervisor's own handler */
extern u32 fake_irq_polls; /* calls of take_irqs() */

/* Where an MSR is kept; 0 until somebody writes it. At most 64 different ones. */
u64 *fake_msr(u32 msr);
