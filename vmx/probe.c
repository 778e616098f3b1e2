/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmx/probe.h"

#include <errno.h>
#include <stdio.h>

#include "arch/cpufeat.h"
#include "arch/msr.h"
#include "arch/x86.h"
#include "vm/hv_ops.h"
#include "vmx/mitigate/mitigate.h"

/* Source: Intel SDM 3D, appendix "VMX Capability Reporting Facility". */
#define BASIC_TRUE_CTLS BIT(55)
#define MISC_TIMER_RATE 0x1fU

/* Source: Intel SDM 4 "IA32_FEATURE_CONTROL". */
#define FC_LOCK BIT(0)
#define FC_VMX  BIT(2) /* outside SMX */

struct vmx_facts vmx_facts;

/* The words of controls: without the needed bits there is no guest, the others are used if there.
 */
static const struct {
	const char *name;
	u32 msr, true_msr;
	u32 needed, liked;
} words[VMX_NR_CTLS] = {
	[VMX_PIN] = { "pin-based", MSR_VMX_PIN, MSR_VMX_TRUE_PIN,
		      PIN_INTR | PIN_NMI | PIN_VIRTUAL_NMI, PIN_PREEMPTION_TIMER },
	[VMX_PROC] = { "processor-based", MSR_VMX_PROC, MSR_VMX_TRUE_PROC,
		       PROC_TSC_OFFSET | PROC_HLT | PROC_MWAIT | PROC_RDPMC | PROC_CR8_LOAD |
			       PROC_CR8_STORE | PROC_MOV_DR | PROC_IO | PROC_MSR_BITMAPS |
			       PROC_MONITOR | PROC_SECONDARY,
		       0 },
	[VMX_PROC2] = { "secondary processor-based", MSR_VMX_PROC2, MSR_VMX_PROC2, PROC2_WBINVD,
			PROC2_EPT | PROC2_UNRESTRICTED | PROC2_VPID | PROC2_RDTSCP | PROC2_INVPCID |
				PROC2_XSAVES | PROC2_PML | PROC2_ENCLS },
	[VMX_EXIT] = { "VM-exit", MSR_VMX_EXIT, MSR_VMX_TRUE_EXIT,
		       EXIT_CTL_SAVE_DEBUG | EXIT_CTL_HOST_64,
		       EXIT_CTL_LOAD_PAT | EXIT_CTL_SAVE_EFER | EXIT_CTL_LOAD_EFER |
			       EXIT_CTL_SAVE_TIMER | EXIT_CTL_ACK_INTR },
	[VMX_ENTRY] = { "VM-entry", MSR_VMX_ENTRY, MSR_VMX_TRUE_ENTRY, ENTRY_CTL_LOAD_DEBUG,
			ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER },
};

static const struct {
	const char *name, *use;
	u64 bits;
	u32 word;
} features[] = {

#define X(id, name, word, bits, use) { name, use, bits, word },
	VMX_FEATURES(X)
#undef X
};

/* What nested paging needs. */
static const u8 nested[] = {
	VMX_HAS_EPT,    VMX_HAS_UNRESTRICTED, VMX_HAS_EPT_4_LEVELS,
	VMX_HAS_EPT_WB, VMX_HAS_EPT_2M,       VMX_HAS_INVEPT,
};

static u32 allowed0(const struct vmx_facts *f, u32 word)
{
	return (u32)f->ctl[word];
}

static u32 allowed1(const struct vmx_facts *f, u32 word)
{
	return (u32)(f->ctl[word] >> 32);
}

bool vmx_has(const struct vmx_facts *f, enum vmx_feature feature)
{
	u64 bits = features[feature].bits;
	u32 word = features[feature].word;
	u64 have = word == VMX_EPT_VPID ? f->ept_vpid : allowed1(f, word);

	return (have & bits) == bits;
}

bool vmx_switches_efer(const struct vmx_facts *f)
{
	return vmx_has(f, VMX_HAS_EXIT_EFER) && vmx_has(f, VMX_HAS_ENTRY_EFER);
}

bool vmx_nested(const struct vmx_facts *f)
{
	for (u32 i = 0; i < ARRAY_SIZE(nested); i++)
		if (!vmx_has(f, nested[i]))
			return false;
	return vmx_switches_efer(f);
}

bool vmx_logs(const struct vmx_facts *f)
{
	return vmx_nested(f) && vmx_has(f, VMX_HAS_PML) && vmx_has(f, VMX_HAS_EPT_AD);
}

/* What is of no use alone. */
static u32 useless(const struct vmx_facts *f, enum vmx_word word)
{
	bool switches = vmx_switches_efer(f);
	u32 timer = vmx_has(f, VMX_HAS_PREEMPTION_TIMER) ? 0 : EXIT_CTL_SAVE_TIMER;

	switch (word) {
	case VMX_PROC2:
		return (vmx_nested(f) ? 0 : PROC2_EPT | PROC2_UNRESTRICTED) |
		       (vmx_logs(f) ? 0 : PROC2_PML) |
		       (vmx_has(f, VMX_HAS_INVVPID) ? 0 : PROC2_VPID);
	case VMX_EXIT:
		return timer |
		       (switches ? 0 : EXIT_CTL_LOAD_PAT | EXIT_CTL_SAVE_EFER | EXIT_CTL_LOAD_EFER);
	case VMX_ENTRY:
		return switches ? 0 : ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER;
	default:
		return 0;
	}
}

u32 vmx_ctl(const struct vmx_facts *f, enum vmx_word word)
{
	u32 used = (words[word].needed | words[word].liked) & ~useless(f, word);

	return (used | allowed0(f, word)) & allowed1(f, word);
}

u32 vmx_timer_ticks(const struct vmx_facts *f, u64 tsc)
{
	return (u32)MIN(MAX(tsc >> (f->misc & MISC_TIMER_RATE), 1ULL), (u64)~0U);
}

static int judge_controls(const struct vmx_facts *f, char *why, size_t size)
{
	bool true_ctls = f->basic & BASIC_TRUE_CTLS;

	for (u32 i = 0; i < VMX_NR_CTLS; i++) {
		u32 lack = words[i].needed & ~allowed1(f, i);

		if (!lack)
			continue;
		snprintf(why, size,
			 "VMX of this CPU lacks bits 0x%x of the %s controls (MSR 0x%x), which "
			 "are needed",
			 (unsigned)lack, words[i].name,
			 (unsigned)(true_ctls ? words[i].true_msr : words[i].msr));
		return -ENOSYS;
	}
	return 0;
}

int vmx_judge(const struct vmx_facts *f, char *why, size_t size)
{
	char where[48] = "";

	if (f->below[0])
		snprintf(where, sizeof(where), ", running under the hypervisor \"%s\"", f->below);
	if (!f->vmx) {
		snprintf(why, size,
			 "Intel VMX is needed, but CPUID 1 ECX bit 5 is 0 on this %s CPU%s",
			 f->vendor, where);
		return -ENODEV;
	}
	/* Without the lock, cpu_enable() sets both. Source: Intel SDM 3C "Enabling and Entering VMX
	 * Operation". */
	if ((f->feature_control & FC_LOCK) && !(f->feature_control & FC_VMX)) {
		snprintf(why, size,
			 "VMX is disabled by the firmware (MSR IA32_FEATURE_CONTROL = 0x%llx: "
			 "locked without bit 2)%s; enable it in the firmware's setup",
			 (unsigned long long)f->feature_control, where);
		return -ENOSYS;
	}
	return judge_controls(f, why, size);
}

static void read_controls(struct vmx_facts *f)
{
	for (u32 i = 0; i < VMX_NR_CTLS; i++) {
		if (i == VMX_PROC2 && !(allowed1(f, VMX_PROC) & PROC_SECONDARY))
			continue;
		f->ctl[i] = rdmsr(f->basic & BASIC_TRUE_CTLS ? words[i].true_msr : words[i].msr);
	}
	if (allowed1(f, VMX_PROC2) & (PROC2_EPT | PROC2_VPID))
		f->ept_vpid = rdmsr(MSR_VMX_EPT_VPID);
}

void vmx_do_without(struct vmx_facts *f, u32 without)
{
	static const struct {
		u32 without, bits;
	} bits[] = {
		{ HV_NESTED, PROC2_EPT | PROC2_UNRESTRICTED },
		{ HV_UNRESTRICTED, PROC2_UNRESTRICTED },
		{ HV_TAGS, PROC2_VPID },
	};

	for (u32 i = 0; i < ARRAY_SIZE(bits); i++)
		if (without & bits[i].without)
			f->ctl[VMX_PROC2] &= ~((u64)bits[i].bits << 32);
}

int vmx_probe(u32 without, char *why, size_t size)
{
	struct vmx_facts *f = &vmx_facts;

	f->vmx = cpu_has(CPU_VMX);
	f->vendor = cpu_vendor;
	f->below = cpu_hypervisor;
	if (f->vmx) {
		f->feature_control = rdmsr(MSR_FEATURE_CONTROL);
		f->basic = rdmsr(MSR_VMX_BASIC);
		f->misc = rdmsr(MSR_VMX_MISC);
		f->cr0_fixed0 = rdmsr(MSR_VMX_CR0_FIXED0);
		f->cr0_fixed1 = rdmsr(MSR_VMX_CR0_FIXED1);
		f->cr4_fixed0 = rdmsr(MSR_VMX_CR4_FIXED0);
		f->cr4_fixed1 = rdmsr(MSR_VMX_CR4_FIXED1);
		read_controls(f);
		vmx_do_without(f, without);
		mitigate_init(without);
	}
	return vmx_judge(f, why, size);
}

static void describe_controls(const struct vmx_facts *f, struct out *o)
{
	out_heading(o);
	for (u32 i = 0; i < VMX_NR_CTLS; i++) {
		out_begin(o);
		out_str(o, "controls", -26, words[i].name);
		out_hex(o, "must_be_1", 10, allowed0(f, i));
		out_hex(o, "may_be_1", 10, allowed1(f, i));
		out_hex(o, "used", 10, vmx_ctl(f, i));
		out_end(o);
	}
}

void vmx_describe(struct out *o)
{
	const struct vmx_facts *f = &vmx_facts;

	out_text(o, "VMX revision 0x%x, IA32_FEATURE_CONTROL 0x%llx: %s", vmx_revision(f),
		 (unsigned long long)f->feature_control,
		 f->feature_control & FC_LOCK
			 ? "enabled and locked by the firmware"
			 : "left open by the firmware, enabled and locked here");
	mitigate_describe(o);
	describe_controls(f, o);
	out_heading(o);
	for (u32 i = 0; i < ARRAY_SIZE(features); i++) {
		out_begin(o);
		out_str(o, "feature", -26, features[i].name);
		out_bool(o, "present", 7, vmx_has(f, i));
		out_str(o, "use", -1, features[i].use);
		out_end(o);
	}
}
