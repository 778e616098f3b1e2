/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks that VMRUN makes, in software, so that a failed entry can say which rule was broken.
 * Source: AMD APM 2 "VMRUN", "Canonicalization and Consistency Checks"; "Nested Paging".
 */
#pragma once

#include "lib/types.h"

#include "svm/control.h"

/* What depends on the CPU. */
struct check_cpu {
	u64 cr4_reserved, efer_reserved;
	u64 phys_reserved; /* bits above the physical width, bit 63 .. MAXPHYADDR */
	u32 nr_asids;
};

struct check_rule {
	const char *title;
	const char *field;
	const char *allowed;
	u16 off;  /* of the field in the VMCB */
	u8 bytes; /* 1, 4 or 8 */
	bool (*ok)(const struct vmcb *b, const struct check_cpu *cpu);
};

extern const struct check_rule check_rules[];
extern const u32 check_nr_rules;

u64 check_value(const struct vmcb *b, const struct check_rule *r);
