/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands about shadow paging share: whom they speak of, where, and how much of it. */
#pragma once

#include "lib/out.h"
#include "lib/types.h"

#include "shell/mmu_view.h"

struct vm;
struct vcpu;

/* Under shadow paging; NULL after a sentence in o. */
struct vm *shadow_vm(struct out *o, const char *name);
struct vcpu *shadow_vcpu(struct out *o, const char *name);
/* A copy of the vCPU's context, made on its own thread. */
void shadow_view(struct vcpu *v, struct mmu_ctx_view *view);

/* A linear address that leads to entry idx of page x, which view is a copy of; view is lost.
 * False: none was found, the page is on no way from a root. */
bool shadow_gva(struct mmu_vm *m, spx_t x, u32 idx, struct mmu_page_view *view, u64 *gva);
/* Bits of a linear address above those that a table of this root translates repeat the highest. */
u64 shadow_canonical(u64 gva, u32 levels);

/* Arguments that any of the commands may end with. */
struct page_args {
	u64 from;  /* from=N: begin there */
	u64 lines; /* lines=N: show that many rows */
};

#define SHADOW_LINES 100

/*
 * True if word is one of these, or has a mistake (then *bad is set and o has a sentence).
 */
bool page_arg(struct out *o, const char *word, struct page_args *a, bool *bad);
