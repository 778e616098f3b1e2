/* SPDX-License-Identifier: BSD-2-Clause */
/* Records about a vCPU that several commands and all backends print. */
#pragma once

#include "lib/types.h"

#include "lib/out.h"

struct segment;

/* A field of the control block. */
void record_field(struct out *o, const char *name, u64 val);
void record_segment(struct out *o, const char *name, const struct segment *s);

/* A rule for entries that the control block breaks. */
struct broken_rule {
	const char *title, *field, *allowed, *section;
	u64 val;
};

void record_broken_rule(struct out *o, const struct broken_rule *r);
