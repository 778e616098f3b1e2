/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory type range registers: kept as the guest wrote them, without effect, for guest RAM is
 * ordinary memory whatever they say. Source: AMD APM 2 "Memory-Type Range Registers (MTRRs)".
 */
#pragma once

#include "lib/types.h"

#define MTRR_VAR   8
#define MTRR_FIXED 11
#define MTRR_CAP   (0x500ULL | MTRR_VAR) /* fixed ranges, write combining, variable ones */

struct vmtrr {
	u64 def;
	u64 fixed[MTRR_FIXED];
	u64 var[2 * MTRR_VAR]; /* base, mask, base, ... */
};

/* As firmware leaves them: RAM is write-back, the hole for devices below 4 GiB uncached. */
void mtrr_reset(struct vmtrr *m, u8 maxphyaddr);
/* 0 or -EINVAL for #GP. */
int mtrr_read(const struct vmtrr *m, u32 msr, u64 *val) __must_check;
int mtrr_write(struct vmtrr *m, u32 msr, u64 val, u8 maxphyaddr) __must_check;
