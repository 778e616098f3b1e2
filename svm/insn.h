/* SPDX-License-Identifier: BSD-2-Clause */
/* One-instruction wrappers that only SVM needs. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

/* Writes FS, GS, TR, LDTR and the MSRs of SYSCALL and SYSENTER of this CPU into a VMCB. */
static inline void vmsave(hpa_t vmcb)
{
	__asm__ volatile("vmsave %0" : : "a"(vmcb.v) : "memory");
}

/* Source: AMD APM 3 "INVLPGA". */
static inline void invlpga(u64 gva, u32 asid)
{
	__asm__ volatile("invlpga %0, %1" : : "a"(gva), "c"(asid) : "memory");
}
