/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU as its guest sees it. Which event a register write is follows from old and new values,
 * here and in mmu/ independently; how far an event reaches is the one table of mmu/shadow/ctx.h.
 * Sources: Intel SDM 3A "Control Registers", "PDPTE Registers", "Operations that Invalidate TLBs
 * and Paging-Structure Caches"; AMD APM 2 "System-Control Registers".
 */
#include "tests/sim/sim.h"

#include <string.h>

static const u8 scope_of[] = {
#define X(id, name, scope) [MMU_EV_##id] = scope,
	MMU_FLUSH_EVENTS(X)
#undef X
};

static const char *const event_name[] = {
#define X(id, name, scope) [MMU_EV_##id] = name,
	MMU_FLUSH_EVENTS(X)
#undef X
};

enum sim_mode sim_mode_of(const struct mmu_regs *r)
{
	if (!(r->cr0 & CR0_PG))
		return SIM_NONE;
	if (!(r->cr4 & CR4_PAE))
		return r->cr4 & CR4_PSE ? SIM_PSE : SIM_32;
	if (!(r->efer & EFER_LMA))
		return SIM_PAE;
	return r->cr4 & CR4_LA57 ? SIM_LM5 : SIM_LM4;
}

bool sim_regs_legal(const struct mmu_regs *r)
{
	bool pg = r->cr0 & CR0_PG, pae = r->cr4 & CR4_PAE, lme = r->efer & EFER_LME;

	if (pg && !(r->cr0 & CR0_PE))
		return false;
	if ((r->cr0 & CR0_NW) && !(r->cr0 & CR0_CD))
		return false;
	if (pg && lme && !pae)
		return false;
	if (!!(r->efer & EFER_LMA) != (pg && lme))
		return false;
	if ((r->cr4 & CR4_PCIDE) && !(r->efer & EFER_LMA))
		return false;
	if ((r->efer & EFER_NXE) && !r->has_nx)
		return false;
	if (r->cr3 >> r->maxphyaddr)
		return false;
	return true;
}

u32 sim_pcid(const struct mmu_regs *r)
{
	return r->cr4 & CR4_PCIDE ? (u32)(r->cr3 & CR3_PCID_MASK) % SIM_PCIDS : 0;
}

void sim_arch_reset(struct sim_vcpu *v)
{
	v->regs = (struct mmu_regs){
		.cr0 = CR0_ET,
		.maxphyaddr = v->caps.maxphyaddr,
		.has_nx = v->caps.has_nx,
		.has_1g = v->caps.has_1g,
		.has_pse36 = v->caps.has_pse36,
		.pdpte_latched = true,
	};
	memset(&v->arch, 0, sizeof(v->arch));
}

/* --- events ----------------------------------------------------------------------------------- */

/* The ring forgets the oldest: that only allows more. */
static void note_page(struct sim_arch *a, u64 gva, u32 pcid, enum mmu_event ev)
{
	struct sim_inval *i = &a->inval[a->next++ % SIM_INVALS];

	*i = (struct sim_inval){
		.time = sim.now,
		.gva = gva,
		.pcid = (u16)pcid,
		/* A fault forgets the pointers on its own path only, and the one page number. */
		.psc = ev != MMU_EV_PF,
		.large = ev != MMU_EV_PF,
		.global = ev != MMU_EV_INVPCID_ADDR,
	};
}

void sim_arch_event(struct sim_vcpu *v, enum mmu_event ev, u64 gva, u32 pcid)
{
	struct sim_arch *a = &v->arch;

	sim.now++;
	pcid %= SIM_PCIDS;
	sim_log("  vCPU %u event %s", v->id, event_name[ev]);
	switch ((enum flush_scope)scope_of[ev]) {
	case SCOPE_NONE:
		break;
	case SCOPE_PAGE:
		note_page(a, gva, pcid, ev);
		break;
	case SCOPE_SPACE:
		if (ev == MMU_EV_INVPCID_NONGLOBAL)
			a->nonglobal = sim.now;
		else
			a->space[pcid] = sim.now;
		break;
	case SCOPE_ALL:
		a->all = sim.now;
		break;
	}
}

static void cr0_events(struct sim_vcpu *v, u64 changed)
{
	if (changed & CR0_PG)
		sim_arch_event(v, MMU_EV_CR0_PG, 0, 0);
}

static void cr4_events(struct sim_vcpu *v, u64 old, u64 new)
{
	u64 changed = old ^ new;

	if (changed & CR4_PGE)
		sim_arch_event(v, MMU_EV_CR4_PGE, 0, 0);
	if (changed & CR4_PAE)
		sim_arch_event(v, MMU_EV_CR4_PAE, 0, 0);
	if (changed & CR4_PSE)
		sim_arch_event(v, MMU_EV_CR4_PSE, 0, 0);
	if (old & ~new &CR4_PCIDE)
		sim_arch_event(v, MMU_EV_CR4_PCIDE_OFF, 0, 0);
	if (new & ~old & CR4_SMEP)
		sim_arch_event(v, MMU_EV_CR4_SMEP_ON, 0, 0);
}

/* --- PDPTEs ----------------------------------------------------------------------------------- */

static bool reloads_pdptes(const struct mmu_regs *old, const struct mmu_regs *new,
			   enum mmu_reg_write what)
{
	u64 cr0 = old->cr0 ^ new->cr0, cr4 = old->cr4 ^ new->cr4;

	if (sim_mode_of(new) != SIM_PAE)
		return false;
	if (what == MMU_WROTE_CR3 || what == MMU_WROTE_ALL)
		return true;
	if (what == MMU_WROTE_CR0)
		return cr0 & (CR0_CD | CR0_NW | CR0_PG);
	return what == MMU_WROTE_CR4 && (cr4 & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP));
}

static bool load_pdptes(struct mmu_regs *r)
{
	u64 reserved = MASK(2, 1) | MASK(8, 5) | (~0ULL << r->maxphyaddr);

	for (u32 i = 0; i < 4; i++) {
		r->pdpte[i] = sim_peek((r->cr3 & MASK(31, 5)) + i * 8ULL, 8);
		if ((r->pdpte[i] & 1) && (r->pdpte[i] & reserved))
			return false;
	}
	return true;
}

bool sim_arch_write(struct sim_vcpu *v, const struct mmu_regs *r, enum mmu_reg_write what)
{
	struct mmu_regs old = v->regs, new = *r;

	memcpy(new.pdpte, old.pdpte, sizeof(new.pdpte));
	if (reloads_pdptes(&old, &new, what) && !load_pdptes(&new))
		return false;
	v->regs = new;
	switch (what) {
	case MMU_WROTE_CR0:
		cr0_events(v, old.cr0 ^ new.cr0);
		break;
	case MMU_WROTE_CR3:
		sim_arch_event(v, MMU_EV_CR3, 0, sim_pcid(&new));
		break;
	case MMU_WROTE_CR3_NOFLUSH:
		sim_arch_event(v, MMU_EV_CR3_NOFLUSH, 0, 0);
		break;
	case MMU_WROTE_CR4:
		cr4_events(v, old.cr4, new.cr4);
		break;
	case MMU_WROTE_EFER:
		sim_arch_event(v, MMU_EV_ROLE, 0, 0);
		break;
	case MMU_WROTE_ALL:
		v->arch.all = ++sim.now;
		break;
	}
	return true;
}
