/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's tables as sources of shadow pages: their format, and reading them. */
#pragma once

#include "arch/regs.h"
#include "mmu/caps.h"
#include "mmu/gfmt.h"
#include "mmu/mmu.h"
#include "mmu/role.h"
#include "mmu/slot_priv.h"

/* The descriptor of a source table's format. */
static inline const struct gfmt *role_gfmt(union page_role role)
{
	switch ((enum role_fmt)role.fmt) {
	case ROLE_32:
		return &gfmt_32;
	case ROLE_32_PSE:
		return &gfmt_32_pse;
	case ROLE_PAE:
		return &gfmt_pae;
	case ROLE_LM:
	case ROLE_LIN:
	case ROLE_FMT_NR:
		break;
	}
	return &gfmt_4;
}

/* What of a register snapshot a role tells: enough to know its tables' reserved bits. */
static inline struct mmu_regs role_regs(const struct mmu_vm *m, union page_role role)
{
	struct mmu_regs r = { .efer = role.nx ? EFER_NXE : 0 };

	caps_apply(&m->shadow.caps, role.caps, &r);
	return r;
}

/* One aligned entry of 4 or 8 bytes; counted. Outside memory: ones, as for the walker. */
static inline u64 gpte_read(struct mmu_vm *m, gpa_t gpa, u32 size)
{
	u64 e = 0;

	mmu_stat_inc(m, MMU_STAT_GUEST_READ);
	if (likely(ram_holds(m, gpa.v)))
		return gpte_load(ram_ptr(m, gpa.v), size);
	if (mmu_read(m, gpa, &e, size))
		e = size == 4 ? 0xffffffff : ~0ULL;
	return e;
}
