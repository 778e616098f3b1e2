/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMCS for people: its fields, and the guest's segments, as records. */
#include <string.h>

#include "vmx/backend.h"
#include "vmx/insn.h"

static const struct {
	enum vmcs_field field;
	const char *name;
} fields[] = {

#define X(id, encoding, name) { VMCS_##id, name },
	VMCS_FIELDS(X)
#undef X
};

const char *vmx_field_name(enum vmcs_field f)
{
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].field == f)
			return fields[i].name;
	return "";
}

static void field(struct out *o, const char *name, u64 val)
{
	out_begin(o);
	out_str(o, "field", -20, name);
	out_hex(o, "value", 18, val);
	out_end(o);
}

static void segment(struct out *o, const char *name, const struct segment *s)
{
	out_begin(o);
	out_str(o, "segment", -8, name);
	out_hex(o, "selector", 8, s->sel);
	out_hex(o, "attr", 6, s->attr);
	out_hex(o, "limit", 10, s->limit);
	out_hex(o, "base", 18, s->base);
	out_end(o);
}

static void table(struct out *o, const char *name, enum vmcs_field base, enum vmcs_field limit)
{
	const struct segment s = { .limit = (u32)vmread(limit), .base = vmread(base) };

	segment(o, name, &s);
}

void vmx_dump(struct vcpu *v, struct out *o)
{
	static const char *const segs[S_NR] = { "es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr" };
	struct segment s;
	u64 val;

	out_heading(o);
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
		/* Parts of a segment have a dot; what this CPU lacks cannot be read. */
		if (!strchr(fields[i].name, '.') && vmread_safe(fields[i].field, &val))
			field(o, fields[i].name, val);
	}
	out_heading(o);
	for (u32 i = 0; i < S_NR; i++) {
		vmx_get_seg(v, i, &s);
		segment(o, segs[i], &s);
	}
	table(o, "gdtr", VMCS_GUEST_GDTR_BASE, VMCS_GUEST_GDTR_LIMIT);
	table(o, "idtr", VMCS_GUEST_IDTR_BASE, VMCS_GUEST_IDTR_LIMIT);
}
