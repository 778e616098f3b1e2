/* SPDX-License-Identifier: BSD-2-Clause */
/* The part of mmu walk that is about shadow paging. */
#pragma once

#include "lib/out.h"
#include "lib/types.h"

#include "mmu/walk.h"
#include "shell/mmu_probe.h"

/* What a walk ended with. */
struct verdict {
	const char *word; /* "allow", "deny", "mmio", "hole", "emulate", "fault" */
	const char *reason;
	u64 gva, gpa, hpa;
};

/*
 * A row for each level, the guest's entry and the shadow's side by side: the guest's as w has them,
 * the shadow's below the root at this address (none if it is gone), copied to *p.
 */
void walk_shadow(struct out *o, struct mmu_vm *m, hpa_t root, gva_t gva, const struct mmu_walk *w,
		 struct mmu_path *p);
/* What the access, which the guest's tables allow, comes to with this shadow. v->gpa is set. */
void walk_shadow_judge(struct mmu_vm *m, const struct mmu_path *p, u32 access, struct verdict *v);
