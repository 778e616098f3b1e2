/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands in the tables of mmu/, in words. Both return the length, as snprintf does. */
#pragma once

#include "lib/types.h"

#include "mmu/role.h"

/* Of the direct map: "leaf R-X", "table", "mmio", "-". */
int spte_text(u64 e, char *buf, size_t size);
/* "lm4 nx wp access=rwux caps=0" */
int role_text(union page_role role, char *buf, size_t size);
