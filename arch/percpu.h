/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-CPU data: one struct cpu for each physical CPU, reached through GS. */
#pragma once

#include "lib/list.h"
#include "lib/types.h"

#define MAX_CPUS 64

struct thread;
struct vcpu;

/* Requests from other CPUs, set with cpu_request() and served by the IPI handler or at exit. */
#define CPU_REQ_RESCHED BIT32(0) /* look at the run queue again */
#define CPU_REQ_KICK    BIT32(1) /* nothing but the exit itself */
#define CPU_REQ_STOP    BIT32(2) /* panic: stop for good */
#define CPU_REQ_TIMER   BIT32(3) /* the timer queue's head changed */

struct cpu {
	struct cpu *self; /* must be first: this_cpu() reads gs:0 */
	u32 idx;          /* 0 = boot CPU */
	u32 apic_id;
	u32 requests;   /* CPU_REQ_*, atomic */
	u32 locks_held; /* DEBUG: ranks */
	struct thread *current;
	struct thread *idle;
	struct vcpu *vcpu;      /* whose state is loaded on this CPU (maybe not running now) */
	struct vcpu *fpu_owner; /* whose FP/SIMD state is in the registers */
	u32 in_guest;           /* 1 between publishing IN_GUEST and OUT (mmu/tlb.h) */
	u32 runnable;           /* threads ready or running, idle not counted */
	u64 slice_end;          /* TSC; 0 = no other thread waits */
	u64 irqs;               /* host interrupts taken */
	struct list run_queue;  /* under sched lock */
	void *sched;            /* arch/thread.c */
	void *timers;           /* arch/timer.c */
	void *backend;          /* svm/ or vmx/: this CPU's state */
	void *desc;             /* arch/desc.c */
	bool online;
};

extern struct cpu *cpus[MAX_CPUS];
extern u32 nr_cpus; /* online */

static __always_inline struct cpu *this_cpu(void)
{
	struct cpu *c;

	__asm__("movq %%gs:0, %0" : "=r"(c));
	return c;
}

#define for_each_cpu(i) for (u32 i = 0; i < nr_cpus; i++)

/* Sets request bits on CPU c and sends it the request IPI unless it is this one. */
void cpu_request(struct cpu *c, u32 bits);
/* The interrupt of cpu_request(), once more. */
void cpu_interrupt(struct cpu *c);
/* QUIRK of some CPU: an interrupt may leave it in guest mode, so an NMI has to go with it. */
extern bool cpu_needs_nmi;
