/* SPDX-License-Identifier: BSD-2-Clause */
#include "svm/check.h"

#include <string.h>

#include "arch/regs.h"
#include "arch/x86.h"
#include "svm/backend.h"
#include "vm/record.h"

#define HIGH_HALF  MASK(63, 32)
#define IOPM_SIZE  (3 * PAGE_SIZE)
#define MSRPM_SIZE (2 * PAGE_SIZE)

/* Long mode with paging on. */
static bool long_paging(const struct vmcb *b)
{
	return (b->save.efer & EFER_LME) && (b->save.cr0 & CR0_PG);
}

static bool efer_svme(const struct vmcb *b, const struct check_cpu *cpu)
{
	(void)cpu;
	return b->save.efer & EFER_SVME;
}

static bool efer_known(const struct vmcb *b, const struct check_cpu *cpu)
{
	return !(b->save.efer & cpu->efer_reserved);
}

static bool cr0_cache(const struct vmcb *b, const struct check_cpu *cpu)
{
	(void)cpu;
	return !(b->save.cr0 & CR0_NW) || (b->save.cr0 & CR0_CD);
}

static bool cr0_high(const struct vmcb *b, const struct check_cpu *cpu)
{
	(void)cpu;
	return !(b->save.cr0 & HIGH_HALF);
}

static bool cr3_known(const struct vmcb *b, const struct check_cpu *cpu)
{
	return !(b->save.efer & EFER_LMA) || !(b->save.cr3 & cpu->phys_reserved);
}

static bool cr4_known(const struct vmcb *b, const struct check_cpu *cpu)
{
	return !(b->save.cr4 & cpu->cr4_reserved);
}

static bool cr4_cet_wp(const struct vmcb *b, const struct check_cpu *cpu)
{
	(void)cpu;
	return !(b->save.cr4 & CR4_CET) || (b->save.cr0 & CR0_WP);
}

static bool dr6_high(const struct vmcb *b, const struct check_cpu *cpu)
{
	(void)cpu;
	return !(b->save.dr6 & HIGH_HALF);
}

static bool dr7_high(const struct vmcb *b, const struct check_cpu *cpu)
{
	(void)cpu;
	return !(b->save.dr7 & HIGH_HALF);
}

static bool long_pae(const struct vmcb *b, const struct check_cpu *cpu)
{
	(void)cpu;
	return !long_paging(b) || (b->save.cr4 & CR4_PAE);
}

static bool long_pe(const struct vmcb *b, const struct check_cpu *cpu)
{
	(void)cpu;
	return !long_paging(b) || (b->save.cr0 & CR0_PE);
}

static bool long_cs(const struct vmcb *b, const struct check_cpu *cpu)
{
	const u16 both = SEG_ATTR_L | SEG_ATTR_DB;

	(void)cpu;
	return !long_paging(b) || !(b->save.cr4 & CR4_PAE) || (b->save.cs.attr & both) != both;
}

static bool vmrun_exits(const struct vmcb *b, const struct check_cpu *cpu)
{
	(void)cpu;
	return vmcb_intercept_get(b, ICPT_VMRUN);
}

static bool asid_guest(const struct vmcb *b, const struct check_cpu *cpu)
{
	return b->ctl.asid != 0 && b->ctl.asid < cpu->nr_asids;
}

static bool in_memory(u64 base, u64 size, const struct check_cpu *cpu)
{
	base &= ~(PAGE_SIZE - 1);
	return !((base | (base + size - 1)) & cpu->phys_reserved);
}

static bool msrpm_in_memory(const struct vmcb *b, const struct check_cpu *cpu)
{
	return in_memory(b->ctl.msrpm, MSRPM_SIZE, cpu);
}

static bool iopm_in_memory(const struct vmcb *b, const struct check_cpu *cpu)
{
	return in_memory(b->ctl.iopm, IOPM_SIZE, cpu);
}

static bool event_type(const struct vmcb *b, const struct check_cpu *cpu)
{
	u32 type = EVENTINJ_TYPE(b->ctl.event_inj);

	(void)cpu;
	if (!(b->ctl.event_inj & EVENTINJ_VALID))
		return true;
	return type == EVENTINJ_TYPE_INTR ||
	       (type >= EVENTINJ_TYPE_NMI && type <= EVENTINJ_TYPE_SOFT);
}

static bool event_vector(const struct vmcb *b, const struct check_cpu *cpu)
{
	u32 e = b->ctl.event_inj, vector = e & EVENTINJ_VECTOR;

	(void)cpu;
	if (!(e & EVENTINJ_VALID) || EVENTINJ_TYPE(e) != EVENTINJ_TYPE_EXC)
		return true;
	return vector < 31 && vector != EXC_NMI;
}

static bool ncr3_known(const struct vmcb *b, const struct check_cpu *cpu)
{
	return !(b->ctl.nested_ctl & NESTED_CTL_NP) || !(b->ctl.ncr3 & cpu->phys_reserved);
}

/* Eight fields of three bits; memory types 2 and 3 do not exist. */
static bool pat_types(const struct vmcb *b, const struct check_cpu *cpu)
{
	(void)cpu;
	if (!(b->ctl.nested_ctl & NESTED_CTL_NP))
		return true;
	for (u32 i = 0; i < 8; i++) {
		u64 type = b->save.g_pat >> (8 * i) & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

#define SAVE(field, bytes) offsetof(struct vmcb, save.field), bytes
#define CTL(field, bytes)  offsetof(struct vmcb, ctl.field), bytes

/* clang-format off */
const struct check_rule check_rules[] = {
	{ "SVM is enabled in the guest's EFER", "efer", "SVME = 1", SAVE(efer, 8), efer_svme },
	{ "EFER has no unknown bit", "efer", "bits of this CPU", SAVE(efer, 8), efer_known },
	{ "not write-through needs cache disable", "cr0", "CD = 1 or NW = 0", SAVE(cr0, 8), cr0_cache },
	{ "CR0 has 32 bits", "cr0", "bits 63:32 = 0", SAVE(cr0, 8), cr0_high },
	{ "CR3 is an address of this CPU", "cr3", "bits above the physical width = 0 in long mode",
	  SAVE(cr3, 8), cr3_known },
	{ "CR4 has no unknown bit", "cr4", "bits of this CPU", SAVE(cr4, 8), cr4_known },
	{ "CET needs write protection", "cr4", "CET = 0 or CR0.WP = 1", SAVE(cr4, 8), cr4_cet_wp },
	{ "DR6 has 32 bits", "dr6", "bits 63:32 = 0", SAVE(dr6, 8), dr6_high },
	{ "DR7 has 32 bits", "dr7", "bits 63:32 = 0", SAVE(dr7, 8), dr7_high },
	{ "long mode paging needs PAE", "cr4", "PAE = 1", SAVE(cr4, 8), long_pae },
	{ "long mode paging needs protection", "cr0", "PE = 1", SAVE(cr0, 8), long_pe },
	{ "a code segment has one default size", "cs.attr", "not both L and D", SAVE(cs.attr, 2),
	  long_cs },
	{ "VMRUN exits", "intercepts", "VMRUN = 1", CTL(intercept[1], 4), vmrun_exits },
	{ "the ASID is a guest's", "asid", "1 .. CPUID 8000_000Ah EBX - 1", CTL(asid, 4), asid_guest },
	{ "the MSR bitmap is in memory", "msrpm_base_pa", "below the physical limit", CTL(msrpm, 8),
	  msrpm_in_memory },
	{ "the I/O bitmap is in memory", "iopm_base_pa", "below the physical limit", CTL(iopm, 8),
	  iopm_in_memory },
	{ "the event's type exists", "eventinj", "type 0, 2, 3 or 4", CTL(event_inj, 4), event_type },
	{ "the event's vector is an exception", "eventinj", "0 .. 30 but 2", CTL(event_inj, 4),
	  event_vector },
	{ "nested CR3 is an address of this CPU", "ncr3", "bits above the physical width = 0",
	  CTL(ncr3, 8), ncr3_known },
	{ "the guest's PAT has memory types only", "g_pat", "0, 1, 4, 5, 6 or 7 in each byte",
	  SAVE(g_pat, 8), pat_types },
};
/* clang-format on */

const u32 check_nr_rules = ARRAY_SIZE(check_rules);

u64 check_value(const struct vmcb *b, const struct check_rule *r)
{
	u64 val = 0;

	memcpy(&val, (const char *)b + r->off, r->bytes);
	return val;
}

/* A bit of a register that exists when CPUID says so. */
struct reg_bit {
	u64 bits;
	u32 leaf;
	u8 reg; /* 0 eax, 1 ebx, 2 ecx, 3 edx */
	u8 bit;
};

static const struct reg_bit cr4_bits[] = {
	{ CR4_VME | CR4_PVI, 1, 3, 1 }, { CR4_DE, 1, 3, 2 },       { CR4_PSE, 1, 3, 3 },
	{ CR4_TSD, 1, 3, 4 },           { CR4_PAE, 1, 3, 6 },      { CR4_MCE, 1, 3, 7 },
	{ CR4_PGE, 1, 3, 13 },          { CR4_OSFXSR, 1, 3, 24 },  { CR4_OSXMMEXCPT, 1, 3, 25 },
	{ CR4_PCIDE, 1, 2, 17 },        { CR4_OSXSAVE, 1, 2, 26 }, { CR4_FSGSBASE, 7, 1, 0 },
	{ CR4_SMEP, 7, 1, 7 },          { CR4_SMAP, 7, 1, 20 },    { CR4_UMIP, 7, 2, 2 },
	{ CR4_PKE, 7, 2, 3 },           { CR4_CET, 7, 2, 7 },      { CR4_LA57, 7, 2, 16 },
	{ CR4_PKS, 7, 2, 31 },
};

static const struct reg_bit efer_bits[] = {
	{ EFER_SVME, 0x80000001, 2, 2 },   { EFER_TCE, 0x80000001, 2, 17 },
	{ EFER_SCE, 0x80000001, 3, 11 },   { EFER_NXE, 0x80000001, 3, 20 },
	{ EFER_FFXSR, 0x80000001, 3, 25 }, { EFER_LME | EFER_LMA, 0x80000001, 3, 29 },
};

static u64 reserved_bits(const struct reg_bit *table, u32 nr, u64 always)
{
	u64 known = always;

	for (u32 i = 0; i < nr; i++) {
		struct cpuid_regs r = cpuid(table[i].leaf, 0);
		const u32 regs[] = { r.eax, r.ebx, r.ecx, r.edx };

		if (regs[table[i].reg] & BIT32(table[i].bit))
			known |= table[i].bits;
	}
	return ~known;
}

u64 svm_host_cr4(void)
{
	return ~reserved_bits(cr4_bits, ARRAY_SIZE(cr4_bits), CR4_PCE);
}

static struct check_cpu this_machine(void)
{
	return (struct check_cpu){
		.cr4_reserved = ~svm_host_cr4(),
		.efer_reserved = reserved_bits(efer_bits, ARRAY_SIZE(efer_bits), 0),
		.phys_reserved = ~MASK(mmu_hw.maxphyaddr - 1, 0),
		.nr_asids = svm_facts.nr_asids,
	};
}

static void print(struct out *o, const struct vmcb *b, const struct check_rule *r)
{
	const struct broken_rule broken = {
		.title = r->title,
		.field = r->field,
		.allowed = r->allowed,
		.section = "Canonicalization and Consistency Checks",
		.val = check_value(b, r),
	};

	record_broken_rule(o, &broken);
}

int svm_check(struct vcpu *v, struct out *o)
{
	const struct vmcb *b = vmcb_of(v);
	const struct check_cpu cpu = this_machine();
	int failed = 0;

	out_heading(o);
	for (u32 i = 0; i < check_nr_rules; i++) {
		const struct check_rule *r = &check_rules[i];

		if (r->ok(b, &cpu))
			continue;
		failed++;
		print(o, b, r);
	}
	return failed;
}
