/* SPDX-License-Identifier: BSD-2-Clause */
/* From the INI module to running virtual machines. */
#pragma once

#include "lib/types.h"

struct boot_info;
struct vm;

/*
 * Hands the modules to vm/, reads the INI file among them, creates its machines and starts those
 * with autostart (none when autostart is false). Each mistake is one sentence in the log; a
 * mistake in the file means that no machine is made. Returns the machine whose console a person
 * would want to see (the only one started), or NULL. Must run on a thread.
 */
struct vm *machines_start(const struct boot_info *bi, bool autostart);
