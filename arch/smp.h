/* SPDX-License-Identifier: BSD-2-Clause */
/* Bringing up CPUs. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

/* The boot CPU's struct cpu, before any memory can be allocated. */
void smp_early_init(void);
/* Makes descriptor tables, timer queue and run queue of the boot CPU. 0 or -ENOMEM. */
int smp_boot_cpu(void);
/*
 * Starts the CPU with this APIC id through INIT-SIPI and waits up to 100 ms for it; it then runs
 * its idle loop. trampoline: a page below 1 MiB that nobody uses.
 */
int smp_start(u32 apic_id, hpa_t trampoline);
