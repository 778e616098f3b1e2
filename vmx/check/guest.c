/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of VM-entry for the guest's state but its segments. Source: Intel SDM 3C "Checking and
 * Loading Guest State".
 */
#include "vmx/check/rule_priv.h"

#define DEBUGCTL_RESERVED (~0xffc7ULL)
#define BNDCFGS_RESERVED  MASK(11, 2)
#define RFLAGS_RESERVED   (MASK(63, 22) | BIT(15) | BIT(5) | BIT(3))
#define DT_LIMIT_RESERVED MASK(31, 16)

/* IA32_VMX_MISC: the activity states from HLT on. */
#define MISC_ACTIVITY(s)    BIT(5 + (s))
#define BLOCKED_RESERVED    MASK(31, 5)
#define PENDING_DB_RESERVED (~(PENDING_DB_B | PENDING_DB_ENABLED | PENDING_DB_BS | PENDING_DB_RTM))
#define PENDING_DB_NO_RTM   (PENDING_DB_B | PENDING_DB_BS)

#define PDPTE_P        BIT(0)
#define PDPTE_RESERVED (MASK(8, 5) | MASK(2, 1))

/* VMCS revision identifier: the first word of a VMCS; bit 31 tells a shadow VMCS. */
#define MAX_AREA 512 /* entries looked at; longer areas break a rule of their own */

#define BASIC_REVISION(b) FIELD(b, 30, 0)
#define REVISION_SHADOW   BIT(31)

/* MSRs that no MSR area may load. Source: Intel SDM 3C "Loading MSRs". */
#define MSR_X2APIC_FIRST 0x800
#define MSR_X2APIC_LAST  0x8ff
#define MSR_SMM_MONITOR  0x9b
#define MSR_FS           0xc0000100
#define MSR_GS           0xc0000101

static struct check_bits cr0_fixed(const struct check *c, const struct check_rule *r)
{
	u64 free = unrestricted(c) ? CR0_PE | CR0_PG : 0;

	(void)r;
	return (struct check_bits){ c->cpu->facts->cr0_fixed0 & ~free, ~c->cpu->facts->cr0_fixed1 };
}

static bool paging(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return guest_cr0(c, CR0_PG);
}

static bool guest_cet(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return check_read(c, VMCS_GUEST_CR4) & CR4_CET;
}

static bool not_64(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return !guest_64(c);
}

static bool efer_lme(const struct check *c, const struct check_rule *r)
{
	u64 efer = check_read(c, r->field);

	return !(efer & EFER_LMA) == !(efer & EFER_LME);
}

static struct check_bits efer_lma(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return guest_64(c) ? (struct check_bits){ .ones = EFER_LMA }
			   : (struct check_bits){ .zeros = EFER_LMA };
}

/* In 64-bit code: the CPU's, not the current segment's, word for it is CS.L. */
static bool code_64(const struct check *c)
{
	return guest_64(c) && (check_read(c, VMCS_GUEST_CS_AR) & AR_L);
}

static bool code_32(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return !code_64(c);
}

/* Not quite canonical: the highest bit of the address itself may differ. */
static bool rip_64(const struct check *c, const struct check_rule *r)
{
	u64 high = check_read(c, r->field) >> c->cpu->linear_bits;

	return !code_64(c) || high == 0 || high == ~0ULL >> c->cpu->linear_bits;
}

static bool no_vm86(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return guest_64(c) || !guest_cr0(c, CR0_PE);
}

static bool injects_arg(const struct check *c, const struct check_rule *r)
{
	return injects(c, r->arg);
}

static u32 activity(const struct check *c)
{
	return (u32)check_read(c, VMCS_GUEST_ACTIVITY);
}

static u64 blocked(const struct check *c, u64 bits)
{
	return check_read(c, VMCS_GUEST_INTERRUPTIBILITY) & bits;
}

static bool activity_known(const struct check *c, const struct check_rule *r)
{
	u64 s = check_read(c, r->field);

	return s == ACTIVITY_ACTIVE ||
	       (s <= ACTIVITY_WAIT_SIPI && (c->cpu->facts->misc & MISC_ACTIVITY(s)));
}

static bool halts(const struct check *c, const struct check_rule *r)
{
	return check_read(c, r->field) != ACTIVITY_HLT || !AR_DPL(check_read(c, VMCS_GUEST_SS_AR));
}

static bool in_shadow(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return blocked(c, BLOCKED_BY_STI | BLOCKED_BY_MOV_SS);
}

/* The event that is injected wakes the guest up. */
static bool event_wakes(const struct check *c, const struct check_rule *r)
{
	u32 e = (u32)check_read(c, VMCS_ENTRY_EVENT);
	u32 type = EVENTINJ_TYPE(e), vector = e & EVENTINJ_VECTOR;
	bool fault = type == EVENTINJ_TYPE_EXC;

	(void)r;
	if (!(e & EVENTINJ_VALID))
		return true;
	switch (activity(c)) {
	case ACTIVITY_HLT:
		return type == EVENTINJ_TYPE_INTR || type == EVENTINJ_TYPE_NMI ||
		       type == EVENTINJ_TYPE_OTHER ||
		       (fault && (vector == EXC_DB || vector == EXC_MC));
	case ACTIVITY_SHUTDOWN:
		return type == EVENTINJ_TYPE_NMI || (fault && vector == EXC_MC);
	case ACTIVITY_WAIT_SIPI:
		return false;
	default:
		return true;
	}
}

static struct check_bits blocking_reserved(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ .zeros = BLOCKED_RESERVED |
					     (c->cpu->sgx ? 0 : BLOCKED_ENCLAVE) };
}

static struct check_bits pending_reserved(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ .zeros = PENDING_DB_RESERVED |
					     (c->cpu->rtm ? 0 : PENDING_DB_RTM) };
}

static bool one_shadow(const struct check *c, const struct check_rule *r)
{
	const u64 both = BLOCKED_BY_STI | BLOCKED_BY_MOV_SS;

	return (check_read(c, r->field) & both) != both;
}

static bool interrupts_off(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return !(check_read(c, VMCS_GUEST_RFLAGS) & RFLAGS_IF);
}

static bool in_enclave(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return blocked(c, BLOCKED_ENCLAVE);
}

/* A single step that an interrupt shadow or HLT has put off. */
static bool step_put_off(const struct check *c, const struct check_rule *r)
{
	return in_shadow(c, r) || activity(c) == ACTIVITY_HLT;
}

static struct check_bits step(const struct check *c, const struct check_rule *r)
{
	bool tf = check_read(c, VMCS_GUEST_RFLAGS) & RFLAGS_TF;
	bool btf = check_read(c, VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF;

	(void)r;
	return tf && !btf ? (struct check_bits){ .ones = PENDING_DB_BS }
			  : (struct check_bits){ .zeros = PENDING_DB_BS };
}

static bool rtm_pending(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return check_read(c, VMCS_GUEST_PENDING_DB) & PENDING_DB_RTM;
}

static bool linked(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return check_read(c, VMCS_LINK_POINTER) != VMCS_NO_LINK;
}

static bool link_revision(const struct check *c, const struct check_rule *r)
{
	u64 want = BASIC_REVISION(c->cpu->facts->basic), got;

	if (check_has(c, VMX_PROC2, PROC2_VMCS_SHADOWING))
		want |= REVISION_SHADOW;
	return !c->memory(c->arg, check_read(c, r->field), &got) || (u32)got == want;
}

static bool pae_paging(const struct check *c, const struct check_rule *r)
{
	return paging(c, r) && !guest_64(c) && (check_read(c, VMCS_GUEST_CR4) & CR4_PAE);
}

/* Under EPT they are in the VMCS, else in memory, where CR3 points to; 0: not known. */
static u64 pdpte(const struct check *c, const struct check_rule *r)
{
	u64 table = check_read(c, VMCS_GUEST_CR3) & MASK(31, 5), val = 0;

	if (check_has(c, VMX_PROC2, PROC2_EPT))
		return check_read(c, r->field);
	return c->memory(c->arg, table + 8 * r->arg, &val) ? val : 0;
}

static struct check_bits pdpte_bits(const struct check *c, const struct check_rule *r)
{
	if (!(pdpte(c, r) & PDPTE_P))
		return (struct check_bits){ 0 };
	return (struct check_bits){ .zeros = PDPTE_RESERVED | check_phys(c, r).zeros };
}

static bool loadable(u64 index)
{
	return !(index & HIGH_HALF) && index != MSR_FS && index != MSR_GS &&
	       index != MSR_SMM_MONITOR && (index < MSR_X2APIC_FIRST || index > MSR_X2APIC_LAST);
}

/* The index word of the first entry that no area may have, or 0. */
static u64 wrong_msr(const struct check *c, const struct check_rule *r)
{
	u64 area = check_read(c, r->field), index;
	u64 count = check_read(c, r->field == VMCS_EXIT_MSR_LOAD ? VMCS_EXIT_MSR_LOADS
								 : VMCS_ENTRY_MSR_LOADS);

	for (u64 i = 0; i < MIN(count, MAX_AREA); i++)
		if (c->memory(c->arg, area + i * sizeof(struct vmcs_msr), &index) &&
		    !loadable(index))
			return index;
	return 0;
}

static bool msrs_loadable(const struct check *c, const struct check_rule *r)
{
	return !wrong_msr(c, r);
}

/* clang-format off */
static const struct check_rule reg_rules[] = {
	{ "CR0 is legal in VMX operation", VMCS_GUEST_CR0, .cpu_bits = cr0_fixed },
	{ "paging needs protection", VMCS_GUEST_CR0, .when = paging, ONES(CR0_PE) },
	{ "CR4 is legal in VMX operation", VMCS_GUEST_CR4, .cpu_bits = check_cr4 },
	{ "CET needs write protection", VMCS_GUEST_CR0, .when = guest_cet, ONES(CR0_WP) },
	{ "DEBUGCTL has no reserved bit", VMCS_GUEST_DEBUGCTL, IF(ENTRY, ENTRY_CTL_LOAD_DEBUG),
	  ZEROS(DEBUGCTL_RESERVED) },
	{ "a 64-bit guest has paging on", VMCS_GUEST_CR0, IF(ENTRY, ENTRY_CTL_GUEST_64),
	  ONES(CR0_PG) },
	{ "a 64-bit guest needs PAE", VMCS_GUEST_CR4, IF(ENTRY, ENTRY_CTL_GUEST_64),
	  ONES(CR4_PAE) },
	{ "PCIDs are for 64-bit guests", VMCS_GUEST_CR4, .when = not_64, ZEROS(CR4_PCIDE) },
	{ "CR3 is an address of this CPU", VMCS_GUEST_CR3, .cpu_bits = check_phys },
	{ "DR7 has 32 bits", VMCS_GUEST_DR7, IF(ENTRY, ENTRY_CTL_LOAD_DEBUG), ZEROS(HIGH_HALF) },
	{ "SYSENTER's address is canonical", VMCS_GUEST_SYSENTER_ESP, CANONICAL },
	{ "SYSENTER's address is canonical", VMCS_GUEST_SYSENTER_EIP, CANONICAL },
	{ "S_CET has no reserved bit", VMCS_GUEST_S_CET, IF(ENTRY, ENTRY_CTL_LOAD_CET),
	  ZEROS(S_CET_RESERVED) },
	{ "S_CET is consistent and canonical", VMCS_GUEST_S_CET, IF(ENTRY, ENTRY_CTL_LOAD_CET),
	  S_CET },
	{ "the SSP table is canonical", VMCS_GUEST_ISST, IF(ENTRY, ENTRY_CTL_LOAD_CET), CANONICAL },
	{ "performance counters exist", VMCS_GUEST_PERF_GLOBAL_CTRL,
	  IF(ENTRY, ENTRY_CTL_LOAD_PERF), .cpu_bits = check_perf },
	{ "the PAT has memory types only", VMCS_GUEST_PAT, IF(ENTRY, ENTRY_CTL_LOAD_PAT), PAT },
	{ "EFER has no unknown bit", VMCS_GUEST_EFER, IF(ENTRY, ENTRY_CTL_LOAD_EFER),
	  .cpu_bits = check_efer_known },
	{ "EFER.LMA is the guest's mode", VMCS_GUEST_EFER, IF(ENTRY, ENTRY_CTL_LOAD_EFER),
	  .cpu_bits = efer_lma },
	{ "EFER.LME is LMA under paging", VMCS_GUEST_EFER, IF(ENTRY, ENTRY_CTL_LOAD_EFER),
	  .when = paging, .ok = efer_lme, .allowed = "bits 8 and 10 alike" },
	{ "BNDCFGS has no reserved bit", VMCS_GUEST_BNDCFGS, IF(ENTRY, ENTRY_CTL_LOAD_BNDCFG),
	  ZEROS(BNDCFGS_RESERVED) },
	{ "the bound table is canonical", VMCS_GUEST_BNDCFGS, IF(ENTRY, ENTRY_CTL_LOAD_BNDCFG),
	  CANONICAL },
	{ "PKRS has 32 bits", VMCS_GUEST_PKRS, IF(ENTRY, ENTRY_CTL_LOAD_PKRS), ZEROS(HIGH_HALF) },
};

static const struct check_rule table_rules[] = {
	{ "the base is canonical", VMCS_GUEST_GDTR_BASE, CANONICAL },
	{ "the base is canonical", VMCS_GUEST_IDTR_BASE, CANONICAL },
	{ "the limit has 16 bits", VMCS_GUEST_GDTR_LIMIT, ZEROS(DT_LIMIT_RESERVED) },
	{ "the limit has 16 bits", VMCS_GUEST_IDTR_LIMIT, ZEROS(DT_LIMIT_RESERVED) },
};

static const struct check_rule rip_rules[] = {
	{ "RIP has 32 bits but in 64-bit code", VMCS_GUEST_RIP, .when = code_32, ZEROS(HIGH_HALF) },
	{ "RIP has no bits above an address", VMCS_GUEST_RIP, .ok = rip_64,
	  .allowed = "bits above the linear address width alike" },
	{ "RFLAGS has no reserved bit", VMCS_GUEST_RFLAGS,
	  .bits = { RFLAGS_ONE, RFLAGS_RESERVED } },
	{ "virtual-8086 mode is of protected mode", VMCS_GUEST_RFLAGS, .when = no_vm86,
	  ZEROS(RFLAGS_VM) },
	{ "an interrupt needs IF", VMCS_GUEST_RFLAGS, EVENTINJ_TYPE_INTR, .when = injects_arg,
	  ONES(RFLAGS_IF) },
	{ "the SSP is aligned", VMCS_GUEST_SSP, IF(ENTRY, ENTRY_CTL_LOAD_CET), ZEROS(3) },
	{ "the SSP is canonical", VMCS_GUEST_SSP, IF(ENTRY, ENTRY_CTL_LOAD_CET), CANONICAL },
};

static const struct check_rule state_rules[] = {
	{ "the CPU has the activity state", VMCS_GUEST_ACTIVITY, .ok = activity_known,
	  .allowed = "0, or 1 .. 3 as in IA32_VMX_MISC" },
	{ "HLT is at privilege level 0", VMCS_GUEST_ACTIVITY, .ok = halts,
	  .allowed = "not 1 (HLT), or SS.DPL = 0" },
	{ "an interrupt shadow is of an active CPU", VMCS_GUEST_ACTIVITY, .when = in_shadow,
	  ZEROS(MASK(31, 0)) },
	{ "the event wakes the guest", VMCS_GUEST_ACTIVITY, .ok = event_wakes,
	  .allowed = "0 (active), or another that the event ends" },
	{ "blocking has no reserved bit", VMCS_GUEST_INTERRUPTIBILITY,
	  .cpu_bits = blocking_reserved },
	{ "STI and MOV SS do not block together", VMCS_GUEST_INTERRUPTIBILITY, .ok = one_shadow,
	  .allowed = "bit 0 or bit 1 = 0" },
	{ "STI blocks only with IF", VMCS_GUEST_INTERRUPTIBILITY, .when = interrupts_off,
	  ZEROS(BLOCKED_BY_STI) },
	{ "an interrupt is not injected if blocked", VMCS_GUEST_INTERRUPTIBILITY,
	  EVENTINJ_TYPE_INTR, .when = injects_arg, ZEROS(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS) },
	{ "an NMI is not injected in a shadow", VMCS_GUEST_INTERRUPTIBILITY, EVENTINJ_TYPE_NMI,
	  .when = injects_arg, ZEROS(BLOCKED_BY_STI | BLOCKED_BY_MOV_SS) },
	{ "SMIs are not blocked outside SMM", VMCS_GUEST_INTERRUPTIBILITY, ZEROS(BLOCKED_BY_SMI) },
	{ "an NMI is not injected if blocked", VMCS_GUEST_INTERRUPTIBILITY, EVENTINJ_TYPE_NMI,
	  IF(PIN, PIN_VIRTUAL_NMI), .when = injects_arg, ZEROS(BLOCKED_BY_NMI) },
	{ "MOV SS does not block in an enclave", VMCS_GUEST_INTERRUPTIBILITY, .when = in_enclave,
	  ZEROS(BLOCKED_BY_MOV_SS) },
	{ "pending #DB has no reserved bit", VMCS_GUEST_PENDING_DB, .cpu_bits = pending_reserved },
	{ "a step that waits is that of TF", VMCS_GUEST_PENDING_DB, .when = step_put_off,
	  .cpu_bits = step },
	{ "a #DB in a transaction is alone", VMCS_GUEST_PENDING_DB, .when = rtm_pending,
	  .bits = { PENDING_DB_ENABLED, PENDING_DB_NO_RTM } },
	{ "MOV SS does not block in a transaction", VMCS_GUEST_INTERRUPTIBILITY,
	  .when = rtm_pending, ZEROS(BLOCKED_BY_MOV_SS) },
	{ "the linked VMCS is a page of memory", VMCS_LINK_POINTER, .when = linked,
	  .cpu_bits = check_page },
	{ "the linked VMCS is of this CPU", VMCS_LINK_POINTER, .when = linked,
	  .ok = link_revision, .allowed = "-1, or the address of IA32_VMX_BASIC's revision" },
};

#define PDPTE(n) \
	{ "the PDPTE has no reserved bit", VMCS_GUEST_PDPTE##n, n, .when = pae_paging, \
	  .value = pdpte, .cpu_bits = pdpte_bits }

static const struct check_rule pdpte_rules[] = { PDPTE(0), PDPTE(1), PDPTE(2), PDPTE(3) };

static const struct check_rule msr_rules[] = {
	{ "the area's MSRs can be loaded", VMCS_ENTRY_MSR_LOAD, .value = wrong_msr,
	  .ok = msrs_loadable, .allowed = "no FS or GS base, x2APIC register, SMM monitor" },
	{ "the area's MSRs can be loaded", VMCS_EXIT_MSR_LOAD, .value = wrong_msr,
	  .ok = msrs_loadable, .allowed = "no FS or GS base, x2APIC register, SMM monitor" },
};
/* clang-format on */

SECTION(check_guest_regs, "Checks on Guest Control Registers, Debug Registers, and MSRs",
	reg_rules);
SECTION(check_guest_tables, "Checks on Guest Descriptor-Table Registers", table_rules);
SECTION(check_guest_rip, "Checks on Guest RIP, RFLAGS, and SSP", rip_rules);
SECTION(check_guest_state, "Checks on Guest Non-Register State", state_rules);
SECTION(check_guest_pdptes, "Checks on Guest Page-Directory-Pointer-Table Entries", pdpte_rules);
SECTION(check_msr_loads, "Loading MSRs", msr_rules);
