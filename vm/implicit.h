/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses that a CPU makes by itself, to descriptor tables and task state: always as the
 * supervisor. Translated first and made later, so that nothing has changed if one of them faults.
 * Own thread only.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/walk.h"

struct vcpu;

/* A range of linear memory in at most two pages. */
struct implicit {
	u32 size, first; /* bytes; those in the first page */
	gpa_t page[2];
};

/* linear: cut off at 4 GiB outside long mode. size is at most a page, access MMU_R or MMU_W. False:
 * the page fault was queued. */
bool implicit_map(struct vcpu *v, const struct mmu_regs *regs, u64 linear, u32 size, u32 access,
		  struct implicit *m);

/* size bytes at offset off of the range. False: they are not RAM, and the VM was killed. */
bool implicit_read(struct vcpu *v, const struct implicit *m, u32 off, void *buf, u32 size);
bool implicit_write(struct vcpu *v, const struct implicit *m, u32 off, const void *buf, u32 size);
