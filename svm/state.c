/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's registers in the VMCB. VMSAVE follows every exit, so all of them are valid there. */
#include <string.h>

#include "arch/regs.h"
#include "arch/x86.h"
#include "svm/backend.h"
#include "vm/paging.h"
#include "vm/segment.h"

#define EFER_HIDDEN EFER_SVME /* VMRUN wants it; the guest has no SVM */

/* Where each register is and which cached state it belongs to. */
#define AT(field) offsetof(struct vmcb, save.field)

static const struct {
	u16 off, clean;
} sregs[SR_NR] = {
	[SR_CR0] = { AT(cr0), CLEAN_CR },
	[SR_CR2] = { AT(cr2), CLEAN_CR2 },
	[SR_CR3] = { AT(cr3), CLEAN_CR },
	[SR_CR4] = { AT(cr4), CLEAN_CR },
	[SR_EFER] = { AT(efer), CLEAN_CR },
	[SR_DR6] = { AT(dr6), CLEAN_DR },
	[SR_DR7] = { AT(dr7), CLEAN_DR },
	[SR_GDTR_BASE] = { AT(gdtr.base), CLEAN_DT },
	[SR_GDTR_LIMIT] = { AT(gdtr.limit), CLEAN_DT },
	[SR_IDTR_BASE] = { AT(idtr.base), CLEAN_DT },
	[SR_IDTR_LIMIT] = { AT(idtr.limit), CLEAN_DT },
	[SR_STAR] = { AT(star), 0 },
	[SR_LSTAR] = { AT(lstar), 0 },
	[SR_CSTAR] = { AT(cstar), 0 },
	[SR_SFMASK] = { AT(sfmask), 0 },
	[SR_KERNEL_GS_BASE] = { AT(kernel_gs_base), 0 },
	[SR_SYSENTER_CS] = { AT(sysenter_cs), 0 },
	[SR_SYSENTER_ESP] = { AT(sysenter_esp), 0 },
	[SR_SYSENTER_EIP] = { AT(sysenter_eip), 0 },
	[SR_PAT] = { AT(g_pat), CLEAN_NP },
	/* Without LBR virtualisation the CPU ignores the field, and it is just storage. */
	[SR_DEBUGCTL] = { AT(dbgctl), 0 },
};

static const u16 segs[S_NR] = {
	[S_ES] = AT(es), [S_CS] = AT(cs), [S_SS] = AT(ss),     [S_DS] = AT(ds),
	[S_FS] = AT(fs), [S_GS] = AT(gs), [S_LDTR] = AT(ldtr), [S_TR] = AT(tr),
};
#undef AT

static bool is_limit(enum vcpu_sreg r)
{
	return r == SR_GDTR_LIMIT || r == SR_IDTR_LIMIT;
}

/* The guest's value, while hardware has another. */
static const u64 *shadowed(const struct vcpu *v, enum vcpu_sreg r)
{
	const struct mmu_regs *g = &v->mmu->regs;

	switch (r) {
	case SR_CR0:
		return &g->cr0;
	case SR_CR3:
		return &g->cr3;
	case SR_CR4:
		return &g->cr4;
	case SR_EFER:
		return &g->efer;
	default:
		return NULL;
	}
}

u64 svm_get_sreg(struct vcpu *v, enum vcpu_sreg r)
{
	const char *p = (const char *)vmcb_of(v) + sregs[r].off;
	u64 val;

	if (v->mmu && shadowed(v, r))
		return *shadowed(v, r);
	if (is_limit(r))
		return *(const u32 *)(const void *)p;
	val = *(const u64 *)(const void *)p;
	if (r == SR_EFER)
		val = (val & ~EFER_HIDDEN) | (svm_of(v)->lme_hidden ? EFER_LME : 0);
	return val;
}

/*
 * QUIRK: #VMEXIT of QEMU TCG loads the host's CR0 while CR4 and EFER are still the guest's. If they
 * have LME without PAE it takes the host's PG for a mistake and leaves paging off for good. So such
 * a guest, which must have PG = 0, runs without LME. It cannot tell, but that setting PG raises no
 * #GP. EFER and CR4 cannot change without an exit (cr4_exits()).
 */
static void hide_lme(struct svm_vcpu *s)
{
	struct vmcb_save *g = &s->vmcb->save;
	bool lme = s->lme_hidden || (g->efer & EFER_LME);

	s->lme_hidden = svm_facts.is_tcg && lme && !(g->cr0 & CR0_PG) && !(g->cr4 & CR4_PAE);
	g->efer = (g->efer & ~EFER_LME) | (lme && !s->lme_hidden ? EFER_LME : 0);
}

void svm_set_sreg(struct vcpu *v, enum vcpu_sreg r, u64 val)
{
	struct svm_vcpu *s = svm_of(v);
	char *p = (char *)s->vmcb + sregs[r].off;

	vmcb_dirty(s->vmcb, sregs[r].clean);
	if (is_limit(r)) {
		*(u32 *)(void *)p = (u32)val;
		return;
	}
	if (r == SR_EFER) {
		val |= EFER_HIDDEN;
		s->lme_hidden = false;
	}
	if (r == SR_CR2 && svm_facts.is_bochs)
		write_cr2(val); /* QUIRK: see svm_load() */
	*(u64 *)(void *)p = val;
	if (r == SR_CR0 || r == SR_CR4 || r == SR_EFER)
		hide_lme(s);
	/* The guest could not have written these without a flush of its TLB. */
	if (r == SR_CR0 || r == SR_CR3 || r == SR_CR4 || r == SR_EFER || r == SR_PAT)
		s->flush = true;
	if (r == SR_DR7 && (val & DR7_ENABLED))
		svm_dr_own(v);
}

static struct vmcb_seg *seg_of(struct vmcb *b, u32 seg)
{
	return (struct vmcb_seg *)(void *)((char *)b + segs[seg]);
}

void svm_get_seg(struct vcpu *v, u32 seg, struct segment *s)
{
	const struct vmcb_seg *h = seg_of(vmcb_of(v), seg);

	*s = (struct segment){ h->sel, h->attr, h->limit, h->base };
}

/*
 * QUIRK: QEMU TCG keeps the type of TR as that of an available TSS, and stops when it finds a busy
 * one as a 32-bit guest enters ring 0.
 */
static u16 tr_attr(u16 attr)
{
	return svm_facts.is_tcg ? attr & (u16)~SEG_TYPE_BUSY : attr;
}

void svm_set_seg(struct vcpu *v, u32 seg, const struct segment *s)
{
	struct vmcb *b = vmcb_of(v);

	*seg_of(b, seg) = (struct vmcb_seg){ s->sel, s->attr, s->limit, s->base };
	if (seg == S_TR)
		b->save.tr.attr = tr_attr(s->attr);
	if (seg == S_SS)
		b->save.cpl = SEG_DPL(s->attr);
	vmcb_dirty(b, CLEAN_SEG);
}

/* CR3 follows at the entry. */
void svm_set_paging(struct vcpu *v)
{
	const struct mmu_regs *r = &v->mmu->regs;
	struct mmu_hw_regs hw = role_hw_regs(v->mmu->role);
	struct vmcb *b = vmcb_of(v);

	b->save.cr0 = paging_forced(r->cr0, &hw.cr0);
	b->save.cr4 = paging_forced(r->cr4, &hw.cr4);
	b->save.efer = paging_forced(r->efer, &hw.efer) | EFER_HIDDEN;
	/* Reading CR0 is harmless while the guest's is the same. */
	b->ctl.cr_read = (u16)((b->ctl.cr_read & ~1U) | (b->save.cr0 != r->cr0));
	vmcb_dirty(b, CLEAN_CR | CLEAN_INTERCEPTS);
}

/* The processor's model and the latched PDPTEs are there already. */
static void shadow_paging(const struct vcpu *v, struct mmu_regs *r)
{
	const struct vmcb_save *g = &vmcb_of(v)->save;

	*r = v->mmu->regs;
	r->rflags = v->regs.rflags;
	r->pkru = g->cr4 & CR4_PKE ? rdpkru() : 0;
	r->cpl = g->cpl;
}

void svm_get_paging(struct vcpu *v, struct mmu_regs *r)
{
	const struct vmcb_save *g = &vmcb_of(v)->save;

	if (v->mmu) {
		shadow_paging(v, r);
		return;
	}
	r->cr0 = g->cr0;
	r->cr3 = g->cr3;
	r->cr4 = g->cr4;
	r->efer = g->efer;
	r->rflags = v->regs.rflags;
	/* PKRU is in the register while the vCPU is loaded. */
	r->pkru = g->cr4 & CR4_PKE ? rdpkru() : 0;
	r->cpl = g->cpl;
	r->maxphyaddr = mmu_hw.maxphyaddr;
	r->has_nx = mmu_hw.has_nx;
	r->has_1g = mmu_hw.has_1g;
	r->has_pse36 = true;
	/* Under nested paging the CPU reads PDPTEs from memory at each walk. Source: AMD APM 2
	 * "Legacy PAE Mode". */
	r->pdpte_latched = false;
}

gva_t svm_get_code(struct vcpu *v, struct mmu_regs *r, u8 *bits)
{
	const struct vmcb_save *g = &vmcb_of(v)->save;

	if (v->mmu) {
		const struct mmu_regs *shadowed = &v->mmu->regs;

		r->cr3 = shadowed->cr3;
		r->cr4 = shadowed->cr4;
		r->efer = shadowed->efer;
		r->maxphyaddr = shadowed->maxphyaddr;
		r->has_1g = shadowed->has_1g;
	} else {
		r->cr3 = g->cr3;
		r->cr4 = g->cr4;
		r->efer = g->efer;
		r->maxphyaddr = mmu_hw.maxphyaddr;
		r->has_1g = mmu_hw.has_1g;
	}
	r->cpl = g->cpl;
	if (likely((g->efer & EFER_LMA) && (g->cs.attr & SEG_ATTR_L))) {
		*bits = 64;
		return GVA(v->regs.rip);
	}
	*bits = g->cs.attr & SEG_ATTR_DB ? 32 : 16;
	return GVA((g->cs.base + v->regs.rip) & 0xffffffff);
}

/* Source: AMD APM 2 "Processor Initialization State". */
void svm_vcpu_reset(struct vcpu *v)
{
	static const struct vmcb_seg data = { 0, 0x93, 0xffff, 0 };
	static const struct vmcb_seg code = { 0xf000, 0x9b, 0xffff, 0xffff0000 };
	static const struct vmcb_seg ldt = { 0, 0x82, 0xffff, 0 }, tss = { 0, 0x8b, 0xffff, 0 };
	static const struct vmcb_seg table = { 0, 0, 0xffff, 0 };
	struct svm_vcpu *s = svm_of(v);
	struct vmcb_save *g = &s->vmcb->save;

	svm_dr_disown(v);
	memset(v->dr, 0, sizeof(v->dr));
	svm_cancel(v);
	svm_irq_window(v, false);
	svm_set_irq_shadow(v, false);
	if (s->busy & BUSY_STEPPING)
		s->vmcb->ctl.exceptions = s->step_excs;
	s->busy &= (u8)~BUSY_STEPPING;
	s->nmi = NMI_OPEN;
	s->lme_hidden = false;
	vmcb_intercept_set(s->vmcb, ICPT_IRET, false);

	memset(g, 0, sizeof(*g));
	g->es = g->ss = g->ds = g->fs = g->gs = data;
	g->cs = code;
	g->ldtr = ldt;
	g->tr = tss;
	g->gdtr = g->idtr = table;
	g->efer = EFER_HIDDEN;
	g->cr0 = CR0_RESET;
	g->dr6 = DR6_FIXED;
	g->dr7 = DR7_FIXED;
	g->g_pat = PAT_RESET;
	v->regs.rip = RIP_RESET;
	v->regs.rflags = RFLAGS_ONE;
	s->vmcb->ctl.clean = 0;
	s->flush = true;
}
