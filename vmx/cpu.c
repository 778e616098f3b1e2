/* SPDX-License-Identifier: BSD-2-Clause */
/* One CPU enters VMX operation; one vCPU takes it. */
#include <errno.h>

#include "arch/cpufeat.h"
#include "arch/desc.h"
#include "arch/mem.h"
#include "arch/msr.h"
#include "arch/percpu.h"
#include "arch/regs.h"
#include "arch/x86.h"
#include "vm/predictor.h"
#include "vmx/backend.h"
#include "vmx/insn.h"
#include "vmx/mitigate/mitigate.h"
#include "vmx/tlb.h"

#define FC_LOCK BIT(0)
#define FC_VMX  BIT(2)

static const u32 kept_msrs[KEPT_NR] = {
	[KEPT_STAR] = MSR_STAR,
	[KEPT_LSTAR] = MSR_LSTAR,
	[KEPT_CSTAR] = MSR_CSTAR,
	[KEPT_SFMASK] = MSR_SFMASK,
	[KEPT_KERNEL_GS_BASE] = MSR_KERNEL_GS_BASE,
};

/* The memory stays with the CPU for good: it enters again after cpu_disable(). */
static struct vmx_cpu *cpu_state(struct cpu *cpu)
{
	struct vmx_cpu *c = cpu->backend;

	if (c)
		return c;
	c = kzalloc(sizeof(*c));
	if (!c)
		return NULL;
	c->vmxon = frame_alloc();
	if (!c->vmxon) {
		kfree(c, sizeof(*c));
		return NULL;
	}
	cpu->backend = c;
	return c;
}

static bool fits(u64 val, u64 fixed0, u64 fixed1)
{
	return (val & fixed0) == fixed0 && !(val & ~fixed1);
}

int vmx_cpu_enable(void)
{
	struct vmx_cpu *c = cpu_state(this_cpu());
	u64 fc = rdmsr(MSR_FEATURE_CONTROL);

	if (!c)
		return -ENOMEM;
	if (!(fc & FC_LOCK))
		wrmsr(MSR_FEATURE_CONTROL, fc | FC_LOCK | FC_VMX);
	else if (!(fc & FC_VMX))
		return -EPERM; /* firmware has forgotten this CPU: vmx_judge() has seen the first */
	write_cr4(read_cr4() | CR4_VMXE);
	if (!fits(read_cr0(), vmx_facts.cr0_fixed0, vmx_facts.cr0_fixed1) ||
	    !fits(read_cr4(), vmx_facts.cr4_fixed0, vmx_facts.cr4_fixed1))
		return -ENOSYS;
	*(u32 *)c->vmxon = vmx_revision(&vmx_facts);
	if (!vmxon(ptr_hpa(c->vmxon)))
		return -EIO;
	vmx_vpid_init(c);
	c->last_vm = 0;
	return 0;
}

void vmx_cpu_disable(void)
{
	vmxoff();
	write_cr4(read_cr4() & ~CR4_VMXE);
}

/* What every exit loads: the state in which the hypervisor runs on this CPU. */
static void host_state(const struct vmx_vcpu *s)
{
	struct desc_tables t;

	desc_tables(&t);
	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR3, read_cr3());
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_GS_BASE, (u64)this_cpu());
	vmwrite(VMCS_HOST_TR_BASE, t.tss);
	vmwrite(VMCS_HOST_GDTR_BASE, t.gdt);
	vmwrite(VMCS_HOST_IDTR_BASE, t.idt);
	if (s->efer) {
		s->efer[1].value = rdmsr(MSR_EFER);
		return;
	}
	vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmwrite(VMCS_HOST_PAT, rdmsr(MSR_PAT));
}

static void kept_load(const struct vmx_vcpu *s)
{
	for (u32 i = 0; i < KEPT_NR; i++)
		wrmsr(kept_msrs[i], s->kept[i]);
	write_cr2(s->cr2);
}

static void kept_save(struct vmx_vcpu *s)
{
	for (u32 i = 0; i < KEPT_NR; i++)
		s->kept[i] = rdmsr(kept_msrs[i]);
	s->cr2 = read_cr2();
}

u32 vmx_kept_msr(enum vmx_kept i)
{
	return kept_msrs[i];
}

static void make_current(struct vcpu *v, struct vmx_vcpu *s)
{
	/* It was cleared by vmx_vcpu_init() or vmx_unload(), and its revision is the CPU's. */
	BUG_ON(!vmptrld(ptr_hpa(s->vmcs)));
	if (!s->set_up)
		vmx_ctl_setup(v);
	s->set_up = true;
}

void vmx_load(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);
	struct vmx_cpu *c = this_cpu()->backend;

	make_current(v, s);
	if (s->cpu != c) {
		s->cpu = c;
		s->vpid_gen = 0; /* the number means nothing here, not even after A, B, A */
		mmu_tag_fresh(&s->tag, this_cpu()->idx);
		host_state(s);
	}
	vmx_vpid_check(s);
	vmx_eptp_check(s);
	if (predictor_barrier(&c->last_vm, v->vm))
		mitigate_flush_l1d();
	kept_load(s);
	if (vmread(VMCS_GUEST_DR7) & DR7_ENABLED)
		vmx_dr_own(v);
}

/* Another CPU may load the vCPU next, so nothing of its VMCS stays in this one. */
void vmx_unload(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);

	vmx_dr_disown(v);
	kept_save(s);
	BUG_ON(!vmclear(ptr_hpa(s->vmcs)));
	s->launched = false;
}
