/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hardware task switch in progress: between vm/task_switch.c, which leaves the old task, and
 * vm/task_load.c, which enters the new one.
 */
#pragma once

#include "lib/types.h"

#include "mmu/walk.h"
#include "vm/hv_ops.h"

struct vcpu;

#define TSS_SIZE       104
#define DESC_TYPE_BYTE 5 /* of a descriptor: type, S, DPL, P */

/* Where a TSS of 16 or 32 bits has its fields; 0: it has none. Source: Intel SDM 3A "Task-State
 * Segment (TSS)", "16-Bit Task-State Segment (TSS)". */
struct tss_layout {
	u8 size, word; /* bytes; of a register */
	u8 cr3, eip, eflags, gpr, seg, nr_seg, ldt, trap;
};

struct task {
	struct vcpu *v;
	struct mmu_regs regs;
	u32 ext;                         /* error codes say: while delivering an event */
	const struct tss_layout *layout; /* of the new TSS, */
	u8 image[TSS_SIZE];              /* and its contents */
	struct segment tr;               /* as it will be */
	bool nested;                     /* the new task has a link to the old one */
};

/* The word at offset off of the new TSS. */
u32 task_word(const struct task *t, u32 off);
/* Queues the fault; false. */
bool task_fault(struct task *t, u8 vector, u16 selector);

/*
 * Loads the state of the new task. False: a fault was queued. It belongs to the new task, of which
 * all is loaded then but the hidden parts of segment registers.
 */
bool task_load(struct task *t);
