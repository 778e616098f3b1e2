/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control half of the VMCB: what exits, and the bitmaps that all VMs share. A VM needs nothing
 * of its own here; a vCPU one frame and a small record.
 *
 * The guest owns CR0, CR3 and CR4: under nested paging no write to them can hurt anybody else.
 * CR0.CD makes the guest's own accesses slow. CR4 exits if the CPU has a bit that the guest's CPUID
 * hides; Linux seldom writes it. CR8 exits, which spares copying V_TPR at every exit: 64-bit Linux
 * never touches it.
 */
#include <errno.h>
#include <string.h>

#include "arch/mem.h"
#include "arch/msr.h"
#include "arch/regs.h"
#include "svm/backend.h"
#include "vm/cpuid.h"
#include "vm/vm.h"

#define IOPM_FRAMES  3 /* 65536 ports, and the bytes behind for a wide access to the last */
#define MSRPM_FRAMES 2

#define PAUSE_COUNT     3000 /* PAUSEs before an exit, and */
#define PAUSE_THRESHOLD 128  /* cycles between two that belong to one loop */

static void *iopm, *msrpm;

static const u8 intercepts[] = {
	ICPT_INTR,    ICPT_NMI,
	ICPT_SMI,     ICPT_INIT,
	ICPT_RDPMC,   ICPT_CPUID,
	ICPT_INVD,    ICPT_HLT,
	ICPT_INVLPGA, ICPT_IOIO,
	ICPT_MSR,     ICPT_SHUTDOWN,
	ICPT_VMRUN,   ICPT_VMMCALL,
	ICPT_VMLOAD,  ICPT_VMSAVE,
	ICPT_STGI,    ICPT_CLGI,
	ICPT_SKINIT,  ICPT_WBINVD,
	ICPT_MONITOR, ICPT_MWAIT,
	ICPT_XSETBV,  ICPT_RDPRU,
	ICPT_INVLPGB, ICPT_INVLPGB_ILLEGAL,
	ICPT_MCOMMIT, ICPT_TLBSYNC,
};

/*
 * #MC is the host's. A guest can arrange that delivering #DB or #AC raises the same exception again
 * without end, inside one instruction that no interrupt ends (CVE-2015-5307, CVE-2015-8104).
 */
#define EXCEPTIONS (BIT32(EXC_DB) | BIT32(EXC_AC) | BIT32(EXC_MC))

/*
 * Held by the VMCB and switched by VMRUN, VMLOAD and VMSAVE. PAT is too, but QEMU TCG forgets it.
 */
static const u32 guest_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR,         MSR_LSTAR,
	MSR_CSTAR,   MSR_SFMASK,  MSR_SYSENTER_CS,    MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};

/* Two bits per MSR, three ranges of 0x2000. Source: AMD APM 2 "MSR Intercepts". */
static void msr_pass(u8 *map, u32 msr)
{
	u32 range = msr < 0x2000 ? 0 : msr < 0xc0010000 ? 1 : 2;
	u32 bit = (range * 0x2000 + (msr & 0x1fff)) * 2;

	map[bit / 8] &= (u8) ~(3U << bit % 8);
}

int svm_ctl_init(void)
{
	iopm = frames_alloc(IOPM_FRAMES, 1, 0);
	msrpm = frames_alloc(MSRPM_FRAMES, 1, 0);
	if (!iopm || !msrpm)
		return -ENOMEM;
	memset(iopm, 0xff, IOPM_FRAMES * PAGE_SIZE);
	memset(msrpm, 0xff, MSRPM_FRAMES * PAGE_SIZE);
	for (u32 i = 0; i < ARRAY_SIZE(guest_msrs); i++)
		msr_pass(msrpm, guest_msrs[i]);
	return 0;
}

int svm_vm_init(struct vm *vm)
{
	vm->backend = NULL;
	return 0;
}

void svm_vm_fini(struct vm *vm)
{
	(void)vm;
}

/* On QEMU TCG also for hide_lme(). */
static bool cr4_exits(const struct vm *vm)
{
	return svm_facts.is_tcg || svm_host_cr4() & ~vm->cpuid->caps.cr4_valid;
}

static void ctl_setup(struct vmcb *b)
{
	for (u32 i = 0; i < ARRAY_SIZE(intercepts); i++)
		vmcb_intercept_set(b, intercepts[i], true);
	b->ctl.cr_read = b->ctl.cr_write = BIT32(8);
	b->ctl.dr_read = b->ctl.dr_write = 0xffff;
	b->ctl.exceptions = EXCEPTIONS;
	b->ctl.iopm = ptr_hpa(iopm).v;
	b->ctl.msrpm = ptr_hpa(msrpm).v;
	b->ctl.int_ctl = INT_CTL_V_INTR_MASKING;
	b->ctl.nested_ctl = NESTED_CTL_NP;
	if (svm_has(SVM_PAUSE_FILTER))
		b->ctl.pause_count = PAUSE_COUNT;
	if (svm_has(SVM_PAUSE_THRESHOLD))
		b->ctl.pause_threshold = PAUSE_THRESHOLD;
}

/* What the guest must not do by itself while hardware runs on its shadow. */
static void shadow_setup(struct vmcb *b)
{
	b->ctl.nested_ctl = 0;
	b->ctl.cr_read |= BIT32(0) | BIT32(3) | BIT32(4);
	b->ctl.cr_write |= BIT32(0) | BIT32(3) | BIT32(4);
	b->ctl.exceptions |= BIT32(EXC_PF);
	vmcb_intercept_set(b, ICPT_INVLPG, true);
	vmcb_intercept_set(b, ICPT_INVPCID, true);
	vmcb_intercept_set(b, ICPT_TASK_SWITCH, true);
	vmcb_intercept_set(b, ICPT_LTR, svm_facts.is_tcg);
}

int svm_vcpu_init(struct vcpu *v)
{
	struct svm_vcpu *s = kzalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->vmcb = frame_alloc();
	if (!s->vmcb) {
		kfree(s, sizeof(*s));
		return -ENOMEM;
	}
	s->vmcb_hpa = ptr_hpa(s->vmcb).v;
	s->mmu = &v->vm->mmu;
	s->busy = svm_facts.is_bochs ? BUSY_POLL : 0;
	ctl_setup(s->vmcb);
	if (v->vm->mmu.shadow.on)
		shadow_setup(s->vmcb);
	if (cr4_exits(v->vm))
		s->vmcb->ctl.cr_write |= BIT32(4);
	v->backend = s;
	mmu_tag_register(s->mmu, &s->tag, v->cpu->idx);
	return 0;
}

void svm_vcpu_fini(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);

	mmu_tag_unregister(s->mmu, &s->tag);
	frame_free(s->vmcb);
	kfree(s, sizeof(*s));
	v->backend = NULL;
}

struct mmu_tag *svm_tag(struct vcpu *v)
{
	return &svm_of(v)->tag;
}

void svm_pause_exits(struct vcpu *v, bool on)
{
	struct svm_vcpu *s = svm_of(v);

	if (s->pause_exits == on)
		return;
	s->pause_exits = on;
	vmcb_intercept_set(s->vmcb, ICPT_PAUSE, on);
	vmcb_dirty(s->vmcb, CLEAN_INTERCEPTS);
}

void svm_set_tsc_offset(struct vcpu *v, u64 offset)
{
	struct vmcb *b = vmcb_of(v);

	b->ctl.tsc_offset = offset;
	vmcb_dirty(b, CLEAN_INTERCEPTS);
}
