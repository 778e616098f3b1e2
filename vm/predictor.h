/* SPDX-License-Identifier: BSD-2-Clause */
/* For the backends: no VM may train the branch predictors against the next one. */
#pragma once

#include "arch/cpufeat.h"
#include "arch/msr.h"
#include "arch/x86.h"
#include "vm/vm.h"

#define PRED_CMD_IBPB BIT(0)

/*
 * AMD's CPUs have a bit for it, Intel's one for it and IBRS together. Source: AMD APM 3 "CPUID";
 * Intel SDM 2A "CPUID".
 */
static inline bool has_ibpb(void)
{
	return cpu_has(CPU_IBPB) || cpu_has(CPU_IBRS_IBPB);
}

/*
 * A vCPU of vm is loaded on this CPU. *last_vm: VM id + 1 of the one before, 0 = none. True:
 * another machine's was there.
 */
static inline bool predictor_barrier(u32 *last_vm, const struct vm *vm)
{
	bool other = *last_vm && *last_vm != vm->id + 1;

	if (other && has_ibpb())
		wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
	*last_vm = vm->id + 1;
	return other;
}
