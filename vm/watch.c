/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/watch.h"

#include <errno.h>
#include <stdio.h>

#include "lib/log.h"
#include "lib/trace.h"

#include "arch/x86.h"
#include "mmu/mmu.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

void watch_init(struct vm *vm)
{
	spin_init(&vm->watches.lock, RANK_WATCH);
}

u32 watch_catches(const struct vm *vm, u32 right)
{
	if (right != MMU_R)
		return right;
	return MMU_R | MMU_W | (mmu_exec_only(&vm->mmu) ? 0 : MMU_X);
}

static struct watch *find(struct vm *vm, gfn_t gfn)
{
	struct watch *all = vm->watches.watch;

	for (u32 i = 0; i < VM_MAX_WATCHES; i++)
		if (all[i].state == WATCH_ARMED && all[i].gfn.v == gfn.v)
			return &all[i];
	return NULL;
}

/* A place that was never used, or the one whose hit says the least: of the same frame, or any. */
static struct watch *place(struct vm *vm, gfn_t gfn)
{
	struct watch *all = vm->watches.watch, *best = NULL;

	for (u32 i = 0; i < VM_MAX_WATCHES; i++) {
		if (all[i].state == WATCH_HIT && all[i].gfn.v == gfn.v)
			return &all[i];
		if (all[i].state != WATCH_ARMED && (!best || all[i].state < best->state))
			best = &all[i];
	}
	return best;
}

static int add_locked(struct vm *vm, gfn_t gfn, u32 right)
{
	struct watch *w = place(vm, gfn);
	int rc;

	if (find(vm, gfn))
		return -EEXIST;
	if (!w)
		return -ENOSPC;
	rc = mmu_track_add(&vm->mmu, gfn, right);
	if (rc == 0)
		*w = (struct watch){ .gfn = gfn, .right = right, .state = WATCH_ARMED };
	return rc;
}

int watch_add(struct vm *vm, gfn_t gfn, u32 right)
{
	int rc;

	spin_lock(&vm->watches.lock);
	rc = add_locked(vm, gfn, right);
	spin_unlock(&vm->watches.lock);
	return rc;
}

static void lift(struct vm *vm, struct watch *w, enum watch_state state)
{
	w->state = state;
	mmu_track_remove(&vm->mmu, w->gfn, w->right);
}

int watch_remove(struct vm *vm, gfn_t gfn)
{
	struct watch *w;

	spin_lock(&vm->watches.lock);
	w = find(vm, gfn);
	if (w)
		lift(vm, w, WATCH_NONE);
	spin_unlock(&vm->watches.lock);
	return w ? 0 : -ENOENT;
}

struct watch watch_get(struct vm *vm, u32 i)
{
	struct watch w;

	spin_lock(&vm->watches.lock);
	w = vm->watches.watch[i];
	spin_unlock(&vm->watches.lock);
	return w;
}

/* --- hits ------------------------------------------------------------------------------------- */

static void tell(struct vcpu *v, const struct watch *w)
{
	const char *what = w->walk              ? "walked page tables in"
			   : w->access == MMU_X ? "executed"
			   : w->access == MMU_W ? "wrote to"
						: "read";
	char at[40] = "";

	if (w->has_gva)
		snprintf(at, sizeof(at), " at linear %llx", (unsigned long long)w->gva.v);
	trace_vm_event(v->vm->id, WATCH, rdtsc(), v->id, w->gpa.v, what);
	pr_info("vm %s: watch: vCPU %u %s gpa %llx%s, RIP %llx", v->vm->cfg.name, v->id, what,
		(unsigned long long)w->gpa.v, at, (unsigned long long)w->rip);
}

/* Under the lock. The watch that catches the access, lifted; or NULL. */
static struct watch *spring(struct vcpu *v, gpa_t gpa, u32 access, bool walk)
{
	struct watch *w = find(v->vm, gpa_to_gfn(gpa));

	if (!w || !(watch_catches(v->vm, w->right) & access))
		return NULL;
	w->vcpu = v->id;
	w->access = access & (MMU_R | MMU_W | MMU_X);
	w->walk = walk;
	w->gpa = gpa;
	w->rip = v->regs.rip;
	w->gva = v->exit.pf.gva;
	w->has_gva = v->exit.reason == EXIT_PF || hv->fault_gva(v, &w->gva);
	lift(v->vm, w, WATCH_HIT);
	return w;
}

bool watch_hit(struct vcpu *v, gpa_t gpa, u32 access, bool walk)
{
	struct watches *all = &v->vm->watches;
	const struct watch *w;
	struct watch hit;
	u32 withheld;

	spin_lock(&all->lock);
	w = spring(v, gpa, access, walk);
	if (w)
		hit = *w;
	withheld = mmu_tracked(&v->vm->mmu, gpa_to_gfn(gpa));
	spin_unlock(&all->lock);
	if (w)
		tell(v, &hit);
	return w || !(withheld & (access | MMU_R));
}
