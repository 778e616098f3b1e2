/* SPDX-License-Identifier: BSD-2-Clause */
/* What this machine's SVM can do, and the sentence for one that cannot. */
#pragma once

#include "lib/out.h"
#include "lib/types.h"

/* X(id, "name", bit of CPUID 8000_000A EDX, "what we do with it") */
#define SVM_FEATURES(X)                                                                        \
	X(NP, "nested paging", 0, "guests walk their own tables, without it shadows of them")  \
	X(LBRV, "LBR virtualisation", 1, "unused")                                             \
	X(SVML, "SVM lock", 2, "unused")                                                       \
	X(NRIPS, "next RIP saved", 3, "skips instructions without decoding them")              \
	X(TSC_RATE, "TSC rate MSR", 4, "unused")                                               \
	X(CLEAN, "VMCB clean bits", 5, "unchanged state is not read again")                    \
	X(FLUSH_ASID, "flush by ASID", 6, "flushes one guest, without it a new ASID is taken") \
	X(DECODE, "decode assists", 7, "operands of MOV CRn and INVLPG")                       \
	X(PAUSE_FILTER, "pause filter", 10, "PAUSE exits only in a loop")                      \
	X(PAUSE_THRESHOLD, "pause threshold", 12, "tells a loop from single PAUSEs")           \
	X(AVIC, "AVIC", 13, "unused")                                                          \
	X(V_VMLOAD, "virtual VMLOAD and VMSAVE", 15, "unused")                                 \
	X(VGIF, "virtual GIF", 16, "unused")                                                   \
	X(GMET, "guest mode execute trap", 17, "unused")                                       \
	X(V_SPEC_CTRL, "virtual SPEC_CTRL", 20, "unused")                                      \
	X(VNMI, "virtual NMI", 25, "unused")

enum svm_feature {
#define X(id, name, bit, use) SVM_##id = (bit),
	SVM_FEATURES(X)
#undef X
};

/* All that the verdict depends on. */
struct svm_facts {
	bool svm;      /* CPUID 8000_0001 ECX.SVM */
	bool vm_cr_ok; /* RDMSR VM_CR did not fault */
	u64 vm_cr;
	u32 revision;  /* CPUID 8000_000A EAX[7:0] */
	u32 nr_asids;  /* EBX; ASID 0 is the host's */
	u32 features;  /* EDX */
	bool pku;      /* CPUID 7 ECX bit 3 */
	bool is_tcg;   /* QUIRK: svm_shadow_lost(), invalid(), inject_virq() */
	bool is_bochs; /* QUIRK: exited_busy(), svm_load(), svm_set_sreg() */
	const char *vendor;
	const char *below; /* signature of the hypervisor that we run under, or "" */
};

extern struct svm_facts svm_facts;

static __always_inline bool svm_has(enum svm_feature f)
{
	return svm_facts.features & BIT32(f);
}

/* 0, or with one sentence in why: -ENODEV: the CPU has no such thing; -ENOSYS: it cannot be used.
 * Looks at nothing but f. */
int svm_judge(const struct svm_facts *f, char *why, size_t size);
int svm_probe(u32 without, char *why, size_t size);
void svm_describe(struct out *o);
