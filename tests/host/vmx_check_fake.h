/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VMCS in an array, a little host memory, a CPU: what vmx/check.c looks at, for its tests; guests
 * that pass: 64-bit, 32-bit with PAE with and without EPT, real mode, virtual-8086 mode; and how a
 * test says which rule must fail.
 */
#pragma once

#include "arch/hostmap.h"
#include "arch/regs.h"
#include "mmu/hw.h"
#include "vmx/backend.h"
#include "vmx/check.h"
#include "vmx/insn.h"

#include "tests/host/test.h"

#define RAM_BASE 0x100000ULL
#define REVISION 0x2b

/* Addresses in RAM. */
#define PDPT       0x100020ULL
#define LINKED     0x101000ULL
#define VAPIC      0x102000ULL
#define ENTRY_AREA 0x103000ULL
#define EXIT_AREA  0x104000ULL

/* Bits of a control word that must be 1, and that may be. */
#define CTL(must, may) ((u64)(may) << 32 | (must))
#define MAY(bits)      ((u64)(bits) << 32)

static struct check_cpu cpu;
static u64 ram[5 * PAGE_SIZE / 8];

static u64 read_field(void *arg, enum vmcs_field f)
{
	(void)arg;
	assert_true((u32)f < NR_FIELDS);
	return fake_vmcs[f];
}

/* What the check finds on this machine, if it is asked. */
struct vmx_facts vmx_facts;
struct mmu_hw mmu_hw = { .maxphyaddr = 40 };

bool vmx_has(const struct vmx_facts *f, enum vmx_feature feature)
{
	(void)f;
	(void)feature;
	return false;
}

const char *vmx_field_name(enum vmcs_field f)
{
	return f == VMCS_VPID ? "vpid" : "another";
}

const void *phys_map(hpa_t base, u64 size)
{
	bool in = base.v >= RAM_BASE && base.v + size <= RAM_BASE + sizeof(ram);

	return in ? &ram[(base.v - RAM_BASE) / 8] : NULL;
}

static bool read_ram(void *arg, u64 pa, u64 *val)
{
	(void)arg;
	if (pa < RAM_BASE || pa >= RAM_BASE + sizeof(ram))
		return false;
	*val = ram[(pa - RAM_BASE) / 8];
	return true;
}

static const struct check chk = { .read = read_field, .memory = read_ram, .cpu = &cpu };

static inline void put(enum vmcs_field f, u64 val)
{
	fake_vmcs[f] = val;
}

static inline void set(enum vmcs_field f, u64 bits)
{
	fake_vmcs[f] |= bits;
}

static inline void clr(enum vmcs_field f, u64 bits)
{
	fake_vmcs[f] &= ~bits;
}

static inline u64 *at(u64 pa)
{
	return &ram[(pa - RAM_BASE) / 8];
}

static inline void put_seg(u32 seg, u16 sel, u32 limit, u32 ar, u64 base)
{
	put(vmcs_sel(seg), sel);
	put(vmcs_limit(seg), limit);
	put(vmcs_ar(seg), ar);
	put(vmcs_base(seg), base);
}

static inline void put_code_data(u32 code, u32 data, u32 limit)
{
	for (u32 s = S_ES; s <= S_GS; s++)
		put_seg(s, s == S_CS ? 8 : 16, limit, s == S_CS ? code : data, 0);
}

static inline void make_cpu(void)
{
	vmx_facts = (struct vmx_facts){
		.ctl = {
			[VMX_PIN] = CTL(0x16, 0xff),
			[VMX_PROC] = CTL(0x0401e172, 0xfff9fffe),
			[VMX_PROC2] = CTL(0, 0x27ffff),
			[VMX_EXIT] = CTL(0x36dfb, 0x31ffffff),
			[VMX_ENTRY] = CTL(0x11fb, 0x51ffff),
		},
		.basic = REVISION,
		.misc = 4 << 16 | 7 << 6,
		.ept_vpid = BIT(6) | BIT(14),
		.cr0_fixed0 = CR0_PG | CR0_NE | CR0_PE,
		.cr0_fixed1 = MASK(31, 0),
		.cr4_fixed0 = CR4_VMXE,
		.cr4_fixed1 = MASK(13, 0) | CR4_PCIDE | CR4_OSXSAVE | CR4_CET,
	};
	cpu = (struct check_cpu){
		.facts = &vmx_facts,
		.vmfunc = 1,
		.efer_known = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
		.perf_global_known = MASK(34, 32) | MASK(3, 0),
		.phys_bits = 40,
		.linear_bits = 48,
		.sgx = true,
		.rtm = true,
	};
}

static inline void make_host(void)
{
	put(VMCS_HOST_CR0, CR0_PG | CR0_WP | CR0_NE | CR0_PE);
	put(VMCS_HOST_CR3, 0x5000);
	put(VMCS_HOST_CR4, CR4_VMXE | CR4_PAE | CR4_PGE);
	put(VMCS_HOST_CS_SEL, 8);
	put(VMCS_HOST_TR_SEL, 0x28);
	put(VMCS_HOST_RIP, 0xffffffff80001000);
	put(VMCS_HOST_GS_BASE, 0xffff800000000000);
	put(VMCS_HOST_PAT, 0x0007040600070406);
	put(VMCS_HOST_EFER, EFER_LMA | EFER_LME | EFER_NXE);
}

static inline void make_controls(u64 entry, u64 proc2)
{
	put(VMCS_PIN_CTL, 0x16 | PIN_INTR | PIN_NMI | PIN_VIRTUAL_NMI | PIN_PREEMPTION_TIMER);
	put(VMCS_PROC_CTL, 0x0401e172ULL | PROC_SECONDARY | PROC_MSR_BITMAPS | PROC_IO_BITMAPS);
	put(VMCS_PROC2_CTL, PROC2_VPID | proc2);
	put(VMCS_EXIT_CTL, 0x36dfb | EXIT_CTL_HOST_64 | EXIT_CTL_ACK_INTR | EXIT_CTL_LOAD_PAT |
				   EXIT_CTL_LOAD_EFER | EXIT_CTL_SAVE_TIMER);
	put(VMCS_ENTRY_CTL,
	    0x11fb | ENTRY_CTL_LOAD_DEBUG | ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER | entry);
	put(VMCS_VPID, 1);
	put(VMCS_EPTP, 0xfffffff000 | EPTP_LEVELS(4) | EPTP_WB);
	put(VMCS_IO_BITMAP_A, 0xfffffff000);
	put(VMCS_TSC_MULTIPLIER, 1);
	put(VMCS_VIRTUAL_APIC, VAPIC);
	put(VMCS_LINK_POINTER, VMCS_NO_LINK);
	put(VMCS_ENTRY_MSR_LOAD, ENTRY_AREA);
	put(VMCS_EXIT_MSR_LOAD, EXIT_AREA);
	put(VMCS_EXIT_MSR_STORE, 0xfffffffff0);
	put(VMCS_ENTRY_MSR_LOADS, 2);
	put(VMCS_EXIT_MSR_LOADS, 2);
	put(VMCS_EXIT_MSR_STORES, 1);
}

static inline void make_guest(u64 cr0, u64 cr4, u64 efer)
{
	put(VMCS_GUEST_CR0, cr0 | CR0_NE);
	put(VMCS_GUEST_CR3, 0x2000);
	put(VMCS_GUEST_CR4, cr4 | CR4_VMXE);
	put(VMCS_GUEST_EFER, efer);
	put(VMCS_GUEST_PAT, 0x0007040600070406);
	put(VMCS_GUEST_DR7, 0x400);
	put(VMCS_GUEST_RFLAGS, RFLAGS_ONE);
	put(VMCS_GUEST_RIP, 0x1000);
	put(VMCS_GUEST_GDTR_LIMIT, 0xffff);
	put_seg(S_LDTR, 0, 0, AR_UNUSABLE, 0);
	put_seg(S_TR, 0x18, 0x67, 0x8b, 0x3000);
}

static inline void make_any(void)
{
	memset(fake_vmcs, 0, sizeof(fake_vmcs));
	memset(ram, 0, sizeof(ram));
	make_cpu();
	make_host();
	*at(LINKED) = REVISION;
	*at(ENTRY_AREA) = *at(EXIT_AREA) = 0xc0000080;
	*at(ENTRY_AREA + 16) = *at(EXIT_AREA + 16) = 0xc0000102;
}

/* As a kernel runs under EPT. */
static inline void make_64(void)
{
	make_any();
	make_controls(ENTRY_CTL_GUEST_64, PROC2_EPT);
	make_guest(CR0_PG | CR0_PE | CR0_WP, CR4_PAE, EFER_LMA | EFER_LME | EFER_SCE);
	put_code_data(0xa09b, 0xc093, 0xffffffff);
	put(VMCS_GUEST_RIP, 0xffffffff81000000);
	put(VMCS_GUEST_GS_BASE, 0xffff888000000000);
}

/* The same with PDPTEs in the VMCS. */
static inline void make_pae(void)
{
	make_any();
	make_controls(0, PROC2_EPT);
	make_guest(CR0_PG | CR0_PE, CR4_PAE, 0);
	put_code_data(0xc09b, 0xc093, 0xffffffff);
	put(VMCS_GUEST_PDPTE0, 0x7001);
	put(VMCS_GUEST_PDPTE2, 0x18e6); /* not present: anything goes */
}

/* Without EPT: PDPTEs in memory. */
static inline void make_shadow(void)
{
	make_pae();
	put(VMCS_PROC2_CTL, PROC2_VPID);
	put(VMCS_GUEST_PDPTE0, ~0ULL);
	put(VMCS_GUEST_CR3, PDPT);
	*at(PDPT) = 0x7001;
	*at(PDPT + 24) = 0x7e;
}

static inline void make_real(void)
{
	make_any();
	make_controls(0, PROC2_EPT | PROC2_UNRESTRICTED);
	make_guest(0, 0, 0);
	put_code_data(0x9b, 0x93, 0xffff);
	for (u32 s = S_ES; s <= S_GS; s++)
		put_seg(s, 0x1237, 0xffff, s == S_CS ? 0x9b : 0x93, 0x12370);
	put_seg(S_TR, 0, 0xffff, 0x83, 0);
}

static inline void make_vm86(void)
{
	make_any();
	make_controls(0, 0);
	make_guest(CR0_PG | CR0_PE, 0, 0);
	set(VMCS_GUEST_RFLAGS, RFLAGS_VM);
	for (u32 s = S_ES; s <= S_GS; s++)
		put_seg(s, 0xf000, 0xffff, 0xf3, 0xf0000);
}

#define MAX_RULES 400
#define HOLE      0x800000000000ULL /* not canonical */

static bool broken[MAX_RULES];
static void (*variant)(void);

static struct {
	const char *title;
	enum vmcs_field field;
} others[4];

static u32 nr_others;

static inline const struct check_rule *nth_rule(u32 n)
{
	for (u32 s = 0; s < vmx_check_nr_sections; s++) {
		if (n < vmx_check_sections[s]->nr)
			return &vmx_check_sections[s]->rules[n];
		n -= vmx_check_sections[s]->nr;
	}
	return NULL;
}

static inline u32 nr_rules(void)
{
	u32 n = 0;

	while (nth_rule(n))
		n++;
	assert_true(n <= MAX_RULES);
	return n;
}

static inline u32 rule_of(const char *title, enum vmcs_field field)
{
	const struct check_rule *r;

	for (u32 i = 0; (r = nth_rule(i)); i++)
		if (r->field == field && !strcmp(r->title, title))
			return i;
	fail_msg("there is no rule \"%s\" of field 0x%x", title, field);
	return 0;
}

static inline u32 count_failed(void)
{
	u32 n = 0;
	const struct check_rule *r;

	for (u32 i = 0; (r = nth_rule(i)); i++)
		if (!vmx_check_holds(&chk, r)) {
			n++;
			print_message("  fails: %s, field 0x%x\n", r->title, r->field);
		}
	return n;
}

static inline void start(void (*make)(void))
{
	variant = make;
	make();
	nr_others = 0;
}

static inline void expect(const char *title, enum vmcs_field field)
{
	u32 i = rule_of(title, field);

	if (vmx_check_holds(&chk, nth_rule(i)))
		fail_msg("the rule \"%s\" of field 0x%x holds", title, field);
	broken[i] = true;
}

/* The rule fails too, and no edit could break the next one alone. */
static inline void with(const char *title, enum vmcs_field field)
{
	others[nr_others].title = title;
	others[nr_others++].field = field;
}

/* After the edits of the VMCS this rule fails, and none but those of with(). */
static inline void only(const char *title, enum vmcs_field field)
{
	u32 nr = 1 + nr_others, failed = 0;
	const struct check_rule *r;

	expect(title, field);
	for (u32 i = 0; i < nr_others; i++)
		expect(others[i].title, others[i].field);
	for (u32 i = 0; (r = nth_rule(i)); i++)
		failed += !vmx_check_holds(&chk, r);
	if (failed != nr) {
		print_message("rule \"%s\" of field 0x%x:\n", title, field);
		count_failed();
	}
	assert_int_equal(failed, nr);
	start(variant);
}

static inline void none(void)
{
	assert_int_equal(count_failed(), 0);
	start(variant);
}

static inline void canonical(const char *title, enum vmcs_field field)
{
	put(field, HOLE);
	only(title, field);
	put(field, HOLE - 1);
	none();
	put(field, ~(HOLE - 1));
	none();
	put(field, ~HOLE);
	only(title, field);
	cpu.linear_bits = 57;
	put(field, HOLE);
	none();
}

/* Each of these bits alone breaks the rule. */
static inline void each_bit(const char *title, enum vmcs_field field, u32 hi, u32 lo)
{
	for (u32 b = lo; b <= hi; b++) {
		set(field, BIT(b));
		only(title, field);
	}
}

static inline void event(u32 type, u32 vector)
{
	put(VMCS_ENTRY_EVENT, EVENTINJ_VALID | type << 8 | vector);
	put(VMCS_ENTRY_INSN_LEN, 1);
	set(VMCS_GUEST_RFLAGS, RFLAGS_IF);
}

/* Control-flow enforcement: the same for host and guest, each under its control. */
static inline void cet(enum vmcs_field word, u32 bit, enum vmcs_field s_cet, enum vmcs_field ssp,
		       enum vmcs_field table)
{
	const u64 good = MASK(5, 0) | BIT(10) | 0x1000;

	for (u32 b = 6; b < 10; b++) {
		set(word, bit);
		put(s_cet, good | BIT(b));
		only("S_CET has no reserved bit", s_cet);
	}
	set(word, bit);
	put(s_cet, good | BIT(11));
	only("S_CET is consistent and canonical", s_cet);
	set(word, bit);
	put(s_cet, HOLE);
	only("S_CET is consistent and canonical", s_cet);
	set(word, bit);
	put(ssp, 2);
	only("the SSP is aligned", ssp);
	set(word, bit);
	put(ssp, HOLE);
	only("the SSP is canonical", ssp);
	set(word, bit);
	put(table, HOLE);
	only("the SSP table is canonical", table);
	set(word, bit);
	put(s_cet, good);
	put(ssp, 0x7ff0);
	put(table, 0x7000);
	none();
	put(s_cet, ~0ULL);
	put(ssp, HOLE | 1);
	put(table, HOLE);
	none();
}

/* Of the sections that are about the guest, or of the others. */
static inline void assert_all_were_broken(bool guest)
{
	u32 n = 0;

	for (u32 s = 0; s < vmx_check_nr_sections; s++) {
		const struct check_section *sec = vmx_check_sections[s];

		for (u32 i = 0; i < sec->nr; i++, n++)
			if (!broken[n] && !!strstr(sec->title, "Guest") == guest)
				fail_msg("no case breaks \"%s\" of field 0x%x", sec->rules[i].title,
					 sec->rules[i].field);
	}
}
