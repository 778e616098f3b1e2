/* SPDX-License-Identifier: BSD-2-Clause */
/* Reporting, for the files of the audit, and the part of it that is about shadow paging. */
#pragma once

#include "mmu/audit.h"
#include "mmu/pool.h"
#include "mmu/slot.h"
#include "mmu/vm.h"

void audit_bad(struct mmu_audit *a, const char *inv, const char *text);
/* About entry idx of table x. */
void audit_bad_entry(struct mmu_audit *a, const char *inv, const char *text, spx_t x, u32 idx);

/* Pool pages that a per-frame array holds. */
u32 audit_farray_pages(const struct farray *f);

/* One live shadow page. Under mmu_vm.lock, as all of these. */
void audit_shadow_page(struct mmu_vm *m, struct mmu_audit *a, spx_t x);
/* Lists, counts and roots. Returns the data pages of shadow paging. */
u32 audit_shadow_books(struct mmu_vm *m, struct mmu_audit *a);
