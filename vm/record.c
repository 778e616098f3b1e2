/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/record.h"

#include "vm/hv_ops.h"

void record_field(struct out *o, const char *name, u64 val)
{
	out_begin(o);
	out_str(o, "field", -20, name);
	out_hex(o, "value", 18, val);
	out_end(o);
}

void record_segment(struct out *o, const char *name, const struct segment *s)
{
	out_begin(o);
	out_str(o, "segment", -10, name);
	out_hex(o, "selector", 8, s->sel);
	out_hex(o, "base", 16, s->base);
	out_hex(o, "limit", 8, s->limit);
	out_hex(o, "attributes", 10, s->attr);
	out_end(o);
}

void record_broken_rule(struct out *o, const struct broken_rule *r)
{
	out_begin(o);
	out_str(o, "rule", -40, r->title);
	out_str(o, "field", -16, r->field);
	out_hex(o, "value", 18, r->val);
	out_str(o, "allowed", -48, r->allowed);
	out_str(o, "section", -1, r->section);
	out_end(o);
}
