/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page-modification log: the CPU notes each frame whose EPT leaf gets its dirty bit, from the
 * last entry of a page up to the first; then it exits. It does that only while the EPTP turns on
 * accessed and dirty bits, with which the guest's page tables count as written when they are
 * walked. So they are on only while a dirty log is.
 * Source: Intel SDM 3C "Page-Modification Logging", "Accessed and Dirty Flags for EPT".
 */
#include "arch/mem.h"
#include "mmu/mmu.h"
#include "vmx/backend.h"
#include "vmx/insn.h"
#include "vmx/tlb.h"

#define LAST (PAGE_SIZE / sizeof(u64) - 1)

void vmx_pml_setup(const struct vmx_vcpu *s)
{
	if (!s->log)
		return;
	vmwrite(VMCS_PML_ADDRESS, ptr_hpa(s->log).v);
	vmwrite(VMCS_PML_INDEX, LAST);
}

void vmx_pml_drain(const struct vmx_vcpu *s)
{
	u64 next;

	if (!s->log)
		return;
	next = vmread(VMCS_PML_INDEX);
	if (next == LAST)
		return;
	/* Below entry 0 comes 0xffff: all are used. */
	for (u64 i = next > LAST ? 0 : next + 1; i <= LAST; i++)
		mmu_wrote(s->mmu, GPA(s->log[i]), 1);
	vmwrite(VMCS_PML_INDEX, LAST);
}

void vmx_dirty_sync(struct vcpu *v)
{
	vmx_pml_drain(vmx_of(v));
	vmx_eptp_check(vmx_of(v));
}
