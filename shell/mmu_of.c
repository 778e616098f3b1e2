/* SPDX-License-Identifier: BSD-2-Clause */
#include "shell/mmu_of.h"

#include "vm/vm.h"

struct mmu_vm *mmu_of(struct vm *vm)
{
	return &vm->mmu;
}

struct mmu_ctx *mmu_ctx_of(struct vcpu *v)
{
	return v->mmu;
}
