/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMCS for people: its fields, and the guest's segments, as records. */
#include <string.h>

#include "vm/record.h"
#include "vmx/backend.h"
#include "vmx/insn.h"

/* The names stand one behind the other: pointers to them would take more room than they. */
static const u16 encodings[] = {

#define X(id, encoding, name) VMCS_##id,
	VMCS_FIELDS(X)
#undef X
};

static const char names[] =
#define X(id, encoding, name) name "\0"
	VMCS_FIELDS(X)
#undef X
	;

const char *vmx_field_name(enum vmcs_field f)
{
	const char *name = names;

	for (u32 i = 0; i < ARRAY_SIZE(encodings); i++) {
		if (encodings[i] == f)
			return name;
		name += strlen(name) + 1;
	}
	return "";
}

static void table(struct out *o, const char *name, enum vmcs_field base, enum vmcs_field limit)
{
	const struct segment s = { .limit = (u32)vmread(limit), .base = vmread(base) };

	record_segment(o, name, &s);
}

void vmx_dump(struct vcpu *v, struct out *o)
{
	static const char *const segs[S_NR] = { "es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr" };
	const char *name = names;
	struct segment s;
	u64 val;

	out_heading(o);
	for (u32 i = 0; i < ARRAY_SIZE(encodings); i++) {
		/* Parts of a segment have a dot; what this CPU lacks cannot be read. */
		if (!strchr(name, '.') && vmread_safe((enum vmcs_field)encodings[i], &val))
			record_field(o, name, val);
		name += strlen(name) + 1;
	}
	out_heading(o);
	for (u32 i = 0; i < S_NR; i++) {
		vmx_get_seg(v, i, &s);
		record_segment(o, segs[i], &s);
	}
	table(o, "gdtr", VMCS_GUEST_GDTR_BASE, VMCS_GUEST_GDTR_LIMIT);
	table(o, "idtr", VMCS_GUEST_IDTR_BASE, VMCS_GUEST_IDTR_LIMIT);
}
