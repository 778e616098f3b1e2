/* SPDX-License-Identifier: BSD-2-Clause */
/* The order in which locks are taken: rising. */
#pragma once

enum lock_rank {
	RANK_VM = 1,  /* life cycle of a VM */
	RANK_CHIPSET, /* a VM's devices other than local APICs */
	RANK_APIC,    /* one vCPU's local APIC */
	RANK_MUX,     /* who has the serial line */
	RANK_TIMER,
	RANK_SCHED,
	RANK_WATCH,
	RANK_MMU, /* mmu_vm.lock: devices write guest memory under their own locks */
	RANK_MMU_POOL,
	RANK_HOSTMAP,
	RANK_HEAP,
	RANK_FRAME,
	RANK_CONSOLE,
	RANK_LOG,
};
