/* SPDX-License-Identifier: BSD-2-Clause */
/* From the INI module to running virtual machines. */
#pragma once

#include "lib/types.h"

struct boot_info;
struct config;
struct vm;

/*
 * Hands the modules to vm/ and reads the INI file among them. NULL: there is none, or there is a
 * mistake in it, which is one sentence in the log. Once, on a thread.
 */
const struct config *machines_read(const struct boot_info *bi);

/* Pages that the tables of all machines come to. */
u64 machines_table_pages(const struct config *cfg);

/*
 * Creates the machines, each with its share of the MMU's pool, and starts those with autostart
 * (none when autostart is false). Each mistake is one sentence in the log. Returns the machine
 * whose console a person would want to see (the only one started), or NULL. Must run on a thread.
 */
struct vm *machines_start(const struct config *cfg, bool autostart);
