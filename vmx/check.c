/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmx/check.h"

#include <stdio.h>

#include "arch/cpufeat.h"
#include "arch/hostmap.h"
#include "arch/msr.h"
#include "arch/x86.h"
#include "mmu/hw.h"
#include "vm/record.h"
#include "vmx/backend.h"
#include "vmx/check/rule_priv.h"
#include "vmx/insn.h"

const struct check_section *const vmx_check_sections[] = {
	&check_exec_ctl,     &check_exit_ctl,  &check_entry_ctl,   &check_host_regs,
	&check_host_segs,    &check_host_size, &check_guest_regs,  &check_guest_segs,
	&check_guest_tables, &check_guest_rip, &check_guest_state, &check_guest_pdptes,
	&check_msr_loads,
};

const u32 vmx_check_nr_sections = ARRAY_SIZE(vmx_check_sections);

u32 check_word(const struct check *c, enum vmx_word w)
{
	static const enum vmcs_field fields[VMX_NR_CTLS] = {
		[VMX_PIN] = VMCS_PIN_CTL,     [VMX_PROC] = VMCS_PROC_CTL,
		[VMX_PROC2] = VMCS_PROC2_CTL, [VMX_EXIT] = VMCS_EXIT_CTL,
		[VMX_ENTRY] = VMCS_ENTRY_CTL,
	};

	if (w == VMX_PROC2 && !(check_read(c, VMCS_PROC_CTL) & PROC_SECONDARY))
		return 0;
	return (u32)check_read(c, fields[w]);
}

u64 vmx_check_value(const struct check *c, const struct check_rule *r)
{
	if (r->value)
		return r->value(c, r);
	return r->field == VMCS_PROC2_CTL ? check_word(c, VMX_PROC2) : check_read(c, r->field);
}

static bool applies(const struct check *c, const struct check_rule *r)
{
	if (r->set && (check_word(c, (enum vmx_word)r->word) & r->set) != r->set)
		return false;
	return !r->when || r->when(c, r);
}

static struct check_bits bits_of(const struct check *c, const struct check_rule *r)
{
	return r->cpu_bits ? r->cpu_bits(c, r) : r->bits;
}

bool vmx_check_holds(const struct check *c, const struct check_rule *r)
{
	struct check_bits b;
	u64 val;

	if (!applies(c, r))
		return true;
	if (r->ok)
		return r->ok(c, r);
	b = bits_of(c, r);
	val = vmx_check_value(c, r);
	return !(~val & b.ones) && !(val & b.zeros);
}

static u64 width_mask(enum vmcs_field f)
{
	switch (vmcs_width(f)) {
	case VMCS_16:
		return MASK(15, 0);
	case VMCS_32:
		return MASK(31, 0);
	case VMCS_64:
	case VMCS_NATURAL:
		return ~0ULL;
	}
	return 0;
}

void vmx_check_allowed(const struct check *c, const struct check_rule *r, char *text, size_t size)
{
	struct check_bits b = bits_of(c, r);
	unsigned long long ones = b.ones, zeros = b.zeros & width_mask(r->field);

	if (r->ok)
		snprintf(text, size, "%s", r->allowed);
	else if (!zeros)
		snprintf(text, size, "0x%llx = 1", ones);
	else if (!ones)
		snprintf(text, size, "0x%llx = 0", zeros);
	else
		snprintf(text, size, "0x%llx = 1, 0x%llx = 0", ones, zeros);
}

struct check_bits check_phys(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ .zeros = ~MASK(c->cpu->phys_bits - 1, 0) };
}

struct check_bits check_page(const struct check *c, const struct check_rule *r)
{
	struct check_bits b = check_phys(c, r);

	b.zeros |= PAGE_SIZE - 1;
	return b;
}

struct check_bits check_cr4(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ c->cpu->facts->cr4_fixed0, ~c->cpu->facts->cr4_fixed1 };
}

/* For the linear addresses that the CPU can have, whatever CR4.LA57 says. */
static bool canonical(const struct check *c, u64 addr)
{
	u32 shift = 64 - c->cpu->linear_bits;

	return (u64)((s64)(addr << shift) >> shift) == addr;
}

bool check_canonical(const struct check *c, const struct check_rule *r)
{
	return canonical(c, check_read(c, r->field));
}

bool check_s_cet(const struct check *c, const struct check_rule *r)
{
	u64 val = check_read(c, r->field);

	return canonical(c, val) && (val & S_CET_STATE) != S_CET_STATE;
}

/* Eight fields of three bits; memory types 2 and 3 do not exist. */
bool check_pat(const struct check *c, const struct check_rule *r)
{
	u64 pat = check_read(c, r->field);

	for (u32 i = 0; i < 64; i += 8) {
		u64 type = pat >> i & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

struct check_bits check_perf(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ .zeros = ~c->cpu->perf_global_known };
}

struct check_bits check_efer_known(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ .zeros = ~c->cpu->efer_known };
}

/* --- on this machine -------------------------------------------------------------------------- */

static u64 read_field(void *arg, enum vmcs_field f)
{
	u64 val = 0;

	(void)arg;
	(void)vmread_safe(f, &val);
	return val;
}

static bool read_memory(void *arg, u64 pa, u64 *val)
{
	const u64 *p = pa >> mmu_hw.maxphyaddr ? NULL : phys_map(HPA(pa), sizeof(*p));

	(void)arg;
	if (p)
		*val = *p;
	return p;
}

/* IA32_EFER: SCE, LME with LMA, NXE. Source: Intel SDM 4. */
static u64 efer_known(void)
{
	u32 edx = cpuid(0x80000001, 0).edx;

	return (edx & BIT32(11) ? EFER_SCE : 0) | (edx & BIT32(20) ? EFER_NXE : 0) |
	       (edx & BIT32(29) ? EFER_LME | EFER_LMA : 0);
}

/* Source: Intel SDM 3B "Architectural Performance Monitoring". */
static u64 perf_global_known(void)
{
	struct cpuid_regs r;
	u32 general, fixed;

	if (cpuid(0, 0).eax < 0xa)
		return 0;
	r = cpuid(0xa, 0);
	general = MIN(r.eax >> 8 & 0xff, 32U);
	fixed = MIN(r.edx & 0x1f, 16U);
	return (BIT(general) - 1) | (BIT(fixed) - 1) << 32;
}

/* Of CPUID 7 EBX. */
static bool has_ebx7(u32 bit)
{
	return cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx & BIT32(bit));
}

static struct check_cpu this_machine(void)
{
	struct check_cpu cpu = {
		.facts = &vmx_facts,
		.efer_known = efer_known(),
		.perf_global_known = perf_global_known(),
		.phys_bits = mmu_hw.maxphyaddr,
		.linear_bits = (u8)(cpuid(0x80000008, 0).eax >> 8),
		.sgx = has_ebx7(2),
		.rtm = has_ebx7(11),
	};

	if (vmx_has(&vmx_facts, VMX_HAS_VMFUNC))
		cpu.vmfunc = rdmsr(MSR_VMX_VMFUNC);
	return cpu;
}

/*
 * What the CPU itself says about an entry that failed: the number of a failed VMLAUNCH or VMRESUME,
 * or the exit's reason. Source: Intel SDM 3C "VM Instruction Error Numbers", "VM-Entry Failures
 * During or After Loading Guest State".
 */
static const char *failure(u64 code)
{
	switch (EXIT_REASON_BASIC(code)) {
	case 4:
		return "VMLAUNCH with a VMCS that was launched before";
	case 5:
		return "VMRESUME with a VMCS that was not launched";
	case 7:
		return "invalid control fields";
	case 8:
		return "invalid host state";
	case 26:
		return "events blocked by MOV SS";
	case VMEXIT_BAD_GUEST:
		return "invalid guest state";
	case VMEXIT_BAD_MSR_LOAD:
		return "an MSR that cannot be loaded";
	case VMEXIT_MACHINE_CHECK:
		return "a machine check";
	default:
		return "a failure that the manual does not list";
	}
}

static void print(struct out *o, const struct check *c, const struct check_section *s,
		  const struct check_rule *r)
{
	char allowed[64];
	const struct broken_rule broken = {
		.title = r->title,
		.field = vmx_field_name(r->field),
		.allowed = allowed,
		.section = s->title,
		.val = vmx_check_value(c, r),
	};

	vmx_check_allowed(c, r, allowed, sizeof(allowed));
	record_broken_rule(o, &broken);
}

int vmx_check(struct vcpu *v, struct out *o)
{
	const struct check_cpu cpu = this_machine();
	const struct check c = { .read = read_field, .memory = read_memory, .cpu = &cpu };
	int failed = 0;

	if (v->exit.reason == EXIT_FAIL)
		out_text(o, "VM-entry failed, the CPU says: %s (qualification %llu)",
			 failure(v->exit.code), (unsigned long long)vmread(VMCS_QUALIFICATION));
	out_heading(o);
	for (u32 i = 0; i < vmx_check_nr_sections; i++) {
		const struct check_section *s = vmx_check_sections[i];

		for (u32 n = 0; n < s->nr; n++)
			if (!vmx_check_holds(&c, &s->rules[n])) {
				print(o, &c, s, &s->rules[n]);
				failed++;
			}
	}
	return failed;
}
