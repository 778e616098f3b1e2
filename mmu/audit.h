/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Audit: checks the invariants of a VM's MMU, on a running system in slices or at once after a
 * test. Numbers are those of docs/mmu.md "Invariants".
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct mmu_ctx;
struct mmu_vm;

struct mmu_audit_error {
	const char *inv;  /* "I2" */
	const char *text; /* what is wrong */
	u32 level;        /* of the entry; 0 = not about an entry */
	gfn_t gfn;        /* first frame it covers */
	u64 spte;
};

#define MMU_AUDIT_KEEP 8

struct mmu_audit {
	u32 errors;                                 /* all */
	u32 tables;                                 /* checked */
	u32 entries;                                /* checked */
	struct mmu_audit_error err[MMU_AUDIT_KEEP]; /* the first ones */
	u32 next;                                   /* audit.c's: the pool page to go on with */
	/* Set it if somebody writes guest tables without a report: I18 is left out then. */
	bool untrapped;
	/* Set it while vCPUs run: I24 and I26 are left to mmu_audit_ctx(). */
	bool live;
};

void mmu_audit_begin(struct mmu_audit *a);
/* Checks up to max pool pages of this VM and returns true when all are done; the last step checks
 * the books as a whole. Takes the VM's lock. */
bool mmu_audit_step(struct mmu_vm *m, struct mmu_audit *a, u32 max);
/* One context, on its own CPU: a register write has an end then. Takes the VM's lock. */
void mmu_audit_ctx(const struct mmu_ctx *c, struct mmu_audit *a);
