/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of VM-entry for the host's state. Source: Intel SDM 3C "Checks on Host-State Area". */
#include "vmx/check/rule_priv.h"

#define SEL_RPL_TI MASK(2, 0)

static struct check_bits cr0_fixed(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ c->cpu->facts->cr0_fixed0, ~c->cpu->facts->cr0_fixed1 };
}

static bool host_cet(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return check_read(c, VMCS_HOST_CR4) & CR4_CET;
}

static bool selector(const struct check *c, const struct check_rule *r)
{
	return check_read(c, r->field);
}

/* clang-format off */
static const struct check_rule reg_rules[] = {
	{ "CR0 is legal in VMX operation", VMCS_HOST_CR0, .cpu_bits = cr0_fixed },
	{ "CR4 is legal in VMX operation", VMCS_HOST_CR4, .cpu_bits = check_cr4 },
	{ "CET needs write protection", VMCS_HOST_CR0, .when = host_cet, ONES(CR0_WP) },
	{ "CR3 is an address of this CPU", VMCS_HOST_CR3, .cpu_bits = check_phys },
	{ "SYSENTER's address is canonical", VMCS_HOST_SYSENTER_ESP, CANONICAL },
	{ "SYSENTER's address is canonical", VMCS_HOST_SYSENTER_EIP, CANONICAL },
	{ "performance counters exist", VMCS_HOST_PERF_GLOBAL_CTRL, IF(EXIT, EXIT_CTL_LOAD_PERF),
	  .cpu_bits = check_perf },
	{ "the PAT has memory types only", VMCS_HOST_PAT, IF(EXIT, EXIT_CTL_LOAD_PAT), PAT },
	{ "EFER has no unknown bit", VMCS_HOST_EFER, IF(EXIT, EXIT_CTL_LOAD_EFER),
	  .cpu_bits = check_efer_known },
	{ "a 64-bit host has EFER.LMA and LME", VMCS_HOST_EFER, IF(EXIT, EXIT_CTL_LOAD_EFER),
	  ONES(EFER_LMA | EFER_LME) },
	{ "S_CET has no reserved bit", VMCS_HOST_S_CET, IF(EXIT, EXIT_CTL_LOAD_CET),
	  ZEROS(S_CET_RESERVED) },
	{ "S_CET is consistent and canonical", VMCS_HOST_S_CET, IF(EXIT, EXIT_CTL_LOAD_CET),
	  S_CET },
	{ "the SSP is aligned", VMCS_HOST_SSP, IF(EXIT, EXIT_CTL_LOAD_CET), ZEROS(3) },
	{ "the SSP is canonical", VMCS_HOST_SSP, IF(EXIT, EXIT_CTL_LOAD_CET), CANONICAL },
	{ "the SSP table is canonical", VMCS_HOST_ISST, IF(EXIT, EXIT_CTL_LOAD_CET), CANONICAL },
	{ "PKRS has 32 bits", VMCS_HOST_PKRS, IF(EXIT, EXIT_CTL_LOAD_PKRS), ZEROS(HIGH_HALF) },
};

static const struct check_rule seg_rules[] = {
	{ "the selector is the host's", VMCS_HOST_CS_SEL, ZEROS(SEL_RPL_TI) },
	{ "the selector is the host's", VMCS_HOST_SS_SEL, ZEROS(SEL_RPL_TI) },
	{ "the selector is the host's", VMCS_HOST_DS_SEL, ZEROS(SEL_RPL_TI) },
	{ "the selector is the host's", VMCS_HOST_ES_SEL, ZEROS(SEL_RPL_TI) },
	{ "the selector is the host's", VMCS_HOST_FS_SEL, ZEROS(SEL_RPL_TI) },
	{ "the selector is the host's", VMCS_HOST_GS_SEL, ZEROS(SEL_RPL_TI) },
	{ "the selector is the host's", VMCS_HOST_TR_SEL, ZEROS(SEL_RPL_TI) },
	{ "there is a code segment", VMCS_HOST_CS_SEL, .ok = selector, .allowed = "not 0" },
	{ "there is a task", VMCS_HOST_TR_SEL, .ok = selector, .allowed = "not 0" },
	{ "the base is canonical", VMCS_HOST_FS_BASE, CANONICAL },
	{ "the base is canonical", VMCS_HOST_GS_BASE, CANONICAL },
	{ "the base is canonical", VMCS_HOST_GDTR_BASE, CANONICAL },
	{ "the base is canonical", VMCS_HOST_IDTR_BASE, CANONICAL },
	{ "the base is canonical", VMCS_HOST_TR_BASE, CANONICAL },
};

static const struct check_rule size_rules[] = {
	{ "a 64-bit host stays one", VMCS_EXIT_CTL, ONES(EXIT_CTL_HOST_64) },
	{ "a 64-bit host needs PAE", VMCS_HOST_CR4, ONES(CR4_PAE) },
	{ "the host's RIP is canonical", VMCS_HOST_RIP, CANONICAL },
};
/* clang-format on */

SECTION(check_host_regs, "Checks on Host Control Registers, MSRs, and SSP", reg_rules);
SECTION(check_host_segs, "Checks on Host Segment and Descriptor-Table Registers", seg_rules);
SECTION(check_host_size, "Checks Related to Address-Space Size", size_rules);
