/* SPDX-License-Identifier: BSD-2-Clause */
/* The RDMSR and WRMSR instructions. */
#include <errno.h>

#include "arch/regs.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/msr.h"
#include "vm/vm.h"

/* True the first time that this MSR is asked for; no more once the list is full. */
static bool first_time(struct vm *vm, u32 msr)
{
	for (u32 i = 0; i < vm->nr_msr_seen; i++) {
		if (vm->msr_seen[i] == msr)
			return false;
	}
	if (vm->nr_msr_seen == VM_MSR_SEEN)
		return false;
	vm->msr_seen[vm->nr_msr_seen++] = msr;
	return true;
}

/* What the machine's configuration says about MSRs without a policy: 0 or -EINVAL. */
static __noinline int unknown_msr(struct vcpu *v, u32 msr, const char *what, u64 val)
{
	struct vm *vm = v->vm;
	bool ignore = vm->cfg.ignore_msrs, log;

	spin_lock(&vm->chipset_lock);
	log = first_time(vm, msr);
	spin_unlock(&vm->chipset_lock);
	if (log)
		vm_log(vm, "%s of unknown MSR %x (%llx): %s", what, msr, (unsigned long long)val,
		       ignore ? "ignored" : "#GP");
	return ignore ? 0 : -EINVAL;
}

void exit_rdmsr(struct vcpu *v)
{
	u32 msr = (u32)v->regs.gpr[R_CX];
	u64 val = 0;
	u8 len = fetch_insn_len(v, OP_RDMSR);
	int ret;

	if (unlikely(!len))
		return;
	ret = msr_read(v, msr, &val);
	if (ret == -ENOENT)
		ret = unknown_msr(v, msr, "read", 0);
	if (unlikely(ret)) {
		vcpu_inject_gp(v);
		return;
	}
	v->regs.gpr[R_AX] = (u32)val;
	v->regs.gpr[R_DX] = val >> 32;
	vcpu_skip(v, len);
}

void exit_wrmsr(struct vcpu *v)
{
	u32 msr = (u32)v->regs.gpr[R_CX];
	u64 val = v->regs.gpr[R_DX] << 32 | (u32)v->regs.gpr[R_AX];
	u8 len = fetch_insn_len(v, OP_WRMSR);
	int ret;

	if (unlikely(!len))
		return;
	ret = msr_write(v, msr, val);
	if (ret == -ENOENT)
		ret = unknown_msr(v, msr, "write", val);
	if (unlikely(ret))
		vcpu_inject_gp(v);
	else
		vcpu_skip(v, len);
}
