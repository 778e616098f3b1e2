/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DR0..DR3 and DR6 are not in the VMCS. Every access exits until the first; then the guest gets the
 * registers, and nothing exits until another vCPU takes the CPU. DR7 is in the VMCS, and a VM-exit
 * disables all breakpoints, so the guest's addresses do not hurt the hypervisor.
 */
#include "arch/x86.h"
#include "vmx/backend.h"
#include "vmx/insn.h"

void vmx_dr_own(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);

	if (s->dr_owned)
		return;
	write_dr0_3(v->dr);
	write_dr6(s->dr6);
	vmx_proc_set(s, PROC_MOV_DR, false);
	s->dr_owned = true;
}

void vmx_dr_disown(struct vcpu *v)
{
	struct vmx_vcpu *s = vmx_of(v);

	if (!s->dr_owned)
		return;
	read_dr0_3(v->dr);
	s->dr6 = read_dr6();
	vmx_proc_set(s, PROC_MOV_DR, true);
	s->dr_owned = false;
}

u64 vmx_get_dr6(const struct vcpu *v)
{
	return vmx_of(v)->dr_owned ? read_dr6() : vmx_of(v)->dr6;
}

void vmx_set_dr6(struct vcpu *v, u64 val)
{
	vmx_of(v)->dr6 = val;
	if (vmx_of(v)->dr_owned)
		write_dr6(val);
}
