/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmx/tlb.h"

#include "vmx/insn.h"

#define NR_VPIDS 0x10000

static bool has(enum vmx_feature f)
{
	return vmx_has(&vmx_facts, f);
}

/* The types are there, or vmx_judge() would have refused, or VPIDs are not used. */
static void flush_vpid(enum invvpid_type type, u16 vpid, u64 gva)
{
	BUG_ON(!invvpid(type, vpid, gva));
}

static void flush_ept(enum invept_type type, u64 eptp)
{
	BUG_ON(!invept(type, eptp));
}

static bool use_vpids(void)
{
	return has(VMX_HAS_VPID) && has(VMX_HAS_INVVPID);
}

void vmx_vpid_init(struct vmx_cpu *c)
{
	c->next_vpid = 1; /* 0 is the hypervisor itself */
	c->vpid_gen++;    /* from 1: a vCPU that never ran has generation 0 */
	if (has(VMX_HAS_INVEPT))
		flush_ept(INVEPT_ALL, 0);
	if (use_vpids())
		flush_vpid(INVVPID_ALL, 0, 0);
}

/* One that was just taken has no translations. */
static void vpid_take(struct vmx_cpu *c, struct vmx_vcpu *s)
{
	if (c->next_vpid == NR_VPIDS)
		vmx_vpid_init(c);
	s->vpid = (u16)c->next_vpid++;
	s->vpid_gen = c->vpid_gen;
	vmwrite(VMCS_VPID, s->vpid);
}

void vmx_vpid_check(struct vmx_vcpu *s)
{
	if (s->vpid_gen != s->cpu->vpid_gen)
		s->flush = true;
}

void vmx_eptp_check(struct vmx_vcpu *s)
{
	u64 eptp = mmu_root_hpa(s->mmu).v | EPTP_WB | EPTP_LEVELS(mmu_hw.root_level);

	if (s->log && READ_ONCE(s->mmu->nr_logged))
		eptp |= EPTP_AD;
	if (!s->nested || s->eptp == eptp)
		return;
	s->eptp = eptp;
	s->flush = true;
	vmwrite(VMCS_EPTP, eptp);
}

/* Without VPIDs every entry flushes linear addresses. */
static void flush_linear(struct vmx_vcpu *s)
{
	if (!use_vpids())
		return;
	if (s->vpid_gen != s->cpu->vpid_gen)
		vpid_take(s->cpu, s);
	else if (has(VMX_HAS_INVVPID_CONTEXT))
		flush_vpid(INVVPID_CONTEXT, s->vpid, 0);
	else
		flush_vpid(INVVPID_ALL, 0, 0);
}

void vmx_tlb_flush(struct vmx_vcpu *s)
{
	flush_linear(s);
	if (s->ept)
		flush_ept(has(VMX_HAS_INVEPT_CONTEXT) ? INVEPT_CONTEXT : INVEPT_ALL, s->eptp);
	s->vpid_gen = s->cpu->vpid_gen;
	s->flush = false;
	mmu_flushed(&s->tag);
}

/* The guest's INVLPG takes any number, INVVPID only canonical addresses. Source: Intel SDM 3C
 * "INVVPID". */
void vmx_tlb_flush_gva(struct vmx_vcpu *s, gva_t gva)
{
	if (!use_vpids() || !has(VMX_HAS_INVVPID_ADDRESS) ||
	    !invvpid(INVVPID_ADDRESS, s->vpid, gva.v))
		flush_linear(s);
}
