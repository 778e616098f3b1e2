/* SPDX-License-Identifier: BSD-2-Clause */
/* CPU features that the hypervisor itself uses, found once on the boot CPU. */
#pragma once

#include "lib/types.h"

/* X(id, "name", leaf, subleaf, register (0 eax 1 ebx 2 ecx 3 edx), bit) */
#define CPU_FEATURES(X)                              \
	X(1G, "pdpe1gb", 0x80000001, 0, 3, 26)       \
	X(NX, "nx", 0x80000001, 0, 3, 20)            \
	X(SVM, "svm", 0x80000001, 0, 2, 2)           \
	X(VMX, "vmx", 1, 0, 2, 5)                    \
	X(X2APIC, "x2apic", 1, 0, 2, 21)             \
	X(TSC_DEADLINE, "tsc_deadline", 1, 0, 2, 24) \
	X(XSAVE, "xsave", 1, 0, 2, 26)               \
	X(HYPERVISOR, "hypervisor", 1, 0, 2, 31)     \
	X(SMEP, "smep", 7, 0, 1, 7)                  \
	X(SMAP, "smap", 7, 0, 1, 20)                 \
	X(UMIP, "umip", 7, 0, 2, 2)                  \
	X(LA57, "la57", 7, 0, 2, 16)                 \
	X(XSAVEOPT, "xsaveopt", 0xd, 1, 0, 0)        \
	X(XSAVES, "xsaves", 0xd, 1, 0, 3)            \
	X(IBPB, "ibpb", 0x80000008, 0, 1, 12)        \
	X(IBRS_IBPB, "ibrs_ibpb", 7, 0, 3, 26)       \
	X(FLUSH_L1D, "flush_l1d", 7, 0, 3, 28)       \
	X(ARCH_CAPS, "arch_caps", 7, 0, 3, 29)       \
	X(INVARIANT_TSC, "invariant_tsc", 0x80000007, 0, 3, 8)

enum cpu_feature {
#define X(id, ...) CPU_##id,
	CPU_FEATURES(X)
#undef X
	CPU_FEATURE_NR,
};

extern u32 cpu_features; /* bit per enum cpu_feature */
extern u8 cpu_maxphyaddr;
extern char cpu_vendor[13];
extern char cpu_hypervisor[13]; /* signature of the hypervisor below us, or "" */

void cpufeat_init(void);
/* QEMU emulates this CPU: for the QUIRKs of its emulator, which KVM does not share. */
bool cpu_is_tcg(void);
const char *cpu_feature_name(enum cpu_feature f);

static inline bool cpu_has(enum cpu_feature f)
{
	return cpu_features & BIT32(f);
}
