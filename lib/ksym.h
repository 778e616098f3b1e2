/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Function names for backtraces. The table is made from the linked image by lib/ksym.awk and the
 * Makefile; it holds the image's functions only, in the top 4 GiB of the address space.
 */
#pragma once

#include "lib/types.h"

extern const u32 ksym_addrs[]; /* low halves of the addresses, rising */
extern const u32 ksym_nr;
extern const char ksym_names[]; /* ksym_nr strings, in the same order */

/*
 * The function that addr lies in or behind, and how far from its start. NULL if addr is below the
 * first one or not in the image's part of the address space. Takes no lock, so a panic may call it.
 */
const char *ksym_lookup(u64 addr, u64 *off);
