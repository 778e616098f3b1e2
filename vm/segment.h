/* SPDX-License-Identifier: BSD-2-Clause */
/* Segmentation in software. Source: AMD APM 2 "Segmented Virtual Memory". */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "vm/hv_ops.h"

struct fetch;

/*
 * Linear address of size bytes at offset off in segment s, of code as f describes it. In 64-bit
 * code s is all zero but for FS and GS. False when the segment forbids the access (#GP, or #SS for
 * the stack segment).
 */
bool segment_linear(const struct segment *s, u64 off, u32 size, bool write, const struct fetch *f,
		    gva_t *gva);
