/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DR0..DR3 are not in the VMCB. Every access exits until the first; then the guest gets the
 * registers, and nothing exits until another vCPU takes the CPU. DR6 and DR7 are in the VMCB, and
 * #VMEXIT disables all breakpoints, so the guest's addresses do not hurt the hypervisor.
 */
#include "arch/x86.h"
#include "svm/backend.h"

static void dr_intercept(struct svm_vcpu *s, u16 mask)
{
	s->vmcb->ctl.dr_read = s->vmcb->ctl.dr_write = mask;
	vmcb_dirty(s->vmcb, CLEAN_INTERCEPTS);
}

void svm_dr_own(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);

	if (s->dr_owned)
		return;
	write_dr0_3(v->dr);
	dr_intercept(s, 0);
	s->dr_owned = true;
}

void svm_dr_disown(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);

	if (!s->dr_owned)
		return;
	read_dr0_3(v->dr);
	dr_intercept(s, 0xffff);
	s->dr_owned = false;
}
