/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries and roles in words. */
#include "shell/mmu_text.h"

#include <stdio.h>

#include "mmu/spte.h"
#include "mmu/walk.h"

int spte_text(u64 e, char *buf, size_t size)
{
	u32 access = spte_access(e);

	if (e == 0)
		return snprintf(buf, size, "-");
	if (spte_is_trap(e))
		return snprintf(buf, size, "mmio slot %u gen %u", spte_trap_slot(e),
				spte_trap_gen(e));
	if (spte_is_table(e))
		return snprintf(buf, size, "table");
	return snprintf(buf, size, "leaf R%c%c%s%s", access & MMU_W ? 'W' : '-',
			access & MMU_X ? 'X' : '-', e & SPTE_SLOT_W ? "" : " rom",
			e & SPTE_MMU_W ? "" : " tracked");
}

int role_text(union page_role role, char *buf, size_t size)
{
	static const char *const fmt[8] = { "lin", "32-", "pse", "pae", "lm", "?", "?", "?" };
	static const char *const quadrant[4] = { "", " q1", " q2", " q3" };
	char pkey[16] = "";

	if (role.pkey)
		snprintf(pkey, sizeof(pkey), " pkey=%u", role.pkey);
	return snprintf(buf, size, "%s%u%s%s%s%s%s%s%s%s%s%s%s access=%s%s%s%s caps=%u%s",
			fmt[role.fmt], role.level, quadrant[role.quadrant],
			role.direct ? " direct" : "", role.split ? " split" : "",
			role.nx ? " nx" : "", role.wp ? " wp" : "", role.smep_nwp ? " smep!wp" : "",
			role.emul_nwp ? " emul!wp" : "", role.ad_off ? " noad" : "",
			role.nested ? " nested" : "", role.passthru ? " passthru" : "",
			role.mbec ? " mbec" : "", role.access & MMU_R ? "r" : "-",
			role.access & MMU_W ? "w" : "-", role.access & MMU_U ? "u" : "-",
			role.access & MMU_X ? "x" : "-", role.caps, pkey);
}
