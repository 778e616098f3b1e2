/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes as people write them, and the checksum of ACPI tables. */
#pragma once

#include "lib/types.h"

#define FMT_SIZE_MAX 24 /* any size with its suffix and the NUL */

/*
 * Writes the size with the largest suffix K, M, G or T (powers of 1024) that divides it ("256M",
 * "1025K", "17"), so that cmd_parse_u64() gets the same number back. Returns buf.
 */
const char *fmt_size(char buf[FMT_SIZE_MAX], u64 bytes);

/* Sum of n bytes modulo 256; 0 for an intact ACPI table. */
u8 fmt_sum8(const void *data, size_t n);
