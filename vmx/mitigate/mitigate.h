/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two errata of Intel's CPUs that guests can use, and what is done about them:
 *
 * L1TF: a load through an entry that is not present, or has reserved bits, may see what the L1 data
 * cache holds of the frame that the entry names. Our trap entries name none (mmu_hw.l1tf), and L1D
 * is flushed when another machine's vCPU takes the CPU.
 *
 * iTLB multihit: when a page of code changes its size, a fetch can end in a machine check, which
 * stops the host. Then code has pages of 4 KiB only (mmu_hw.multihit).
 */
#pragma once

#include "lib/out.h"
#include "lib/types.h"

/* All that the verdict depends on. */
struct mitigate_facts {
	bool intel;
	u32 signature; /* CPUID 1 EAX: family and model */
	u64 caps;      /* IA32_ARCH_CAPABILITIES; 0 where there is none */
	bool flush_cmd;
};

struct mitigations {
	bool l1tf;
	bool l1d_leaks;         /* to a guest that runs next on this CPU, */
	bool flush_l1d;         /* unless it is flushed */
	bool multihit;          /* code has pages of 4 KiB only */
	bool multihit_affected; /* and ought to */
};

extern struct mitigations vmx_mitigations;

/* without: what the command line says about multihit (enum hv_without). Looks at nothing else. */
struct mitigations mitigate_judge(const struct mitigate_facts *f, u32 without);
/* Judges this CPU: fills vmx_mitigations. */
void mitigate_init(u32 without);
/* One line. */
void mitigate_describe(struct out *o);
/* The L1 data cache forgets what it holds, where that is needed and can be done. */
void mitigate_flush_l1d(void);
