/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of VM-entry for the control fields. Source: Intel SDM 3C "Checks on VMX Controls". */
#include "vmx/check/rule_priv.h"

/* IA32_VMX_BASIC, IA32_VMX_MISC, IA32_VMX_EPT_VPID_CAP. Source: Intel SDM 3D, appendix "VMX
 * Capability Reporting Facility". */
#define BASIC_ANY_ERROR    BIT(56) /* any exception can be injected with or without error code */
#define MISC_TARGETS(m)    FIELD(m, 24, 16)
#define MISC_MSRS(m)       (512 * (FIELD(m, 27, 25) + 1))
#define MISC_INSN_LEN_0    BIT(30)
#define CAP_LEVELS_5       BIT(7)
#define CAP_UC             BIT(8)
#define CAP_WB             BIT(14)
#define CAP_AD             BIT(21)
#define CAP_SHADOW_STACK   BIT(23)
#define EPTP_TYPE          MASK(2, 0)
#define EPTP_LEVEL_BITS    MASK(5, 3)
#define EPTP_SHADOW_STACK  BIT(7)
#define VMFUNC_EPTP_SWITCH BIT(0)
#define EVENT_RESERVED     MASK(30, 12)
#define MAX_INSN_LEN       15
#define LAPIC_TPR          0x80

/* Vectors of exceptions that push an error code. */
#define ERROR_VECTORS                                                                    \
	(BIT32(EXC_DF) | BIT32(EXC_TS) | BIT32(EXC_NP) | BIT32(EXC_SS) | BIT32(EXC_GP) | \
	 BIT32(EXC_PF) | BIT32(EXC_AC))

static struct check_bits capability(const struct check *c, const struct check_rule *r)
{
	return (struct check_bits){ (u32)c->cpu->facts->ctl[r->arg], ~(u64)check_may(c, r->arg) };
}

static bool targets_fit(const struct check *c, const struct check_rule *r)
{
	return check_read(c, r->field) <= MISC_TARGETS(c->cpu->facts->misc);
}

/* The CPU looks at the threshold by itself in these two modes only. */
static bool tpr_by_threshold(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return !check_has(c, VMX_PROC2, PROC2_VIRTUAL_INTR);
}

static bool tpr_in_page(const struct check *c, const struct check_rule *r)
{
	return tpr_by_threshold(c, r) && !check_has(c, VMX_PROC2, PROC2_VIRTUAL_APIC);
}

static bool threshold_reached(const struct check *c, const struct check_rule *r)
{
	u64 vtpr;

	if (!c->memory(c->arg, check_read(c, VMCS_VIRTUAL_APIC) + LAPIC_TPR, &vtpr))
		return true;
	return (check_read(c, r->field) & 15) <= FIELD(vtpr, 7, 4);
}

static bool no_tpr_shadow(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return !check_has(c, VMX_PROC, PROC_TPR_SHADOW);
}

static bool no_virtual_nmi(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return !check_has(c, VMX_PIN, PIN_VIRTUAL_NMI);
}

static bool no_timer(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return !check_has(c, VMX_PIN, PIN_PREEMPTION_TIMER);
}

static struct check_bits posted_desc(const struct check *c, const struct check_rule *r)
{
	struct check_bits b = check_phys(c, r);

	b.zeros |= MASK(5, 0);
	return b;
}

static bool not_zero(const struct check *c, const struct check_rule *r)
{
	return check_read(c, r->field);
}

static bool eptp_type(const struct check *c, const struct check_rule *r)
{
	u64 type = check_read(c, r->field) & EPTP_TYPE;

	return (type == 0 && (c->cpu->facts->ept_vpid & CAP_UC)) ||
	       (type == EPTP_WB && (c->cpu->facts->ept_vpid & CAP_WB));
}

static bool eptp_levels(const struct check *c, const struct check_rule *r)
{
	u64 levels = check_read(c, r->field) & EPTP_LEVEL_BITS;

	return levels == EPTP_LEVELS(4) ||
	       (levels == EPTP_LEVELS(5) && (c->cpu->facts->ept_vpid & CAP_LEVELS_5));
}

static struct check_bits eptp_reserved(const struct check *c, const struct check_rule *r)
{
	struct check_bits b = check_phys(c, r);

	b.zeros |= MASK(11, 8);
	if (!(c->cpu->facts->ept_vpid & CAP_AD))
		b.zeros |= EPTP_AD;
	if (!(c->cpu->facts->ept_vpid & CAP_SHADOW_STACK))
		b.zeros |= EPTP_SHADOW_STACK;
	return b;
}

static struct check_bits vmfunc_known(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ 0, ~c->cpu->vmfunc };
}

static bool switches_eptp(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return check_read(c, VMCS_VMFUNC_CTL) & VMFUNC_EPTP_SWITCH;
}

/* An MSR area: r->field is its address, r->arg tells its count. */
static enum vmcs_field count_of(const struct check_rule *r)
{
	return (enum vmcs_field)(r->field == VMCS_EXIT_MSR_STORE  ? VMCS_EXIT_MSR_STORES
				 : r->field == VMCS_EXIT_MSR_LOAD ? VMCS_EXIT_MSR_LOADS
								  : VMCS_ENTRY_MSR_LOADS);
}

static bool area_used(const struct check *c, const struct check_rule *r)
{
	return check_read(c, count_of(r));
}

static struct check_bits area_address(const struct check *c, const struct check_rule *r)
{
	struct check_bits b = check_phys(c, r);

	b.zeros |= sizeof(struct vmcs_msr) - 1;
	return b;
}

static bool area_ends(const struct check *c, const struct check_rule *r)
{
	u64 base = check_read(c, r->field);
	u64 bytes = check_read(c, count_of(r)) * sizeof(struct vmcs_msr);

	/* An address that is too high itself is the rule's before. */
	return (base & check_phys(c, r).zeros) || !((base + bytes - 1) & check_phys(c, r).zeros);
}

static bool count_fits(const struct check *c, const struct check_rule *r)
{
	return check_read(c, r->field) <= MISC_MSRS(c->cpu->facts->misc);
}

static u32 event(const struct check *c)
{
	return (u32)check_read(c, VMCS_ENTRY_EVENT);
}

static bool event_valid(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return event(c) & EVENTINJ_VALID;
}

static bool event_type(const struct check *c, const struct check_rule *r)
{
	u32 type = EVENTINJ_TYPE(event(c));

	(void)r;
	return type != 1 &&
	       (type != EVENTINJ_TYPE_OTHER || (check_may(c, VMX_PROC) & PROC_MONITOR_TRAP));
}

static bool injects_arg(const struct check *c, const struct check_rule *r)
{
	return injects(c, r->arg);
}

static bool nmi_vector(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (event(c) & EVENTINJ_VECTOR) == EXC_NMI;
}

/* The exception would push an error code if it happened, and the CPU insists on that. */
static bool pushes_error(const struct check *c)
{
	u32 vector = event(c) & EVENTINJ_VECTOR;

	return injects(c, EVENTINJ_TYPE_EXC) && guest_cr0(c, CR0_PE) && vector < 32 &&
	       (BIT32(vector) & ERROR_VECTORS);
}

static bool error_missing(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return pushes_error(c) && !(c->cpu->facts->basic & BASIC_ANY_ERROR);
}

static bool error_refused(const struct check *c, const struct check_rule *r)
{
	if (!event_valid(c, r))
		return false;
	if (c->cpu->facts->basic & BASIC_ANY_ERROR)
		return !injects(c, EVENTINJ_TYPE_EXC) || !guest_cr0(c, CR0_PE);
	return !pushes_error(c);
}

static bool event_has_error(const struct check *c, const struct check_rule *r)
{
	return event_valid(c, r) && (event(c) & EVENTINJ_HAS_ERROR);
}

static bool event_is_insn(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return injects(c, EVENTINJ_TYPE_SOFT) || injects(c, EVENTINJ_TYPE_ICEBP) ||
	       injects(c, EVENTINJ_TYPE_INT3);
}

static bool insn_len(const struct check *c, const struct check_rule *r)
{
	u64 len = check_read(c, r->field);

	return len <= MAX_INSN_LEN && (len || (c->cpu->facts->misc & MISC_INSN_LEN_0));
}

/* clang-format off */
static const struct check_rule exec_rules[] = {
	{ "pin controls are those of this CPU", VMCS_PIN_CTL, VMX_PIN, .cpu_bits = capability },
	{ "processor controls are those of this CPU", VMCS_PROC_CTL, VMX_PROC,
	  .cpu_bits = capability },
	{ "secondary controls are those of this CPU", VMCS_PROC2_CTL, VMX_PROC2,
	  IF(PROC, PROC_SECONDARY), .cpu_bits = capability },
	{ "CR3 targets are as many as there are", VMCS_CR3_TARGETS, .ok = targets_fit,
	  .allowed = "up to the number in IA32_VMX_MISC" },
	{ "the I/O bitmap is a page of memory", VMCS_IO_BITMAP_A, IF(PROC, PROC_IO_BITMAPS),
	  .cpu_bits = check_page },
	{ "the I/O bitmap is a page of memory", VMCS_IO_BITMAP_B, IF(PROC, PROC_IO_BITMAPS),
	  .cpu_bits = check_page },
	{ "the MSR bitmap is a page of memory", VMCS_MSR_BITMAP, IF(PROC, PROC_MSR_BITMAPS),
	  .cpu_bits = check_page },
	{ "the virtual APIC is a page of memory", VMCS_VIRTUAL_APIC, IF(PROC, PROC_TPR_SHADOW),
	  .cpu_bits = check_page },
	{ "the TPR threshold has four bits", VMCS_TPR_THRESHOLD, IF(PROC, PROC_TPR_SHADOW),
	  .when = tpr_by_threshold, ZEROS(MASK(31, 4)) },
	{ "the TPR is not below its threshold", VMCS_TPR_THRESHOLD, IF(PROC, PROC_TPR_SHADOW),
	  .when = tpr_in_page, .ok = threshold_reached,
	  .allowed = "up to bits 7:4 of the TPR in the virtual APIC" },
	{ "virtual NMIs need NMI exits", VMCS_PIN_CTL, IF(PIN, PIN_VIRTUAL_NMI), ONES(PIN_NMI) },
	{ "an NMI window needs virtual NMIs", VMCS_PROC_CTL, .when = no_virtual_nmi,
	  ZEROS(PROC_NMI_WINDOW) },
	{ "the APIC access page is one of memory", VMCS_APIC_ACCESS, IF(PROC2, PROC2_VIRTUAL_APIC),
	  .cpu_bits = check_page },
	{ "APIC virtualization needs the TPR shadow", VMCS_PROC2_CTL, .when = no_tpr_shadow,
	  ZEROS(PROC2_X2APIC | PROC2_APIC_REGS | PROC2_VIRTUAL_INTR) },
	{ "an APIC is x2APIC or has a page", VMCS_PROC2_CTL, IF(PROC2, PROC2_X2APIC),
	  ZEROS(PROC2_VIRTUAL_APIC) },
	{ "virtual interrupts need interrupt exits", VMCS_PIN_CTL, IF(PROC2, PROC2_VIRTUAL_INTR),
	  ONES(PIN_INTR) },
	{ "posted interrupts need virtual ones", VMCS_PROC2_CTL, IF(PIN, PIN_POSTED_INTR),
	  ONES(PROC2_VIRTUAL_INTR) },
	{ "posted interrupts are acknowledged", VMCS_EXIT_CTL, IF(PIN, PIN_POSTED_INTR),
	  ONES(EXIT_CTL_ACK_INTR) },
	{ "the posting vector has eight bits", VMCS_POSTED_VECTOR, IF(PIN, PIN_POSTED_INTR),
	  ZEROS(MASK(15, 8)) },
	{ "the posting descriptor is in memory", VMCS_POSTED_DESC, IF(PIN, PIN_POSTED_INTR),
	  .cpu_bits = posted_desc },
	{ "the VPID is a guest's", VMCS_VPID, IF(PROC2, PROC2_VPID), .ok = not_zero,
	  .allowed = "not 0" },
	{ "the EPT's memory type is supported", VMCS_EPTP, IF(PROC2, PROC2_EPT), .ok = eptp_type,
	  .allowed = "bits 2:0 = 0 or 6, as in IA32_VMX_EPT_VPID_CAP" },
	{ "the EPT's depth is supported", VMCS_EPTP, IF(PROC2, PROC2_EPT), .ok = eptp_levels,
	  .allowed = "bits 5:3 = 3, or 4 where IA32_VMX_EPT_VPID_CAP has it" },
	{ "the EPTP has no reserved bit", VMCS_EPTP, IF(PROC2, PROC2_EPT),
	  .cpu_bits = eptp_reserved },
	{ "a log of modified pages needs EPT", VMCS_PROC2_CTL, IF(PROC2, PROC2_PML),
	  ONES(PROC2_EPT) },
	{ "the log of modified pages is in memory", VMCS_PML_ADDRESS, IF(PROC2, PROC2_PML),
	  .cpu_bits = check_page },
	{ "an unrestricted guest needs EPT", VMCS_PROC2_CTL, IF(PROC2, PROC2_UNRESTRICTED),
	  ONES(PROC2_EPT) },
	{ "execute rights by mode need EPT", VMCS_PROC2_CTL, IF(PROC2, PROC2_MBEC),
	  ONES(PROC2_EPT) },
	{ "VM functions are those of this CPU", VMCS_VMFUNC_CTL, IF(PROC2, PROC2_VMFUNC),
	  .cpu_bits = vmfunc_known },
	{ "switching EPTs needs EPT", VMCS_PROC2_CTL, IF(PROC2, PROC2_VMFUNC),
	  .when = switches_eptp, ONES(PROC2_EPT) },
	{ "the list of EPTPs is a page of memory", VMCS_EPTP_LIST, IF(PROC2, PROC2_VMFUNC),
	  .when = switches_eptp, .cpu_bits = check_page },
	{ "the VMREAD bitmap is a page of memory", VMCS_VMREAD_BITMAP,
	  IF(PROC2, PROC2_VMCS_SHADOWING), .cpu_bits = check_page },
	{ "the VMWRITE bitmap is a page of memory", VMCS_VMWRITE_BITMAP,
	  IF(PROC2, PROC2_VMCS_SHADOWING), .cpu_bits = check_page },
	{ "the page for #VE is one of memory", VMCS_VE_INFO, IF(PROC2, PROC2_VE),
	  .cpu_bits = check_page },
	{ "the TSC is multiplied", VMCS_TSC_MULTIPLIER, IF(PROC2, PROC2_TSC_SCALING),
	  .ok = not_zero, .allowed = "not 0" },
};

static const struct check_rule exit_rules[] = {
	{ "exit controls are those of this CPU", VMCS_EXIT_CTL, VMX_EXIT,
	  .cpu_bits = capability },
	{ "a preemption timer to save is on", VMCS_EXIT_CTL, .when = no_timer,
	  ZEROS(EXIT_CTL_SAVE_TIMER) },
	{ "the MSR area is in memory", VMCS_EXIT_MSR_STORE, .when = area_used,
	  .cpu_bits = area_address },
	{ "the MSR area ends in memory", VMCS_EXIT_MSR_STORE, .when = area_used, .ok = area_ends,
	  .allowed = "address + 16 * count below the physical limit" },
	{ "the MSR area has a usual length", VMCS_EXIT_MSR_STORES, .ok = count_fits,
	  .allowed = "up to the number in IA32_VMX_MISC" },
	{ "the MSR area is in memory", VMCS_EXIT_MSR_LOAD, .when = area_used,
	  .cpu_bits = area_address },
	{ "the MSR area ends in memory", VMCS_EXIT_MSR_LOAD, .when = area_used, .ok = area_ends,
	  .allowed = "address + 16 * count below the physical limit" },
	{ "the MSR area has a usual length", VMCS_EXIT_MSR_LOADS, .ok = count_fits,
	  .allowed = "up to the number in IA32_VMX_MISC" },
};

static const struct check_rule entry_rules[] = {
	{ "entry controls are those of this CPU", VMCS_ENTRY_CTL, VMX_ENTRY,
	  .cpu_bits = capability },
	{ "the entry is not one of SMM", VMCS_ENTRY_CTL,
	  ZEROS(ENTRY_CTL_SMM | ENTRY_CTL_NO_DUAL) },
	{ "the MSR area is in memory", VMCS_ENTRY_MSR_LOAD, .when = area_used,
	  .cpu_bits = area_address },
	{ "the MSR area ends in memory", VMCS_ENTRY_MSR_LOAD, .when = area_used, .ok = area_ends,
	  .allowed = "address + 16 * count below the physical limit" },
	{ "the MSR area has a usual length", VMCS_ENTRY_MSR_LOADS, .ok = count_fits,
	  .allowed = "up to the number in IA32_VMX_MISC" },
	{ "the event's type exists", VMCS_ENTRY_EVENT, .when = event_valid, .ok = event_type,
	  .allowed = "type 0, 2, 3, 4, 5, 6, or 7 with a monitor trap flag" },
	{ "an NMI has vector 2", VMCS_ENTRY_EVENT, EVENTINJ_TYPE_NMI, .when = injects_arg,
	  .ok = nmi_vector, .allowed = "bits 7:0 = 2" },
	{ "the event's vector is an exception", VMCS_ENTRY_EVENT, EVENTINJ_TYPE_EXC,
	  .when = injects_arg, ZEROS(MASK(7, 5)) },
	{ "a pending trap has vector 0", VMCS_ENTRY_EVENT, EVENTINJ_TYPE_OTHER,
	  .when = injects_arg, ZEROS(EVENTINJ_VECTOR) },
	{ "the exception has its error code", VMCS_ENTRY_EVENT, .when = error_missing,
	  ONES(EVENTINJ_HAS_ERROR) },
	{ "nothing else has an error code", VMCS_ENTRY_EVENT, .when = error_refused,
	  ZEROS(EVENTINJ_HAS_ERROR) },
	{ "the event has no reserved bit", VMCS_ENTRY_EVENT, .when = event_valid,
	  ZEROS(EVENT_RESERVED) },
	{ "the error code has 16 bits", VMCS_ENTRY_EVENT_ERROR, .when = event_has_error,
	  ZEROS(MASK(31, 16)) },
	{ "the event's instruction has a length", VMCS_ENTRY_INSN_LEN, .when = event_is_insn,
	  .ok = insn_len, .allowed = "1 .. 15, or 0 where IA32_VMX_MISC has it" },
};
/* clang-format on */

SECTION(check_exec_ctl, "VM-Execution Control Fields", exec_rules);
SECTION(check_exit_ctl, "VM-Exit Control Fields", exit_rules);
SECTION(check_entry_ctl, "VM-Entry Control Fields", entry_rules);
