/* SPDX-License-Identifier: BSD-2-Clause */
/* Segmentation in software. Source: AMD APM 2 "Segmented Virtual Memory". */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "vm/hv_ops.h"

struct fetch;

/*
 * Linear address of size bytes at offset off in segment number nr, of code as f describes it. False
 * when the segment forbids the access (#GP, or #SS for the stack segment).
 */
bool segment_linear(const struct segment *s, u32 nr, u64 off, u32 size, bool write,
		    const struct fetch *f, gva_t *gva);
