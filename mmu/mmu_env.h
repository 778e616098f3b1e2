/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The seam: everything that mmu/ needs from the machine below it, which brings it along: arch/ in
 * the hypervisor, the simulated machine of the tests (tests/host/fake/) in a hosted program. No
 * function pointer stands on a hot path.
 *
 *	struct env_lock, enum env_rank		ranked spinlock, taken in rising rank
 *	env_lock_init/lock/unlock
 *	env_ptr(hpa)				host pointer to a frame, valid for ever
 *	env_zero(p)				clear one frame
 *	env_spte_read/write(p)			one 64-bit access to a hardware-read entry
 *	env_fence()				stores before are visible before loads after
 *	env_publish(p, v)			store, then env_fence()
 *	env_cpu(), env_nr_cpus()		index of this CPU, number of CPUs
 *	env_kick(cpu)				make that CPU leave guest mode soon
 *	env_kick_again(cpu)			the first kick has had no effect for long
 *	env_relax()				inside a wait loop
 *	env_tsc()				time stamp for traces
 *	MMU_HOOK(id)				a place where a test scripts an event; else false
 */
#pragma once

#include "arch/mmu_env.h"
