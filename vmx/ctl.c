/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMCS of a vCPU: its life, and the controls, that is what exits. A VM needs nothing of its
 * own here; a vCPU one frame and a small record.
 *
 * The guest owns CR3, and CR0 and CR4 but for a few bits: under nested paging no write to them can
 * hurt anybody else. CD and NW of CR0 would stay set in the hypervisor, NE must be 1 in VMX
 * operation; of CR4 the bits exit that the guest's CPUID hides, VMXE among them, and MCE, without
 * which a machine check would end the host. CR8 exits, which spares a virtual APIC page: 64-bit
 * Linux never touches it. All ports exit, which needs no bitmap.
 */
#include <errno.h>
#include <string.h>

#include "arch/desc.h"
#include "arch/mem.h"
#include "arch/msr.h"
#include "arch/regs.h"
#include "arch/timer.h"
#include "vm/cpuid.h"
#include "vm/vm.h"
#include "vmx/backend.h"
#include "vmx/insn.h"

#define PLE_GAP    128  /* cycles between two PAUSEs that belong to one loop, and */
#define PLE_WINDOW 4096 /* cycles of such a loop before an exit */

static void *msr_bitmap;

/*
 * #MC is the host's. A guest can arrange that delivering #DB or #AC raises the same exception again
 * without end, inside one instruction that no interrupt ends (CVE-2015-5307, CVE-2015-8104).
 */
#define EXCEPTIONS (BIT32(EXC_DB) | BIT32(EXC_AC) | BIT32(EXC_MC))

/* Switched by VM-entry and VM-exit, or kept in the registers while the vCPU is loaded. */
static const u32 guest_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR,         MSR_LSTAR,
	MSR_CSTAR,   MSR_SFMASK,  MSR_SYSENTER_CS,    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};

/* Four bitmaps of 0x2000 MSRs: reads of low and high ones, writes of them.
 * Source: Intel SDM 3C "MSR-Bitmap Address". */
static void msr_pass(u8 *map, u32 msr)
{
	u32 byte = (msr & 0x1fff) / 8 + (msr >= 0xc0000000 ? 0x400 : 0);
	u8 keep = (u8) ~(1U << msr % 8);

	map[byte] &= keep;
	map[byte + 0x800] &= keep;
}

int vmx_ctl_init(void)
{
	msr_bitmap = frame_alloc();
	if (!msr_bitmap)
		return -ENOMEM;
	memset(msr_bitmap, 0xff, PAGE_SIZE);
	for (u32 i = 0; i < ARRAY_SIZE(guest_msrs); i++)
		msr_pass(msr_bitmap, guest_msrs[i]);
	return 0;
}

int vmx_vm_init(struct vm *vm)
{
	vm->backend = NULL;
	return 0;
}

void vmx_vm_fini(struct vm *vm)
{
	(void)vm;
}

static void free_memory(struct vmx_vcpu *s)
{
	if (s->vmcs)
		frame_free(s->vmcs);
	if (s->efer)
		frame_free(s->efer);
	if (s->log)
		frame_free(s->log);
	kfree(s, sizeof(*s));
}

int vmx_vcpu_init(struct vcpu *v)
{
	struct vmx_vcpu *s = kzalloc(sizeof(*s));
	bool efer_list = !vmx_switches_efer(&vmx_facts), logs = vmx_logs(&vmx_facts);

	if (!s)
		return -ENOMEM;
	s->vmcs = frame_alloc();
	s->efer = efer_list ? frame_alloc() : NULL;
	s->log = logs ? frame_alloc() : NULL;
	if (!s->vmcs || (efer_list && !s->efer) || (logs && !s->log)) {
		free_memory(s);
		return -ENOMEM;
	}
	if (s->efer)
		s->efer[0].index = s->efer[1].index = MSR_EFER;
	*(u32 *)s->vmcs = vmx_revision(&vmx_facts);
	/* No VMXON region has this address. */
	BUG_ON(!vmclear(ptr_hpa(s->vmcs)));
	s->mmu = &v->vm->mmu;
	v->backend = s;
	mmu_tag_register(s->mmu, &s->tag, v->cpu->idx);
	return 0;
}

void vmx_vcpu_fini(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);

	mmu_tag_unregister(s->mmu, &s->tag);
	free_memory(s);
	v->backend = NULL;
}

struct mmu_tag *vmx_tag(struct vcpu *v)
{
	return &vmx_of(v)->tag;
}

/* Of the hypervisor's state what is the same on all CPUs. */
static void setup_host(void)
{
	vmwrite(VMCS_HOST_CS_SEL, SEL_CODE);
	vmwrite(VMCS_HOST_SS_SEL, SEL_DATA);
	vmwrite(VMCS_HOST_DS_SEL, SEL_DATA);
	vmwrite(VMCS_HOST_ES_SEL, SEL_DATA);
	vmwrite(VMCS_HOST_FS_SEL, 0);
	vmwrite(VMCS_HOST_GS_SEL, 0);
	vmwrite(VMCS_HOST_TR_SEL, SEL_TSS);
	vmwrite(VMCS_HOST_FS_BASE, 0);
	vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_RIP, (u64)vmx_exit_point);
}

static void setup_controls(const struct vmx_vcpu *s)
{
	vmwrite(VMCS_PIN_CTL, vmx_ctl(&vmx_facts, VMX_PIN));
	vmwrite(VMCS_PROC_CTL, s->proc_ctl);
	vmwrite(VMCS_PROC2_CTL, s->proc2_ctl);
	vmwrite(VMCS_EXIT_CTL, vmx_ctl(&vmx_facts, VMX_EXIT));
	vmwrite(VMCS_ENTRY_CTL, vmx_ctl(&vmx_facts, VMX_ENTRY));
	vmwrite(VMCS_MSR_BITMAP, ptr_hpa(msr_bitmap).v);
	/* All page faults exit, or none, by the bitmap's bit alone. */
	vmwrite(VMCS_PF_ERROR_MASK, 0);
	vmwrite(VMCS_PF_ERROR_MATCH, 0);
	vmwrite(VMCS_CR3_TARGETS, 0);
	vmwrite(VMCS_EXIT_MSR_STORES, 0);
	vmwrite(VMCS_EXIT_MSR_LOADS, s->efer != NULL);
	vmwrite(VMCS_ENTRY_MSR_LOADS, s->efer != NULL);
	if (s->efer) {
		vmwrite(VMCS_ENTRY_MSR_LOAD, ptr_hpa(&s->efer[0]).v);
		vmwrite(VMCS_EXIT_MSR_LOAD, ptr_hpa(&s->efer[1]).v);
	}
	vmwrite(VMCS_ENTRY_EVENT, 0);
	vmwrite(VMCS_TSC_OFFSET, 0);
	vmwrite(VMCS_LINK_POINTER, VMCS_NO_LINK);
	vmwrite(VMCS_CR0_MASK, s->cr0_mask);
	vmwrite(VMCS_CR4_MASK, s->cr4_mask);
	if (s->proc2_ctl & PROC2_XSAVES)
		vmwrite(VMCS_XSS_EXITING, 0);
	if (s->proc2_ctl & PROC2_ENCLS)
		vmwrite(VMCS_ENCLS_EXITING, ~0ULL);
	if (vmx_has(&vmx_facts, VMX_HAS_PAUSE_LOOP)) {
		vmwrite(VMCS_PLE_GAP, PLE_GAP);
		vmwrite(VMCS_PLE_WINDOW, PLE_WINDOW);
	}
}

/*
 * QUIRK: Bochs does not notice an external interrupt that comes while the guest's IF has been 0
 * since VM-entry. The timer counts what the guest has run, in all its entries together where exits
 * save it, and then makes an exit at which interrupts are taken.
 */
void vmx_start_timer(void)
{
	if (vmx_has(&vmx_facts, VMX_HAS_PREEMPTION_TIMER))
		vmwrite(VMCS_PREEMPTION_TIMER, vmx_timer_ticks(&vmx_facts, tsc_khz));
}

void vmx_ctl_setup(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);

	s->proc_ctl = vmx_ctl(&vmx_facts, VMX_PROC);
	s->proc2_ctl = vmx_ctl(&vmx_facts, VMX_PROC2);
	s->nested = s->ept = vmx_nested(&vmx_facts);
	if (v->mmu) {
		/* What the guest must not do by itself while hardware runs on its shadow. */
		s->cr0_mask = s->cr4_mask = ~0ULL;
		s->proc_ctl |= PROC_CR3_LOAD | PROC_CR3_STORE | PROC_INVLPG;
		if (s->ept)
			mmu_shadow_unpaged_begin(&v->vm->mmu);
	} else {
		s->cr0_mask = CR0_NE | CR0_NW | CR0_CD;
		s->cr4_mask = ~v->vm->cpuid->caps.cr4_valid | CR4_MCE;
	}
	vmwrite(VMCS_EXCEPTION_BITMAP, EXCEPTIONS | (v->mmu ? BIT32(EXC_PF) : 0));
	setup_host();
	setup_controls(s);
	vmx_start_timer();
	vmx_pml_setup(s);
}

void vmx_proc_set(struct vmx_vcpu *s, u32 bits, bool on)
{
	u32 val = on ? s->proc_ctl | bits : s->proc_ctl & ~bits;

	if (val == s->proc_ctl)
		return;
	s->proc_ctl = val;
	vmwrite(VMCS_PROC_CTL, val);
}

static void proc2_set(struct vmx_vcpu *s, u32 bits, bool on)
{
	s->proc2_ctl = on ? s->proc2_ctl | bits : s->proc2_ctl & ~bits;
	vmwrite(VMCS_PROC2_CTL, s->proc2_ctl);
}

/* What the TLB holds of the other kind must not be used. */
void vmx_use_ept(struct vmx_vcpu *s, bool on)
{
	proc2_set(s, PROC2_EPT | PROC2_UNRESTRICTED | (s->log ? PROC2_PML : 0), on);
	s->ept = on;
	s->flush = true;
}

void vmx_pause_exits(struct vcpu *v, bool on)
{
	struct vmx_vcpu *s = vmx_of(v);

	if (s->pause_exits == on)
		return;
	s->pause_exits = on;
	if (vmx_has(&vmx_facts, VMX_HAS_PAUSE_LOOP))
		proc2_set(s, PROC2_PAUSE_LOOP, on);
	else
		vmx_proc_set(s, PROC_PAUSE, on);
}

void vmx_set_tsc_offset(struct vcpu *v, u64 offset)
{
	(void)v;
	vmwrite(VMCS_TSC_OFFSET, offset);
}
