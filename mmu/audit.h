/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Audit: checks the invariants of a VM's MMU, on a running system in slices or at once after a test.
 * Numbers are those of docs/mmu.md "Invariants".
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct mmu_vm;

struct mmu_audit {
	u32 errors;
	u32 tables;  /* checked */
	u32 entries; /* checked */
	/* The first error: */
	const char *inv;  /* "I2" */
	const char *text; /* what is wrong */
	gfn_t gfn;
	u32 level; /* 0 = not about an entry */
	u64 spte;
	/* The rest is audit.c's. */
	u32 next;
};

void mmu_audit_begin(struct mmu_audit *a);
/*
 * Checks up to max pool pages of this VM and returns true when all are done; the last step checks the
 * books as a whole. Takes the VM's lock.
 */
bool mmu_audit_step(struct mmu_vm *m, struct mmu_audit *a, u32 max);
