/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/dirty.h"

#include "mmu/mmu.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

static void sync_one(struct vcpu *v, void *arg)
{
	(void)arg;
	hv->dirty_sync(v);
}

void vm_dirty_sync(struct vm *vm)
{
	for_each_vcpu(v, vm)
		vcpu_call(v, sync_one, NULL);
}

static int switch_slots(struct vm *vm, bool on)
{
	const struct slot *s;
	int rc = 0;

	for (u32 i = 0; rc == 0 && (s = mmu_slot_nth(&vm->mmu, i)); i++)
		if (s->kind == SLOT_RAM && s->dirty_log != on)
			rc = on ? mmu_dirty_start(&vm->mmu, s->gfn)
				: mmu_dirty_stop(&vm->mmu, s->gfn);
	return rc;
}

int vm_dirty_log(struct vm *vm, bool on)
{
	int rc = switch_slots(vm, on);

	if (rc && on)
		BUG_ON(switch_slots(vm, false)); /* takes no memory */
	vm_dirty_sync(vm);
	return rc;
}
