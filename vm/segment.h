/* SPDX-License-Identifier: BSD-2-Clause */
/* Segmentation in software. Source: AMD APM 2 "Segmented Virtual Memory". */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "vm/hv_ops.h"

struct fetch;

/*
 * Types of segments, bits of struct segment.attr. Source: AMD APM 2 "Legacy Segment Descriptors".
 */
#define SEG_TYPE_CODE       BIT32(3)
#define SEG_TYPE_CONFORMING BIT32(2) /* code */
#define SEG_TYPE_DOWN       BIT32(2) /* data: expands down */
#define SEG_TYPE_READ       BIT32(1) /* code */
#define SEG_TYPE_WRITE      BIT32(1) /* data */
#define SEG_TYPE_ACCESSED   BIT32(0)
/* System segments. */
#define SEG_TYPE_TSS32      BIT32(3) /* TSS: of 32 bits */
#define SEG_TYPE_BUSY       BIT32(1) /* TSS */
#define SEG_TYPE_TSS        1U
#define SEG_TYPE_LDT        2U
#define SEG_TYPE_TSS_BUSY   (SEG_TYPE_TSS | SEG_TYPE_BUSY)

#define SEL_OFFSET(sel) ((sel) & ~7U) /* in its table */
#define SEL_TI          BIT32(2)      /* the table is the LDT */

/* The 8-byte descriptor of selector sel in the form of a segment register. */
void segment_from_desc(struct segment *s, u16 sel, u64 desc);

/*
 * Linear address of size bytes at offset off in segment s, of code as f describes it. In 64-bit
 * code s is all zero but for FS and GS. False when the segment forbids the access (#GP, or #SS for
 * the stack segment).
 */
bool segment_linear(const struct segment *s, u64 off, u32 size, bool write, const struct fetch *f,
		    gva_t *gva);
