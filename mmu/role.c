/* SPDX-License-Identifier: BSD-2-Clause */
/* Roles in words. */
#include "mmu/role.h"

#include <stdio.h>

int role_text(union page_role role, char *buf, size_t size)
{
	return snprintf(buf, size, "%s L%u", role.direct ? "direct" : "indirect",
			(unsigned int)role.level);
}
