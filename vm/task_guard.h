/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QUIRK: QEMU TCG switches tasks without asking for the intercept. Under shadow paging that puts
 * the guest's CR3 into the real one. But before it changes anything it writes to the first byte of
 * the old TSS, which nothing else does at that address but a plain store. So outside long mode the
 * page of the current TSS is write-tracked, and the page fault stands in for the exit.
 *
 * What it does not catch: a task switch after the guest has mapped its TSS elsewhere without a
 * write to a control register, and one out of a task whose TR was never loaded.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "arch/regs.h"

struct vcpu;

struct task_guard {
	bool needed;
	bool on;
	u32 linear; /* of the TSS */
	gfn_t gfn;  /* tracked */
};

/* TR, a control register or EFER has changed. Own thread. */
void task_guard_update(struct vcpu *v);

/* A write to a control register need not tell the guard unless this holds. Hot. */
static __always_inline bool task_guard_stale(const struct task_guard *g, u64 efer)
{
	return g->needed && (g->on || !(efer & EFER_LMA));
}

/* The fault in v->exit.pf is at guard.linear. True: it is a task switch, and v->exit.task says
 * which. */
bool task_guard_hit(struct vcpu *v);
/* The guest may write to gpa until the next update. False: it is not this guard that forbids it. */
bool task_guard_lift(struct vcpu *v, gpa_t gpa);
