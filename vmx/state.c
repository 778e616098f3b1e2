/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's registers: in the VMCS, or in the registers themselves while the vCPU is loaded. */
#include <string.h>

#include "arch/cpufeat.h"
#include "arch/regs.h"
#include "arch/x86.h"
#include "vm/paging.h"
#include "vm/segment.h"
#include "vm/vm.h"
#include "vmx/backend.h"
#include "vmx/insn.h"

#define SEL_RPL(sel)               ((sel)&3U)
#define CONFORMING                 (SEG_TYPE_CODE | SEG_TYPE_CONFORMING)
#define PDPTE_P                    BIT(0)
#define PDPTE_RESERVED(maxphyaddr) (MASK(63, (maxphyaddr)) | MASK(8, 5) | MASK(2, 1))

/* --- control registers ------------------------------------------------------------------------ */

/* What the guest sees of a register that it does not own as a whole. */
static u64 masked(enum vmcs_field reg, enum vmcs_field shadow, u64 mask)
{
	return (vmread(reg) & ~mask) | (vmread(shadow) & mask);
}

static u64 get_cr0(const struct vcpu *v)
{
	return masked(VMCS_GUEST_CR0, VMCS_CR0_SHADOW, vmx_of(v)->cr0_mask);
}

static u64 get_cr4(const struct vcpu *v)
{
	return masked(VMCS_GUEST_CR4, VMCS_CR4_SHADOW, vmx_of(v)->cr4_mask);
}

/* An unrestricted guest may clear PE and PG. Source: Intel SDM 3C "Checks on Guest Control
 * Registers, Debug Registers, and MSRs". */
static void set_cr0(const struct vcpu *v, u64 guest, u64 hw)
{
	u64 must = vmx_facts.cr0_fixed0;

	if (vmx_of(v)->nested)
		must &= ~(CR0_PE | CR0_PG);
	vmwrite(VMCS_CR0_SHADOW, guest);
	vmwrite(VMCS_GUEST_CR0, (hw & ~(CR0_CD | CR0_NW)) | must);
}

/*
 * With MCE off a machine check is no exit, but shuts the CPU down. Source: Intel SDM 3C
 * "Machine-Check Events During VM Entry", "Machine-Check Events During VM Exit".
 */
static void set_cr4(u64 guest, u64 hw)
{
	vmwrite(VMCS_CR4_SHADOW, guest);
	vmwrite(VMCS_GUEST_CR4, hw | vmx_facts.cr4_fixed0 | CR4_MCE);
}

/* The entry control follows LMA; an exit keeps it up to date. Source: Intel SDM 3C "Saving Control
 * Registers, Debug Registers, and MSRs". */
static void set_efer(struct vcpu *v, u64 val)
{
	u64 ctl = vmread(VMCS_ENTRY_CTL);

	if (vmx_of(v)->efer)
		vmx_of(v)->efer[0].value = val;
	else
		vmwrite(VMCS_GUEST_EFER, val);
	vmwrite(VMCS_ENTRY_CTL,
		val & EFER_LMA ? ctl | ENTRY_CTL_GUEST_64 : ctl & ~(u64)ENTRY_CTL_GUEST_64);
}

/* With paging on LMA is LME. */
static bool means_pae(u64 cr0, u64 cr4, u64 efer)
{
	return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LME);
}

static bool is_pae(void)
{
	return means_pae(vmread(VMCS_GUEST_CR0), vmread(VMCS_GUEST_CR4), vmread(VMCS_GUEST_EFER));
}

/* The CPU reads the PDPTEs when r becomes val. Source: Intel SDM 3A "PDPTE Registers". */
static bool reads_pdptes(struct vcpu *v, enum vcpu_sreg r, u64 val)
{
	u64 cr0 = get_cr0(v), cr4 = get_cr4(v), efer = vmread(VMCS_GUEST_EFER), changed = 0;
	bool was_pae = means_pae(cr0, cr4, efer);

	switch (r) {
	case SR_CR0:
		changed = (cr0 ^ val) & (CR0_CD | CR0_NW | CR0_PG);
		cr0 = val;
		break;
	case SR_CR3:
		changed = 1;
		break;
	case SR_CR4:
		changed = (cr4 ^ val) & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP);
		cr4 = val;
		break;
	default:
		efer = val;
		break;
	}
	return means_pae(cr0, cr4, efer) && (changed || !was_pae);
}

/* The four entries, with those that have reserved bits as not present. False: there are such. */
static bool read_pdptes(struct vcpu *v, u64 cr3, u64 e[4])
{
	bool good = true;

	if (mmu_read(&v->vm->mmu, GPA(cr3 & MASK(31, 5)), e, 4 * sizeof(e[0]))) {
		memset(e, 0, 4 * sizeof(e[0]));
		return false;
	}
	for (u32 i = 0; i < 4; i++) {
		if (!(e[i] & PDPTE_RESERVED(mmu_hw.maxphyaddr)))
			continue;
		good &= !(e[i] & PDPTE_P);
		e[i] = 0;
	}
	return good;
}

bool vmx_refuses_pdptes(struct vcpu *v, enum vcpu_sreg r, u64 val)
{
	u64 e[4];

	return reads_pdptes(v, r, val) &&
	       !read_pdptes(v, r == SR_CR3 ? val : vmread(VMCS_GUEST_CR3), e);
}

/* Another vCPU may have spoilt them since vmx_refuses_pdptes(). VM-entry must not see that. */
static void load_pdptes(struct vcpu *v)
{
	u64 e[4];

	(void)read_pdptes(v, vmread(VMCS_GUEST_CR3), e);
	for (u32 i = 0; i < 4; i++)
		vmwrite((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i), e[i]);
}

static bool is_paging(enum vcpu_sreg r)
{
	return r == SR_CR0 || r == SR_CR3 || r == SR_CR4 || r == SR_EFER;
}

static void set_paging_reg(struct vcpu *v, enum vcpu_sreg r, u64 val)
{
	bool read = reads_pdptes(v, r, val);

	switch (r) {
	case SR_CR0:
		set_cr0(v, val, val);
		break;
	case SR_CR3:
		vmwrite(VMCS_GUEST_CR3, vmx_of(v)->cr3 = val);
		break;
	case SR_CR4:
		set_cr4(val, val);
		break;
	default:
		set_efer(v, val);
		break;
	}
	if (read && !v->mmu)
		load_pdptes(v);
	/* The guest could not have written these without a flush of its TLB. */
	vmx_of(v)->flush = true;
}

/*
 * The guest turns paging on or off. While it is off, EPT and unrestricted guest run it on the
 * direct map.
 */
static void switch_translation(struct vcpu *v, bool ept)
{
	vmx_use_ept(vmx_of(v), ept);
	if (ept)
		mmu_shadow_unpaged_begin(&v->vm->mmu);
	else
		mmu_shadow_unpaged_end(&v->vm->mmu);
}

/* Under shadow paging CR3 follows at the entry. */
void vmx_set_paging(struct vcpu *v)
{
	static const struct mmu_hw_regs as_it_is;
	const struct mmu_regs *r = &v->mmu->regs;
	struct vmx_vcpu *s = vmx_of(v);
	bool ept = s->nested && !(r->cr0 & CR0_PG);
	struct mmu_hw_regs hw = ept ? as_it_is : role_hw_regs(v->mmu->role);

	if (s->ept != ept)
		switch_translation(v, ept);
	s->real = !s->nested && !(r->cr0 & CR0_PE);
	set_cr0(v, r->cr0, paging_forced(r->cr0, &hw.cr0));
	set_cr4(r->cr4, paging_forced(r->cr4, &hw.cr4));
	set_efer(v, paging_forced(r->efer, &hw.efer));
}

/* --- the others ------------------------------------------------------------------------------- */

/* Where the others are: in a field, or kept in an MSR. */
static const struct {
	u16 field;
	bool kept;
} sregs[SR_NR] = {
	[SR_CR3] = { VMCS_GUEST_CR3, false },
	[SR_EFER] = { VMCS_GUEST_EFER, false },
	[SR_DR7] = { VMCS_GUEST_DR7, false },
	[SR_GDTR_BASE] = { VMCS_GUEST_GDTR_BASE, false },
	[SR_GDTR_LIMIT] = { VMCS_GUEST_GDTR_LIMIT, false },
	[SR_IDTR_BASE] = { VMCS_GUEST_IDTR_BASE, false },
	[SR_IDTR_LIMIT] = { VMCS_GUEST_IDTR_LIMIT, false },
	[SR_STAR] = { KEPT_STAR, true },
	[SR_LSTAR] = { KEPT_LSTAR, true },
	[SR_CSTAR] = { KEPT_CSTAR, true },
	[SR_SFMASK] = { KEPT_SFMASK, true },
	[SR_KERNEL_GS_BASE] = { KEPT_KERNEL_GS_BASE, true },
	[SR_SYSENTER_CS] = { VMCS_GUEST_SYSENTER_CS, false },
	[SR_SYSENTER_ESP] = { VMCS_GUEST_SYSENTER_ESP, false },
	[SR_SYSENTER_EIP] = { VMCS_GUEST_SYSENTER_EIP, false },
	[SR_PAT] = { VMCS_GUEST_PAT, false },
	[SR_DEBUGCTL] = { VMCS_GUEST_DEBUGCTL, false },
};

/* The guest's value, while hardware has another. */
static u64 shadowed(const struct mmu_regs *g, enum vcpu_sreg r)
{
	return r == SR_CR0 ? g->cr0 : r == SR_CR3 ? g->cr3 : r == SR_CR4 ? g->cr4 : g->efer;
}

u64 vmx_get_sreg(struct vcpu *v, enum vcpu_sreg r)
{
	if (v->mmu && is_paging(r))
		return shadowed(&v->mmu->regs, r);
	if (r == SR_PAT && vmx_of(v)->efer)
		return vmx_of(v)->pat;
	switch (r) {
	case SR_CR0:
		return get_cr0(v);
	case SR_CR2:
		return read_cr2();
	case SR_CR4:
		return get_cr4(v);
	case SR_DR6:
		return vmx_get_dr6(v);
	default:
		return sregs[r].kept ? rdmsr(vmx_kept_msr((enum vmx_kept)sregs[r].field))
				     : vmread((enum vmcs_field)sregs[r].field);
	}
}

void vmx_set_sreg(struct vcpu *v, enum vcpu_sreg r, u64 val)
{
	if (is_paging(r))
		set_paging_reg(v, r, val);
	else if (r == SR_CR2)
		write_cr2(val);
	else if (r == SR_DR6)
		vmx_set_dr6(v, val);
	else if (r == SR_PAT && vmx_of(v)->efer)
		vmx_of(v)->pat = val;
	else if (sregs[r].kept)
		wrmsr(vmx_kept_msr((enum vmx_kept)sregs[r].field), val);
	else
		vmwrite((enum vmcs_field)sregs[r].field, val);
	if (r == SR_DR7 && (val & DR7_ENABLED))
		vmx_dr_own(v);
}

/* --- segments --------------------------------------------------------------------------------- */

static u8 cpl(void)
{
	return SEG_DPL(vmread(VMCS_GUEST_SS_AR));
}

/* AVL, L, D and G stand four bits higher than in struct segment. */
static u16 ar_to_attr(u32 ar)
{
	u32 attr = (ar & 0xff) | (ar >> 4 & 0xf00);

	return (u16)(ar & AR_UNUSABLE ? attr & ~SEG_ATTR_P : attr);
}

/*
 * A segment register that is not present holds a null selector, and is unusable. VM-entry wants the
 * bits that a descriptor has once it was loaded, and granularity as the limit demands it.
 */
static u32 seg_ar(u32 seg, const struct segment *s)
{
	u32 attr = s->attr;

	if (seg == S_TR)
		attr |= SEG_TYPE_BUSY;
	else if (attr & SEG_ATTR_S)
		attr |= SEG_TYPE_ACCESSED;
	if (s->limit >> 20)
		attr |= SEG_ATTR_G;
	else if ((s->limit & 0xfff) != 0xfff)
		attr &= ~SEG_ATTR_G;
	return (attr & 0xff) | (attr & 0xf00) << 4 | (attr & SEG_ATTR_P ? 0 : AR_UNUSABLE);
}

void vmx_get_seg(struct vcpu *v, u32 seg, struct segment *s)
{
	(void)v;
	*s = (struct segment){
		.sel = (u16)vmread(vmcs_sel(seg)),
		.attr = ar_to_attr((u32)vmread(vmcs_ar(seg))),
		.limit = (u32)vmread(vmcs_limit(seg)),
		.base = vmread(vmcs_base(seg)),
	};
}

void vmx_set_seg(struct vcpu *v, u32 seg, const struct segment *s)
{
	(void)v;
	vmwrite(vmcs_sel(seg), s->sel);
	vmwrite(vmcs_ar(seg), seg_ar(seg, s));
	vmwrite(vmcs_limit(seg), s->limit);
	vmwrite(vmcs_base(seg), s->base);
}

/*
 * QUIRK: Bochs leaves the type of a segment register alone when it is loaded in real mode. If a
 * null selector was in it before, it is usable now and has type 0, which the next VM-entry refuses.
 * It also refuses code whose selector has another RPL than its DPL, where it should look at SS.DPL;
 * in real mode, where an RPL is just part of an address, CS may be of data instead.
 *
 */
static bool unfit(u32 seg, const struct segment *s)
{
	if (seg == S_CS && !(vmread(VMCS_GUEST_CR0) & CR0_PE))
		return SEL_RPL(s->sel) && (s->attr & SEG_TYPE_CODE);
	return (s->attr & SEG_ATTR_P) && !(s->attr & SEG_TYPE);
}

/*
 * Not Bochs' fault: in the registers that protected mode took over from real mode the low bits of a
 * selector are no RPL, and code may be of type data. A task switch leaves any selector in SS if it
 * cannot be loaded. Without unrestricted guest the RPL of CS and SS must be the CPL, of others the
 * DPL at most.
 */
static bool mend_left_over(u32 seg, struct segment *s)
{
	u32 rpl = SEL_RPL(s->sel), right = rpl;
	bool is_data = seg == S_CS && !(s->attr & SEG_TYPE_CODE);

	if (is_data)
		s->attr = (u16)((s->attr & ~SEG_TYPE) | SEG_TYPE_CODE | SEG_TYPE_READ |
				SEG_TYPE_ACCESSED);
	if (seg == S_CS || seg == S_SS)
		right = cpl();
	else if ((s->attr & SEG_ATTR_P) && (s->attr & CONFORMING) != CONFORMING)
		right = MIN(rpl, (u32)SEG_DPL(s->attr));
	s->sel = (u16)(s->sel - rpl + right);
	return is_data || rpl != right;
}

/* For as long as nothing was executed. */
static void keep_ss(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);

	s->ss_mended = true;
	s->ss_rip = v->regs.rip;
	s->ss_sel = (u16)vmread(vmcs_sel(S_SS));
}

bool vmx_mend_segments(struct vcpu *v)
{
	bool is_protected = (vmread(VMCS_GUEST_CR0) & CR0_PE) && !(v->regs.rflags & RFLAGS_VM);
	bool mended = false;
	struct segment s;

	for (u32 seg = S_ES; seg <= S_GS; seg++) {
		bool bad;

		vmx_get_seg(v, seg, &s);
		bad = unfit(seg, &s);
		if (bad)
			s.attr = (u16)((s.attr & ~SEG_TYPE) | SEG_TYPE_WRITE | SEG_TYPE_ACCESSED);
		if (is_protected && mend_left_over(seg, &s))
			bad = true;
		if (bad && seg == S_SS)
			keep_ss(v);
		if (bad)
			vmx_set_seg(v, seg, &s);
		mended |= bad;
	}
	return mended;
}

void vmx_unmend_ss(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);

	if (s->ss_mended && v->regs.rip == s->ss_rip)
		vmwrite(vmcs_sel(S_SS), s->ss_sel);
	s->ss_mended = false;
}

/* --- for translation -------------------------------------------------------------------------- */

/* The processor's model and the latched PDPTEs are there already. */
static void shadow_paging(const struct vcpu *v, struct mmu_regs *r)
{
	*r = v->mmu->regs;
	r->rflags = v->regs.rflags;
	r->pkru = guest_pkru();
	r->cpl = cpl();
}

void vmx_get_paging(struct vcpu *v, struct mmu_regs *r)
{
	if (v->mmu) {
		shadow_paging(v, r);
		return;
	}
	r->cr0 = get_cr0(v);
	r->cr3 = vmread(VMCS_GUEST_CR3);
	r->cr4 = get_cr4(v);
	r->efer = vmread(VMCS_GUEST_EFER);
	r->rflags = v->regs.rflags;
	/* PKRU is in the register while the vCPU is loaded. */
	r->pkru = guest_pkru();
	r->cpl = cpl();
	r->maxphyaddr = mmu_hw.maxphyaddr;
	r->has_nx = cpu_has(CPU_NX);
	r->has_1g = cpu_has(CPU_1G);
	r->has_pse36 = true;
	r->pdpte_latched = is_pae();
	for (u32 i = 0; i < 4 && r->pdpte_latched; i++)
		r->pdpte[i] = vmread((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i));
}

gva_t vmx_get_code(struct vcpu *v, struct mmu_regs *r, u8 *bits)
{
	u32 ar = (u32)vmread(VMCS_GUEST_CS_AR);

	if (unlikely(v->mmu)) {
		shadow_paging(v, r);
	} else {
		/* None of the bits that the guest does not own matters to who fetches code. */
		r->cr0 = vmread(VMCS_GUEST_CR0);
		r->cr3 = vmread(VMCS_GUEST_CR3);
		r->cr4 = vmread(VMCS_GUEST_CR4);
		r->efer = vmread(VMCS_GUEST_EFER);
		r->cpl = cpl();
		r->maxphyaddr = mmu_hw.maxphyaddr;
		r->has_1g = cpu_has(CPU_1G);
	}
	if (likely((r->efer & EFER_LMA) && (ar & SEG_ATTR_L << 4))) {
		*bits = 64;
		return GVA(v->regs.rip);
	}
	*bits = ar & SEG_ATTR_DB << 4 ? 32 : 16;
	return GVA((vmread(VMCS_GUEST_CS_BASE) + v->regs.rip) & 0xffffffff);
}

/* --- reset ------------------------------------------------------------------------------------ */

static void reset_segments(struct vcpu *v)
{
	static const struct segment data = { .attr = 0x93, .limit = 0xffff };
	static const struct segment code = {
		.sel = 0xf000, .attr = 0x9b, .limit = 0xffff, .base = 0xffff0000
	};
	static const struct segment ldt = { .attr = 0x82, .limit = 0xffff };
	static const struct segment tss = { .attr = 0x8b, .limit = 0xffff };

	for (u32 seg = S_ES; seg <= S_GS; seg++)
		vmx_set_seg(v, seg, seg == S_CS ? &code : &data);
	vmx_set_seg(v, S_LDTR, &ldt);
	vmx_set_seg(v, S_TR, &tss);
}

/* Source: Intel SDM 3A "Processor State After Reset". */
void vmx_vcpu_reset(struct vcpu *v)
{
	static const struct {
		enum vcpu_sreg reg;
		u64 val;
	} regs[] = {
		{ SR_CR0, CR0_RESET },
		{ SR_CR2, 0 },
		{ SR_CR3, 0 },
		{ SR_CR4, 0 },
		{ SR_EFER, 0 },
		{ SR_DR6, DR6_FIXED },
		{ SR_DR7, DR7_FIXED },
		{ SR_GDTR_BASE, 0 },
		{ SR_GDTR_LIMIT, 0xffff },
		{ SR_IDTR_BASE, 0 },
		{ SR_IDTR_LIMIT, 0xffff },
		{ SR_STAR, 0 },
		{ SR_LSTAR, 0 },
		{ SR_CSTAR, 0 },
		{ SR_SFMASK, 0 },
		{ SR_KERNEL_GS_BASE, 0 },
		{ SR_SYSENTER_CS, 0 },
		{ SR_SYSENTER_ESP, 0 },
		{ SR_SYSENTER_EIP, 0 },
		{ SR_PAT, PAT_RESET },
		{ SR_DEBUGCTL, 0 },
	};
	struct vmx_vcpu *s = vmx_of(v);

	vmx_dr_disown(v);
	memset(v->dr, 0, sizeof(v->dr));
	vmx_cancel(v);
	vmx_irq_window(v, false);
	vmx_nmi_window(v, false);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_PENDING_DB, 0);
	vmwrite(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	for (u32 i = 0; i < ARRAY_SIZE(regs); i++)
		vmx_set_sreg(v, regs[i].reg, regs[i].val);
	reset_segments(v);
	v->regs.rip = RIP_RESET;
	v->regs.rflags = RFLAGS_ONE;
	vmwrite(VMCS_GUEST_RIP, s->rip = v->regs.rip);
	vmwrite(VMCS_GUEST_RSP, s->rsp = 0);
	vmwrite(VMCS_GUEST_RFLAGS, s->rflags = v->regs.rflags);
	s->flush = true;
}
