/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page-directory-pointer tables for hardware in PAE mode: 32 bytes each, below 4 GiB because CR3
 * has 32 bits then. One store for all VMs, apart from the pool, so that no fault ever takes from
 * it.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#define LOW_BYTES 32

/* A cleared table, or 0 if none is left. Takes a lock of its own. */
hpa_t low_alloc(void);
void low_free(hpa_t a);
u32 low_nr_free(void);
