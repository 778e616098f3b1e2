/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CPUID tells a guest: what the host has and we virtualise, plus what we emulate regardless.
 * All leaves are made when the VM is created; at an exit only the few bits that depend on the vCPU
 * are filled in.
 */
#pragma once

#include "lib/types.h"

#include "arch/x86.h"

struct vcpu;

#define CPUID_BASIC_MAX 0xd
#define CPUID_HYP_BASE  0x40000000
#define CPUID_HYP_MAX   0x40000010
#define CPUID_EXT_BASE  0x80000000
#define CPUID_EXT_MAX   0x80000021
#define CPUID_ENTRIES   64

/* What follows from the guest's CPUID for its registers. */
struct guest_caps {
	u64 cr4_valid;
	u64 efer_valid;
	u64 xcr0_valid;
	u32 xsave_size; /* area for all of xcr0_valid */
	u8 maxphyaddr;
	bool nx, has_1g, pse36, xsave, xsaves, tsc_aux, ibpb, amd;
};

struct cpuid_entry {
	struct cpuid_regs r;
	u32 fix; /* enum cpuid_fix */
};

struct cpuid_range {
	u8 first; /* entry of sub-leaf 0 */
	u8 nr;    /* sub-leaves that exist; 0 = the leaf reads as zero */
};

#define CPUID_NR_BASIC (CPUID_BASIC_MAX + 1)
#define CPUID_NR_EXT   (CPUID_EXT_MAX - CPUID_EXT_BASE + 1)
#define CPUID_NR_HYP   (CPUID_HYP_MAX - CPUID_HYP_BASE + 1)
#define CPUID_NONE     (CPUID_NR_BASIC + CPUID_NR_EXT + CPUID_NR_HYP)

struct cpuid_table {
	struct cpuid_range range[CPUID_NONE + 1]; /* by cpuid_slot(); the last is empty */
	struct cpuid_entry entry[CPUID_ENTRIES];
	u32 nr;
	struct guest_caps caps;
};

/* Index into range[]. */
static __always_inline u32 cpuid_slot(u32 leaf)
{
	if (leaf < CPUID_NR_BASIC)
		return leaf;
	if (leaf - CPUID_EXT_BASE < CPUID_NR_EXT)
		return leaf - CPUID_EXT_BASE + CPUID_NR_BASIC;
	if (leaf - CPUID_HYP_BASE < CPUID_NR_HYP)
		return leaf - CPUID_HYP_BASE + CPUID_NR_BASIC + CPUID_NR_EXT;
	return CPUID_NONE;
}

/* What the table is made from. */
struct cpuid_source {
	struct cpuid_regs (*host)(u32 leaf, u32 sub);
	u32 nr_vcpus;
	u32 tsc_khz, apic_khz; /* of the TSC and of the local APIC timer's input */
};

void cpuid_build(struct cpuid_table *t, const struct cpuid_source *src);

/* What depends on the vCPU. */
enum cpuid_fix {
	FIX_NONE,
	FIX_FEATURES,  /* leaf 1: APIC id, OSXSAVE, APIC enabled */
	FIX_OSPKE,     /* leaf 7 */
	FIX_X2APIC_ID, /* leaf 0xb */
	FIX_XSAVE,     /* leaf 0xd: size for the current XCR0 */
	FIX_EXT_APIC,  /* leaf 0x80000001: APIC enabled */
	FIX_EXT_ID,    /* leaf 0x8000001e */
};

/* The entry for a leaf, NULL when it reads as zero. A leaf of one entry does not look at ECX. */
static inline const struct cpuid_entry *cpuid_find(const struct cpuid_table *t, u32 leaf, u32 sub)
{
	const struct cpuid_range *r = &t->range[cpuid_slot(leaf)];

	if (r->nr == 0 || (r->nr > 1 && sub >= r->nr))
		return NULL;
	return &t->entry[r->first + (r->nr > 1 ? sub : 0)];
}

/* The table's registers for a leaf, without what depends on the vCPU. */
struct cpuid_regs cpuid_lookup(const struct cpuid_table *t, u32 leaf, u32 sub);
/* Leaf 1 EAX: also in EDX after reset. */
u32 cpuid_signature(const struct cpuid_table *t);
