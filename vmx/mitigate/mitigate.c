/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources: Intel "Affected Processors: Transient Execution Attacks & Related Security Issues by
 * CPU"; "Deep Dive: L1 Terminal Fault"; "Deep Dive: Machine Check Error Avoidance on Page Size
 * Change"; Intel SDM 4 "IA32_ARCH_CAPABILITIES", "IA32_FLUSH_CMD".
 */
#include "vmx/mitigate/mitigate.h"

#include <string.h>

#include "arch/cpufeat.h"
#include "arch/msr.h"
#include "arch/x86.h"
#include "vm/hv_ops.h"

#define CAPS_RDCL_NO           BIT(0)
#define CAPS_SKIP_L1DFL        BIT(3) /* no flush is needed at VM-entry */
#define CAPS_IF_PSCHANGE_MC_NO BIT(6)
#define FLUSH_L1D              BIT(0)

#define L1TF     1U
#define MULTIHIT 2U

struct mitigations vmx_mitigations;

/*
 * Models of family 6, up to eight in a row. Those that are missing are older or newer than the
 * errata, or Atoms. The MSR takes back what a later stepping has mended.
 */
/* clang-format off */
static const struct {
	u8 models[8];
	u8 errata;
} affected[] = {
	{ { 0x1a, 0x1e, 0x1f, 0x2e }, L1TF | MULTIHIT }, /* Nehalem */
	{ { 0x25, 0x2c, 0x2f }, L1TF | MULTIHIT }, /* Westmere */
	{ { 0x2a, 0x2d }, L1TF | MULTIHIT }, /* Sandy Bridge */
	{ { 0x3a, 0x3e }, L1TF | MULTIHIT }, /* Ivy Bridge */
	{ { 0x3c, 0x3f, 0x45, 0x46 }, L1TF | MULTIHIT }, /* Haswell */
	{ { 0x3d, 0x47, 0x4f, 0x56 }, L1TF | MULTIHIT }, /* Broadwell */
	{ { 0x4e, 0x5e, 0x55 }, L1TF | MULTIHIT }, /* Skylake, Cascade Lake, Cooper Lake */
	{ { 0x8e, 0x9e }, L1TF | MULTIHIT }, /* Kaby, Coffee, Whiskey, Amber Lake */
	{ { 0x66 }, L1TF | MULTIHIT }, /* Cannon Lake */
	{ { 0xa5, 0xa6 }, MULTIHIT }, /* Comet Lake */
};

/* clang-format on */

static u32 errata_of(u32 signature)
{
	u32 family = signature >> 8 & 15, model = (signature >> 4 & 15) | (signature >> 12 & 0xf0);

	if (family != 6 || !model) /* 0 fills the rows */
		return 0;
	for (u32 i = 0; i < ARRAY_SIZE(affected); i++)
		if (memchr(affected[i].models, (int)model, sizeof(affected[i].models)))
			return affected[i].errata;
	return 0;
}

struct mitigations mitigate_judge(const struct mitigate_facts *f, u32 without)
{
	u32 errata = f->intel ? errata_of(f->signature) : 0;
	struct mitigations m = { 0 };

	m.l1tf = (errata & L1TF) && !(f->caps & CAPS_RDCL_NO);
	m.l1d_leaks = m.l1tf && !(f->caps & CAPS_SKIP_L1DFL);
	m.flush_l1d = m.l1d_leaks && f->flush_cmd;
	m.multihit_affected = (errata & MULTIHIT) && !(f->caps & CAPS_IF_PSCHANGE_MC_NO);
	m.multihit = m.multihit_affected;
	if (without & HV_LARGE_CODE)
		m.multihit = true;
	if (without & HV_SMALL_CODE)
		m.multihit = false;
	return m;
}

void mitigate_init(u32 without)
{
	struct mitigate_facts f = {
		.intel = !strcmp(cpu_vendor, "GenuineIntel"),
		.signature = cpuid(1, 0).eax,
		.caps = cpu_has(CPU_ARCH_CAPS) ? rdmsr(MSR_ARCH_CAPS) : 0,
		.flush_cmd = cpu_has(CPU_FLUSH_L1D),
	};

	vmx_mitigations = mitigate_judge(&f, without);
}

void mitigate_describe(struct out *o)
{
	const struct mitigations *m = &vmx_mitigations;

	out_text(o, "mitigations: L1TF %s, L1D %s, iTLB multihit %s%s",
		 m->l1tf ? "by trap entries" : "not needed",
		 m->flush_l1d   ? "flushed between machines"
		 : m->l1d_leaks ? "not flushed: the CPU cannot"
				: "not flushed",
		 m->multihit ? "by 4 KiB pages of code" : "off",
		 m->multihit_affected ? "" : ", which this CPU does not have");
}

void mitigate_flush_l1d(void)
{
	if (vmx_mitigations.flush_l1d)
		wrmsr(MSR_FLUSH_CMD, FLUSH_L1D);
}
