/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vmx/state.c tests/host/fake/vmcs.c tests/host/fake/cpu.c tests/host/fake/clock.c */
/* SOURCES: mmu/role.c tests/host/fake/bug.c */
/*
 * What the guest reads from its registers is what it wrote, whatever VMX operation wants in the
 * VMCS; segments become what VM-entry takes, and come back as they were.
 */
#include "arch/cpufeat.h"
#include "arch/regs.h"
#include "mmu/hw.h"
#include "mmu/mmu.h"
#include "tests/host/fake/cpu.h"
#include "vm/vm.h"
#include "vmx/backend.h"
#include "vmx/insn.h"

#include "tests/host/test.h"

struct vmx_facts vmx_facts;
struct mmu_hw mmu_hw = { .maxphyaddr = 40 };
u32 cpu_features;
u8 cpu_maxphyaddr = 40;

static struct vmx_vcpu s;
static struct vcpu v;
static struct vm vm;
static u64 pdpt[4]; /* at 0x2020 of the guest */
static u32 dr_given, windows, cancelled, disowned;

int mmu_read(const struct mmu_vm *m, gpa_t gpa, void *buf, u64 len)
{
	assert_ptr_equal(m, &vm.mmu);
	if (gpa.v != 0x2020 || len != sizeof(pdpt))
		return -1;
	memcpy(buf, pdpt, sizeof(pdpt));
	return 0;
}

void vmx_dr_own(struct vcpu *vcpu)
{
	(void)vcpu;
	dr_given++;
}

void vmx_dr_disown(struct vcpu *vcpu)
{
	(void)vcpu;
	disowned++;
}

u64 vmx_get_dr6(const struct vcpu *vcpu)
{
	return vmx_of(vcpu)->dr6;
}

void vmx_set_dr6(struct vcpu *vcpu, u64 val)
{
	vmx_of(vcpu)->dr6 = val;
}

u32 vmx_kept_msr(enum vmx_kept i)
{
	return 0xc0000081 + i;
}

void vmx_cancel(struct vcpu *vcpu)
{
	(void)vcpu;
	cancelled++;
}

void vmx_irq_window(struct vcpu *vcpu, bool on)
{
	(void)vcpu;
	windows += !on;
}

void vmx_nmi_window(struct vcpu *vcpu, bool on)
{
	(void)vcpu;
	windows += !on;
}

static u32 begun, ended;

void vmx_use_ept(struct vmx_vcpu *vcpu, bool on)
{
	vcpu->ept = on;
}

void mmu_shadow_unpaged_begin(struct mmu_vm *m)
{
	assert_ptr_equal(m, &vm.mmu);
	begun++;
}

void mmu_shadow_unpaged_end(struct mmu_vm *m)
{
	assert_ptr_equal(m, &vm.mmu);
	ended++;
}

static int setup(void **state)
{
	(void)state;
	memset(fake_vmcs, 0, sizeof(fake_vmcs));
	memset(&s, 0, sizeof(s));
	memset(&v, 0, sizeof(v));
	memset(pdpt, 0, sizeof(pdpt));
	v.backend = &s;
	v.vm = &vm;
	vmx_facts = (struct vmx_facts){
		.cr0_fixed0 = CR0_PG | CR0_NE | CR0_PE,
		.cr0_fixed1 = MASK(31, 0),
		.cr4_fixed0 = CR4_VMXE,
		.cr4_fixed1 = MASK(22, 0),
	};
	s.cr0_mask = CR0_NE | CR0_NW | CR0_CD;
	s.cr4_mask = ~(CR4_PAE | CR4_PGE | CR4_PSE);
	s.nested = s.ept = true;
	fake_vmcs[VMCS_ENTRY_CTL] = 0x11fb;
	vmx_vcpu_reset(&v);
	dr_given = begun = ended = 0;
	return 0;
}

static void after_a_reset_the_guest_is_at_the_reset_vector(void **state)
{
	struct segment cs;

	(void)state;
	assert_int_equal(v.regs.rip, 0xfff0);
	assert_int_equal(fake_vmcs[VMCS_GUEST_RIP], 0xfff0);
	assert_int_equal(fake_vmcs[VMCS_GUEST_RFLAGS], 2);
	vmx_get_seg(&v, S_CS, &cs);
	assert_int_equal(cs.sel, 0xf000);
	assert_int_equal(cs.base, 0xffff0000);
	assert_int_equal(cs.attr, 0x9b);
	assert_int_equal(vmx_get_sreg(&v, SR_CR0), CR0_CD | CR0_NW | CR0_ET);
	assert_int_equal(vmx_get_sreg(&v, SR_CR4), 0);
	assert_int_equal(vmx_get_sreg(&v, SR_DR6), 0xffff0ff0);
	assert_int_equal(vmx_get_sreg(&v, SR_DR7), 0x400);
	assert_int_equal(vmx_get_sreg(&v, SR_PAT), 0x0007040600070406);
	assert_true(s.flush);
}

static void cr0_is_the_guests_but_for_ne_and_the_cache(void **state)
{
	(void)state;
	vmx_set_sreg(&v, SR_CR0, CR0_CD | CR0_NW | CR0_PE);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR0], CR0_NE | CR0_PE);
	assert_int_equal(vmx_get_sreg(&v, SR_CR0), CR0_CD | CR0_NW | CR0_PE);
	/* What the guest writes without an exit is in the register, not in the shadow. */
	fake_vmcs[VMCS_GUEST_CR0] |= CR0_TS | CR0_PG;
	assert_int_equal(vmx_get_sreg(&v, SR_CR0), CR0_CD | CR0_NW | CR0_PE | CR0_TS | CR0_PG);
	vmx_set_sreg(&v, SR_CR0, CR0_NE);
	assert_int_equal(vmx_get_sreg(&v, SR_CR0), CR0_NE);
	/* An unrestricted guest may have PE and PG off. */
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR0], CR0_NE);
}

static void the_guest_does_not_see_vmxe(void **state)
{
	(void)state;
	vmx_set_sreg(&v, SR_CR4, CR4_PAE | CR4_PGE);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR4], CR4_VMXE | CR4_MCE | CR4_PAE | CR4_PGE);
	assert_int_equal(vmx_get_sreg(&v, SR_CR4), CR4_PAE | CR4_PGE);
	fake_vmcs[VMCS_GUEST_CR4] &= ~CR4_PGE;
	assert_int_equal(vmx_get_sreg(&v, SR_CR4), CR4_PAE);
}

/* With MCE off a machine check is no exit, but the end of the CPU. */
static void machine_checks_come_to_the_hypervisor(void **state)
{
	(void)state;
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR4], CR4_VMXE | CR4_MCE);
	vmx_set_sreg(&v, SR_CR4, CR4_MCE);
	assert_int_equal(vmx_get_sreg(&v, SR_CR4), CR4_MCE);
	vmx_set_sreg(&v, SR_CR4, 0);
	assert_int_equal(vmx_get_sreg(&v, SR_CR4), 0);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR4], CR4_VMXE | CR4_MCE);
}

static void entry_control_follows_efer_lma(void **state)
{
	(void)state;
	vmx_set_sreg(&v, SR_EFER, EFER_LME);
	assert_int_equal(fake_vmcs[VMCS_ENTRY_CTL], 0x11fb);
	vmx_set_sreg(&v, SR_EFER, EFER_LME | EFER_LMA);
	assert_int_equal(fake_vmcs[VMCS_ENTRY_CTL], 0x11fb | ENTRY_CTL_GUEST_64);
	assert_int_equal(vmx_get_sreg(&v, SR_EFER), EFER_LME | EFER_LMA);
	vmx_set_sreg(&v, SR_EFER, 0);
	assert_int_equal(fake_vmcs[VMCS_ENTRY_CTL], 0x11fb);
}

static void paging_registers_flush(void **state)
{
	static const enum vcpu_sreg regs[] = { SR_CR0, SR_CR3, SR_CR4, SR_EFER };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(regs); i++) {
		s.flush = false;
		vmx_set_sreg(&v, regs[i], 0);
		assert_true(s.flush);
	}
	s.flush = false;
	vmx_set_sreg(&v, SR_CR2, 0);
	assert_false(s.flush);
}

static void every_register_reads_as_it_was_written(void **state)
{
	(void)state;
	for (u32 r = 0; r < SR_NR; r++) {
		/* Bits that all of them have. */
		u64 val = r == SR_PAT ? 0x0606060606060606 : 0x10 + r % 8;

		if (r == SR_CR0 || r == SR_CR4 || r == SR_EFER)
			val = 0;
		vmx_set_sreg(&v, r, val);
		assert_int_equal(vmx_get_sreg(&v, r), val);
	}
}

static void registers_are_where_the_cpu_looks_for_them(void **state)
{
	static const struct {
		enum vcpu_sreg reg;
		enum vmcs_field field;
	} fields[] = {
		{ SR_CR3, VMCS_GUEST_CR3 },
		{ SR_EFER, VMCS_GUEST_EFER },
		{ SR_DR7, VMCS_GUEST_DR7 },
		{ SR_GDTR_BASE, VMCS_GUEST_GDTR_BASE },
		{ SR_GDTR_LIMIT, VMCS_GUEST_GDTR_LIMIT },
		{ SR_IDTR_BASE, VMCS_GUEST_IDTR_BASE },
		{ SR_IDTR_LIMIT, VMCS_GUEST_IDTR_LIMIT },
		{ SR_SYSENTER_CS, VMCS_GUEST_SYSENTER_CS },
		{ SR_SYSENTER_ESP, VMCS_GUEST_SYSENTER_ESP },
		{ SR_SYSENTER_EIP, VMCS_GUEST_SYSENTER_EIP },
		{ SR_PAT, VMCS_GUEST_PAT },
		{ SR_DEBUGCTL, VMCS_GUEST_DEBUGCTL },
	};

	static const struct {
		enum vcpu_sreg reg;
		enum vmx_kept msr;
	} kept[] = {
		{ SR_STAR, KEPT_STAR },
		{ SR_LSTAR, KEPT_LSTAR },
		{ SR_CSTAR, KEPT_CSTAR },
		{ SR_SFMASK, KEPT_SFMASK },
		{ SR_KERNEL_GS_BASE, KEPT_KERNEL_GS_BASE },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
		vmx_set_sreg(&v, fields[i].reg, 0x100 + i);
		assert_int_equal(fake_vmcs[fields[i].field], 0x100 + i);
	}
	for (u32 i = 0; i < ARRAY_SIZE(kept); i++) {
		vmx_set_sreg(&v, kept[i].reg, 0x200 + i);
		assert_int_equal(*fake_msr(vmx_kept_msr(kept[i].msr)), 0x200 + i);
	}
	vmx_set_sreg(&v, SR_CR2, 0x300);
	assert_int_equal(fake_cr2, 0x300);
}

/* As after a power-on, whatever was there. */
static void a_reset_leaves_nothing_of_before(void **state)
{
	static u64 clean[NR_FIELDS];

	(void)state;
	memcpy(clean, fake_vmcs, sizeof(clean));
	for (u32 f = VMCS_GUEST_ES_SEL; f <= VMCS_GUEST_TR_SEL; f += 2)
		fake_vmcs[f] = 0x33;
	for (u32 f = VMCS_GUEST_ES_LIMIT; f <= VMCS_GUEST_ACTIVITY; f += 2)
		fake_vmcs[f] = 1;
	for (u32 f = VMCS_GUEST_CR0; f <= VMCS_GUEST_SYSENTER_EIP; f += 2)
		fake_vmcs[f] = 0x1234;
	fake_vmcs[VMCS_GUEST_EFER] = EFER_LME | EFER_LMA;
	fake_vmcs[VMCS_ENTRY_CTL] |= ENTRY_CTL_GUEST_64;
	windows = cancelled = disowned = 0;
	vmx_vcpu_reset(&v);
	assert_memory_equal(clean, fake_vmcs, sizeof(clean));
	assert_int_equal(windows, 2); /* both closed */
	assert_int_equal(cancelled, 1);
	assert_int_equal(disowned, 1);
}

static void breakpoints_give_the_registers_to_the_guest(void **state)
{
	(void)state;
	vmx_set_sreg(&v, SR_DR7, 0x400);
	assert_int_equal(dr_given, 0);
	vmx_set_sreg(&v, SR_DR7, 0x402);
	assert_int_equal(dr_given, 1);
}

static void go_pae(u64 cr3)
{
	vmx_set_sreg(&v, SR_CR3, cr3);
	vmx_set_sreg(&v, SR_CR4, CR4_PAE);
	vmx_set_sreg(&v, SR_CR0, CR0_PE | CR0_PG);
}

static void pdptes_are_loaded_for_pae_paging(void **state)
{
	struct mmu_regs r = { 0 };

	(void)state;
	for (u32 i = 0; i < 4; i++)
		pdpt[i] = 0x7001 + 0x1000ULL * i;
	go_pae(0x2020);
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(fake_vmcs[VMCS_GUEST_PDPTE0 + 2 * i], pdpt[i]);
	assert_int_equal(fake_vmcs[VMCS_GUEST_PDPTE3 + 2], 0);
	pdpt[3] = 0xb001;
	assert_int_equal(fake_vmcs[VMCS_GUEST_PDPTE3], 0xa001); /* until MOV CR3 */
	vmx_set_sreg(&v, SR_CR3, 0x2020);
	assert_int_equal(fake_vmcs[VMCS_GUEST_PDPTE3], 0xb001);
	vmx_get_paging(&v, &r);
	assert_true(r.pdpte_latched);
	assert_int_equal(r.pdpte[3], pdpt[3]);
	/* Long mode has none. */
	vmx_set_sreg(&v, SR_EFER, EFER_LME | EFER_LMA);
	memset(&r, 0, sizeof(r));
	vmx_get_paging(&v, &r);
	assert_false(r.pdpte_latched);
}

/* What is in memory counts from the next write that reads it. Source: Intel SDM 3A "PDPTE
 * Registers". */
static void only_some_writes_read_the_pdptes(void **state)
{
	static const struct {
		enum vcpu_sreg reg;
		u64 val;
		bool read;
	} writes[] = {
		{ SR_CR0, CR0_PE | CR0_PG | CR0_TS, false },
		{ SR_CR0, CR0_PE | CR0_PG | CR0_WP, false },
		{ SR_CR0, CR0_PE | CR0_PG | CR0_CD, true },
		{ SR_CR0, CR0_PE | CR0_PG, false },
		{ SR_CR0, CR0_PE, false },
		{ SR_CR3, 0x2020, true },
		{ SR_CR4, CR4_PAE | CR4_MCE, false },
		{ SR_CR4, CR4_PAE | CR4_PGE, true },
		{ SR_CR4, CR4_PAE | CR4_PSE, true },
		{ SR_CR4, CR4_PAE | CR4_SMEP, true },
		{ SR_CR4, CR4_PSE, false },
		{ SR_EFER, EFER_NXE, false },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(writes); i++) {
		setup(NULL);
		go_pae(0x2020);
		pdpt[2] = 0x7001;
		assert_false(vmx_refuses_pdptes(&v, writes[i].reg, writes[i].val));
		vmx_set_sreg(&v, writes[i].reg, writes[i].val);
		assert_int_equal(fake_vmcs[VMCS_GUEST_PDPTE2], writes[i].read ? 0x7001 : 0);
		setup(NULL);
		go_pae(0x2020);
		pdpt[2] = 0x7003;
		assert_int_equal(vmx_refuses_pdptes(&v, writes[i].reg, writes[i].val),
				 writes[i].read);
	}
}

/* Entries that are not present have no reserved bits. */
static void bad_pdptes_refuse_the_way_to_pae_paging(void **state)
{
	(void)state;
	vmx_set_sreg(&v, SR_CR3, 0x2020);
	vmx_set_sreg(&v, SR_CR4, CR4_PAE);
	pdpt[1] = BIT(63) | 0x1e6;
	assert_false(vmx_refuses_pdptes(&v, SR_CR0, CR0_PE | CR0_PG));
	pdpt[1] |= 1;
	assert_true(vmx_refuses_pdptes(&v, SR_CR0, CR0_PE | CR0_PG));
	assert_false(vmx_refuses_pdptes(&v, SR_CR0, CR0_PE));
	pdpt[1] = 0;
	vmx_set_sreg(&v, SR_CR3, 0x9000); /* no RAM */
	assert_true(vmx_refuses_pdptes(&v, SR_CR0, CR0_PE | CR0_PG));
	/* Long mode has none. */
	vmx_set_sreg(&v, SR_EFER, EFER_LME);
	assert_false(vmx_refuses_pdptes(&v, SR_CR0, CR0_PE | CR0_PG));
}

/* VM-entry would refuse them. */
static void bad_pdptes_count_as_not_present(void **state)
{
	static const u64 bad[] = { 2, 4, 0x20, 0x100, BIT(40), BIT(63) };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		setup(NULL);
		pdpt[0] = 0x7001 | bad[i];
		pdpt[1] = 0x7fffff0e19ULL;
		go_pae(0x2020);
		assert_int_equal(fake_vmcs[VMCS_GUEST_PDPTE0], 0);
		assert_int_equal(fake_vmcs[VMCS_GUEST_PDPTE1], 0x7fffff0e19ULL);
	}
	setup(NULL);
	for (u32 i = 0; i < 4; i++)
		fake_vmcs[VMCS_GUEST_PDPTE0 + 2 * i] = 0x7001;
	go_pae(0x9000); /* no RAM */
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(fake_vmcs[VMCS_GUEST_PDPTE0 + 2 * i], 0);
}

static void seg_is(u32 seg, struct segment in, u32 ar, u16 attr)
{
	struct segment out;

	vmx_set_seg(&v, seg, &in);
	assert_int_equal(fake_vmcs[vmcs_ar(seg)], ar);
	assert_int_equal(fake_vmcs[vmcs_sel(seg)], in.sel);
	assert_int_equal(fake_vmcs[vmcs_base(seg)], in.base);
	assert_int_equal(fake_vmcs[vmcs_limit(seg)], in.limit);
	vmx_get_seg(&v, seg, &out);
	assert_int_equal(out.sel, in.sel);
	assert_int_equal(out.base, in.base);
	assert_int_equal(out.limit, in.limit);
	assert_int_equal(out.attr, attr);
}

static struct segment seg(u16 sel, u16 attr, u32 limit)
{
	return (struct segment){ .sel = sel, .attr = attr, .limit = limit, .base = 0x12000 };
}

static void access_rights_move_four_bits(void **state)
{
	(void)state;
	seg_is(S_CS, seg(8, 0xa9b, 0xffffffff), 0xa09b, 0xa9b);  /* 64-bit code */
	seg_is(S_SS, seg(16, 0xc93, 0xffffffff), 0xc093, 0xc93); /* 32-bit data */
	seg_is(S_DS, seg(16, 0x1f3, 0xffff), 0x10f3, 0x1f3);     /* AVL */
	seg_is(S_ES, seg(0x1234, 0x93, 0xffff), 0x93, 0x93);
}

static void segment_that_is_not_present_is_unusable(void **state)
{
	struct segment es;

	(void)state;
	seg_is(S_FS, seg(0, 0, 0), 0x10000, 0);
	seg_is(S_GS, seg(3, 0x13, 0), 0x10013, 0x13);
	seg_is(S_LDTR, seg(0, 2, 0), 0x10002, 2);
	/* What the CPU itself saves for a null selector may have P. */
	fake_vmcs[VMCS_GUEST_ES_AR] = 0x1c0f3;
	vmx_get_seg(&v, S_ES, &es);
	assert_int_equal(es.attr, 0xc73);
}

static void descriptor_bits_are_as_a_load_leaves_them(void **state)
{
	(void)state;
	seg_is(S_TR, seg(0x18, 0x89, 0x67), 0x8b, 0x8b);   /* busy */
	seg_is(S_TR, seg(0x18, 0x81, 0x2b), 0x83, 0x83);   /* of 16 bits */
	seg_is(S_DS, seg(0x10, 0x92, 0xffff), 0x93, 0x93); /* accessed */
	seg_is(S_LDTR, seg(0x20, 0x82, 0xf), 0x82, 0x82);
}

static void granularity_fits_the_limit(void **state)
{
	(void)state;
	/* Bytes from 1 MiB on need it, a limit that is not of whole pages cannot have it. */
	seg_is(S_DS, seg(0x10, 0x93, 0xfffff), 0x93, 0x93);
	seg_is(S_DS, seg(0x10, 0x93, 0x1fffff), 0x8093, 0x893);
	seg_is(S_DS, seg(0x10, 0x893, 0xffff), 0x8093, 0x893);
	seg_is(S_DS, seg(0x10, 0x893, 0xfff0), 0x93, 0x93);
}

/* As Bochs leaves a register that held a null selector and was loaded in real mode. */
static void segment_without_a_type_is_mended(void **state)
{
	(void)state;
	assert_false(vmx_mend_segments(&v));
	fake_vmcs[VMCS_GUEST_FS_AR] = 0x90;
	fake_vmcs[VMCS_GUEST_GS_AR] = 0x10010; /* unusable: no matter */
	assert_true(vmx_mend_segments(&v));
	assert_int_equal(fake_vmcs[VMCS_GUEST_FS_AR], 0x93);
	assert_int_equal(fake_vmcs[VMCS_GUEST_GS_AR], 0x10010);
	assert_false(vmx_mend_segments(&v));
	fake_vmcs[VMCS_GUEST_GS_AR] = 0x90;
	assert_true(vmx_mend_segments(&v));
}

/* As Bochs wants CS in real mode: its RPL is any there. */
static void code_segment_of_real_mode_is_mended(void **state)
{
	(void)state;
	fake_vmcs[VMCS_GUEST_CS_AR] = 0x9b;
	fake_vmcs[VMCS_GUEST_CS_SEL] = 0x123c;
	assert_false(vmx_mend_segments(&v));
	fake_vmcs[VMCS_GUEST_CS_SEL] = 0x123d;
	assert_true(vmx_mend_segments(&v));
	assert_int_equal(fake_vmcs[VMCS_GUEST_CS_AR], 0x93);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CS_SEL], 0x123d);
	assert_false(vmx_mend_segments(&v));
	/* In protected mode the RPL is the privilege level. */
	fake_vmcs[VMCS_GUEST_CS_AR] = 0xc0fb;
	fake_vmcs[VMCS_GUEST_CS_SEL] = 0xb;
	fake_vmcs[VMCS_GUEST_SS_AR] = 0xc0f3;
	fake_vmcs[VMCS_GUEST_SS_SEL] = 0x13;
	vmx_set_sreg(&v, SR_CR0, CR0_PE);
	assert_false(vmx_mend_segments(&v));
}

/* A task switch leaves any selector in SS. Until something was executed it is still there. */
static void selector_of_ss_comes_back(void **state)
{
	struct segment ss = { .sel = 0x33, .attr = 0xc93, .limit = 0xffffffff };

	(void)state;
	s.ept = false;
	vmx_set_sreg(&v, SR_CR0, CR0_PE);
	for (u32 executed = 0; executed < 2; executed++) {
		vmx_set_seg(&v, S_SS, &ss);
		v.regs.rip = 0x1000;
		assert_true(vmx_mend_segments(&v));
		assert_int_equal(fake_vmcs[vmcs_sel(S_SS)], 0x30);
		v.regs.rip += executed;
		vmx_unmend_ss(&v);
		assert_int_equal(fake_vmcs[vmcs_sel(S_SS)], executed ? 0x30 : 0x33);
		/* For once. */
		v.regs.rip = 0x1000;
		fake_vmcs[vmcs_sel(S_SS)] = 0x18;
		vmx_unmend_ss(&v);
		assert_int_equal(fake_vmcs[vmcs_sel(S_SS)], 0x18);
	}
}

static void code_is_found_in_each_mode(void **state)
{
	struct mmu_regs r = { 0 };
	u8 bits;

	(void)state;
	v.regs.rip = 0xffffffff81000000;
	vmx_set_sreg(&v, SR_EFER, EFER_LME | EFER_LMA);
	fake_vmcs[VMCS_GUEST_CS_AR] = 0xa09b;
	fake_vmcs[VMCS_GUEST_CS_BASE] = 0x12340;
	fake_vmcs[VMCS_GUEST_SS_AR] = 0xc0f3;
	assert_int_equal(vmx_get_code(&v, &r, &bits).v, 0xffffffff81000000);
	assert_int_equal(bits, 64);
	assert_int_equal(r.cpl, 3);
	/* Compatibility mode: the base counts, and addresses wrap. */
	fake_vmcs[VMCS_GUEST_CS_AR] = 0xc09b;
	assert_int_equal(vmx_get_code(&v, &r, &bits).v, 0x81012340);
	assert_int_equal(bits, 32);
	fake_vmcs[VMCS_GUEST_CS_AR] = 0x9b;
	vmx_get_code(&v, &r, &bits);
	assert_int_equal(bits, 16);
	/* The bit for 64-bit code means nothing outside long mode. */
	vmx_set_sreg(&v, SR_EFER, 0);
	fake_vmcs[VMCS_GUEST_CS_AR] = 0xa09b;
	vmx_get_code(&v, &r, &bits);
	assert_int_equal(bits, 16);
}

static void pkru_counts_only_with_pke(void **state)
{
	struct mmu_regs r = { 0 };

	(void)state;
	fake_pkru = 0x1234;
	s.cr4_mask &= ~CR4_PKE;
	vmx_get_paging(&v, &r);
	assert_int_equal(r.pkru, 0);
	vmx_set_sreg(&v, SR_CR4, CR4_PKE);
	vmx_get_paging(&v, &r);
	assert_int_equal(r.pkru, 0x1234);
}

static struct mmu_ctx ctx;

static void shadowed(u64 cr0, u64 cr4, u64 efer)
{
	v.mmu = &ctx;
	s.cr0_mask = s.cr4_mask = ~0ULL;
	ctx.regs = (struct mmu_regs){ .cr0 = cr0, .cr3 = 0x5000, .cr4 = cr4, .efer = efer };
	ctx.role = role_cpu(&ctx.regs, 0);
	vmx_set_paging(&v);
	assert_int_equal(vmx_get_sreg(&v, SR_CR0), cr0);
	assert_int_equal(vmx_get_sreg(&v, SR_CR3), 0x5000);
	assert_int_equal(vmx_get_sreg(&v, SR_CR4), cr4);
	assert_int_equal(vmx_get_sreg(&v, SR_EFER), efer);
	assert_int_equal(fake_vmcs[VMCS_CR0_SHADOW], cr0);
	assert_int_equal(fake_vmcs[VMCS_CR4_SHADOW], cr4);
}

/* Without paging the guest runs on the direct map, which the MMU is told. */
static void shadowed_guest_uses_ept_while_it_has_paging_off(void **state)
{
	(void)state;
	shadowed(CR0_ET, 0, EFER_LME);
	assert_true(s.ept);
	assert_int_equal(begun + ended, 0);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR0], CR0_ET | CR0_NE);
	assert_int_equal(fake_vmcs[VMCS_GUEST_EFER], EFER_LME);
	shadowed(CR0_PE | CR0_PG | CR0_ET, CR4_PAE | CR4_PGE, EFER_LME | EFER_LMA);
	assert_false(s.ept);
	assert_int_equal(ended, 1);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR0], CR0_PE | CR0_PG | CR0_ET | CR0_NE | CR0_WP);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR4], CR4_PAE | CR4_VMXE | CR4_MCE);
	assert_int_equal(fake_vmcs[VMCS_GUEST_EFER], EFER_LME | EFER_LMA | EFER_NXE);
	assert_true(fake_vmcs[VMCS_ENTRY_CTL] & ENTRY_CTL_GUEST_64);
	shadowed(CR0_PE | CR0_PG | CR0_ET, CR4_PAE, EFER_LME | EFER_LMA);
	assert_int_equal(ended, 1);
	shadowed(CR0_PE | CR0_ET, CR4_PAE, EFER_LME);
	assert_true(s.ept);
	assert_int_equal(begun, 1);
	assert_false(fake_vmcs[VMCS_ENTRY_CTL] & ENTRY_CTL_GUEST_64);
}

/* EFER is loaded from a list, and the guest's PAT means nothing to its shadow. */
static void without_efer_in_the_vmcs_it_is_in_a_list(void **state)
{
	struct vmx_msr efer[2] = { 0 };

	(void)state;
	s.efer = efer;
	s.nested = s.ept = false;
	shadowed(CR0_PE | CR0_PG | CR0_ET, CR4_PAE, EFER_LME | EFER_LMA | EFER_SCE);
	assert_int_equal(efer[0].value, EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE);
	assert_true(fake_vmcs[VMCS_ENTRY_CTL] & ENTRY_CTL_GUEST_64);
	assert_int_equal(fake_vmcs[VMCS_GUEST_EFER], 0);
	vmx_set_sreg(&v, SR_PAT, 0x0606);
	assert_int_equal(vmx_get_sreg(&v, SR_PAT), 0x0606);
	assert_int_equal(fake_vmcs[VMCS_GUEST_PAT], 0x0007040600070406);
}

/* Hardware runs with protection and paging then, on the shadow of a guest without paging. */
static void without_nested_paging_ept_stays_off(void **state)
{
	(void)state;
	s.nested = s.ept = false;
	shadowed(CR0_PE | CR0_ET, 0, EFER_LME);
	assert_false(s.ept);
	assert_false(s.real);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR0], CR0_PE | CR0_PG | CR0_ET | CR0_NE | CR0_WP);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR4], CR4_PAE | CR4_VMXE | CR4_MCE);
	assert_int_equal(fake_vmcs[VMCS_GUEST_EFER], EFER_NXE);
	shadowed(CR0_ET, 0, 0);
	assert_true(s.real);
	assert_int_equal(fake_vmcs[VMCS_GUEST_CR0], CR0_PE | CR0_PG | CR0_ET | CR0_NE | CR0_WP);
	shadowed(CR0_PE | CR0_PG | CR0_ET, CR4_PAE, EFER_LME | EFER_LMA);
	assert_false(s.real);
	assert_int_equal(begun + ended, 0);
}

static void now_is(u32 seg, u16 sel, u16 attr)
{
	struct segment s2;

	vmx_get_seg(&v, seg, &s2);
	assert_int_equal(s2.sel, sel);
	assert_int_equal(s2.attr, attr);
}

/* Source: Intel SDM 3C "Checks on Guest Segment Registers", without unrestricted guest. */
static void what_protected_mode_took_over_from_real_mode_is_mended(void **state)
{
	static const struct segment data = { 0x1003, 0x93, 0xffff, 0x10030 };
	static const struct segment conforming = { 0x13, 0x9f, 0xffff, 0 };

	(void)state;
	s.nested = s.ept = false;
	shadowed(CR0_PE | CR0_ET, 0, 0);
	for (u32 seg = S_ES; seg <= S_GS; seg++)
		vmx_set_seg(&v, seg, &data);
	vmx_set_seg(&v, S_GS, &conforming);
	assert_true(vmx_mend_segments(&v));
	now_is(S_CS, 0x1000, 0x9b);
	now_is(S_SS, 0x1000, 0x93);
	now_is(S_FS, 0x1000, 0x93);
	now_is(S_GS, 0x13, 0x9f);
	assert_false(vmx_mend_segments(&v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(shadowed_guest_uses_ept_while_it_has_paging_off, setup),
		cmocka_unit_test_setup(without_nested_paging_ept_stays_off, setup),
		cmocka_unit_test_setup(without_efer_in_the_vmcs_it_is_in_a_list, setup),
		cmocka_unit_test_setup(what_protected_mode_took_over_from_real_mode_is_mended,
				       setup),
		cmocka_unit_test_setup(after_a_reset_the_guest_is_at_the_reset_vector, setup),
		cmocka_unit_test_setup(cr0_is_the_guests_but_for_ne_and_the_cache, setup),
		cmocka_unit_test_setup(the_guest_does_not_see_vmxe, setup),
		cmocka_unit_test_setup(machine_checks_come_to_the_hypervisor, setup),
		cmocka_unit_test_setup(entry_control_follows_efer_lma, setup),
		cmocka_unit_test_setup(paging_registers_flush, setup),
		cmocka_unit_test_setup(every_register_reads_as_it_was_written, setup),
		cmocka_unit_test_setup(registers_are_where_the_cpu_looks_for_them, setup),
		cmocka_unit_test_setup(a_reset_leaves_nothing_of_before, setup),
		cmocka_unit_test_setup(breakpoints_give_the_registers_to_the_guest, setup),
		cmocka_unit_test_setup(pdptes_are_loaded_for_pae_paging, setup),
		cmocka_unit_test_setup(only_some_writes_read_the_pdptes, setup),
		cmocka_unit_test_setup(bad_pdptes_refuse_the_way_to_pae_paging, setup),
		cmocka_unit_test_setup(bad_pdptes_count_as_not_present, setup),
		cmocka_unit_test_setup(access_rights_move_four_bits, setup),
		cmocka_unit_test_setup(segment_that_is_not_present_is_unusable, setup),
		cmocka_unit_test_setup(descriptor_bits_are_as_a_load_leaves_them, setup),
		cmocka_unit_test_setup(granularity_fits_the_limit, setup),
		cmocka_unit_test_setup(segment_without_a_type_is_mended, setup),
		cmocka_unit_test_setup(code_segment_of_real_mode_is_mended, setup),
		cmocka_unit_test_setup(selector_of_ss_comes_back, setup),
		cmocka_unit_test_setup(code_is_found_in_each_mode, setup),
		cmocka_unit_test_setup(pkru_counts_only_with_pke, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
