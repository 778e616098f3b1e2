/* SPDX-License-Identifier: BSD-2-Clause */
/* From what the guest's entries allow to what a shadow leaf may allow. Pure functions. */
#pragma once

#include "lib/types.h"

#include "mmu/gfmt.h"
#include "mmu/mutant.h"
#include "mmu/role.h"

/* What every access of the guest may do through a leaf entry with these inherited rights: W only
 * once the guest's D is set, so that the first write comes to us. */
static inline u32 rights_of_leaf(union page_role role, u32 inherited, u64 gpte)
{
	u32 rights = inherited & ((gpte & (GPTE_W | GPTE_U)) | MMU_X);

	if (gpte & GPTE_NX)
		rights &= ~MMU_X;
	/* Without CR0.WP the supervisor may write read-only pages of its own. */
	if (!role.wp && !(rights & MMU_U))
		rights |= MMU_W;
	if (MUTANT(NWP_WRITE_WITHOUT_DIRTY) && !role.wp)
		return rights;
	if (!(gpte & GPTE_D) && !role.ad_off)
		rights &= ~MMU_W;
	return rights;
}

/* Supervisor write to a read-only user page without CR0.WP. Hardware runs with WP set, so for the
 * supervisor's write the page becomes a writable supervisor page, and for the user's next access a
 * read-only user page again. Under SMEP the supervisor must not execute it either. */
static inline u32 rights_for_nwp_write(union page_role role, u32 rights)
{
	rights = (rights | MMU_W) & ~MMU_U;
	if (MUTANT(NWP_KEEPS_USER))
		rights |= MMU_U;
	return role.smep_nwp && !MUTANT(NWP_SMEP_EXECUTABLE) ? rights & ~MMU_X : rights;
}
