/* SPDX-License-Identifier: BSD-2-Clause */
/* Source: AMD APM 3 "Obtaining Processor Information Via the CPUID Instruction". */
#include "arch/cpufeat.h"

#include <string.h>

#include "arch/x86.h"

u32 cpu_features;
u8 cpu_maxphyaddr = 36;
char cpu_vendor[13];
char cpu_hypervisor[13];

static const struct {
	u32 leaf, sub;
	u8 reg, bit;
	const char *name;
} features[] = {

#define X(id, name, leaf, sub, reg, bit) { leaf, sub, reg, bit, name },
	CPU_FEATURES(X)
#undef X
};

static void text3(char *dst, u32 a, u32 b, u32 c)
{
	memcpy(dst, &a, 4);
	memcpy(dst + 4, &b, 4);
	memcpy(dst + 8, &c, 4);
	dst[12] = 0;
}

void cpufeat_init(void)
{
	struct cpuid_regs r = cpuid(0, 0);
	u32 max = r.eax, max_ext = cpuid(0x80000000, 0).eax;

	text3(cpu_vendor, r.ebx, r.edx, r.ecx);
	for (u32 i = 0; i < CPU_FEATURE_NR; i++) {
		u32 v[4], leaf = features[i].leaf;

		if (leaf > (leaf & BIT32(31) ? max_ext : max))
			continue;
		r = cpuid(leaf, features[i].sub);
		memcpy(v, &r, sizeof(v));
		if (v[features[i].reg] & BIT32(features[i].bit))
			cpu_features |= BIT32(i);
	}
	if (max_ext >= 0x80000008)
		cpu_maxphyaddr = (u8)cpuid(0x80000008, 0).eax;
	if (cpu_has(CPU_HYPERVISOR)) {
		r = cpuid(0x40000000, 0);
		text3(cpu_hypervisor, r.ebx, r.ecx, r.edx);
	}
}

bool cpu_is_tcg(void)
{
	return strcmp(cpu_hypervisor, "TCGTCGTCGTCG") == 0;
}

const char *cpu_feature_name(enum cpu_feature f)
{
	return features[f].name;
}
