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

/* The hypervisor's own handler for machine checks. */
static inline void raise_mc(void)
{
	__asm__ volatile("int $18" : : : "memory");
}

static inline void read_dr0_3(u64 dr[4])
{
	__asm__ volatile("mov %%db0, %0" : "=r"(dr[0]));
	__asm__ volatile("mov %%db1, %0" : "=r"(dr[1]));
	__asm__ volatile("mov %%db2, %0" : "=r"(dr[2]));
	__asm__ volatile("mov %%db3, %0" : "=r"(dr[3]));
}

static inline void write_dr0_3(const u64 dr[4])
{
	__asm__ volatile("mov %0, %%db0" : : "r"(dr[0]));
	__asm__ volatile("mov %0, %%db1" : : "r"(dr[1]));
	__asm__ volatile("mov %0, %%db2" : : "r"(dr[2]));
	__asm__ volatile("mov %0, %%db3" : : "r"(dr[3]));
}

static inline u32 rdpkru(void)
{
	u32 v;

	__asm__ volatile("rdpkru" : "=a"(v) : "c"(0) : "rdx");
	return v;
}
