/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a register snapshot can be told from a role: enough to know its tables' reserved bits. */
#pragma once

#include "arch/regs.h"
#include "mmu/caps.h"
#include "mmu/role.h"
#include "mmu/vm.h"
#include "mmu/walk.h"

static inline struct mmu_regs role_regs(const struct mmu_vm *m, union page_role role)
{
	struct mmu_regs r = { .efer = role.nx ? EFER_NXE : 0 };

	caps_apply(&m->shadow.caps, role.caps, &r);
	return r;
}
