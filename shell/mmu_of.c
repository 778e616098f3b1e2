/* SPDX-License-Identifier: BSD-2-Clause */
#include "shell/mmu_of.h"

#include "mmu/shadow/ctx.h"
#include "vm/vm.h"

struct mmu_vm *mmu_of(struct vm *vm)
{
	return &vm->mmu;
}

/* The list has the newest first. */
struct mmu_ctx *mmu_ctx_of(struct vcpu *v)
{
	struct mmu_ctx *c = v->vm->mmu.shadow.ctxs;

	for (u32 i = v->id + 1; c && i < v->vm->nr_vcpus; i++)
		c = c->next;
	return c;
}
