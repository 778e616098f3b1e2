/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMCB for people: control area and saved state as records. */
#include <string.h>

#include "svm/backend.h"
#include "vm/record.h"

/* X(field of struct vmcb, name) */
#define CTL_FIELDS(X)                             \
	X(ctl.exit_code, "exit_code")             \
	X(ctl.exit_info1, "exit_info1")           \
	X(ctl.exit_info2, "exit_info2")           \
	X(ctl.exit_int_info, "exit_int_info")     \
	X(ctl.exit_int_error, "exit_int_error")   \
	X(ctl.event_inj, "event_inj")             \
	X(ctl.event_inj_error, "event_inj_error") \
	X(ctl.int_ctl, "int_ctl")                 \
	X(ctl.int_shadow, "int_shadow")           \
	X(ctl.cr_read, "intercept_cr_read")       \
	X(ctl.cr_write, "intercept_cr_write")     \
	X(ctl.dr_read, "intercept_dr_read")       \
	X(ctl.dr_write, "intercept_dr_write")     \
	X(ctl.exceptions, "intercept_exceptions") \
	X(ctl.intercept[0], "intercept0")         \
	X(ctl.intercept[1], "intercept1")         \
	X(ctl.intercept[2], "intercept2")         \
	X(ctl.iopm, "iopm")                       \
	X(ctl.msrpm, "msrpm")                     \
	X(ctl.tsc_offset, "tsc_offset")           \
	X(ctl.asid, "asid")                       \
	X(ctl.tlb_control, "tlb_control")         \
	X(ctl.nested_ctl, "nested_ctl")           \
	X(ctl.ncr3, "ncr3")                       \
	X(ctl.clean, "clean")                     \
	X(ctl.next_rip, "next_rip")

#define SAVE_FIELDS(X)                           \
	X(save.rip, "rip")                       \
	X(save.rflags, "rflags")                 \
	X(save.rsp, "rsp")                       \
	X(save.rax, "rax")                       \
	X(save.cpl, "cpl")                       \
	X(save.cr0, "cr0")                       \
	X(save.cr2, "cr2")                       \
	X(save.cr3, "cr3")                       \
	X(save.cr4, "cr4")                       \
	X(save.efer, "efer")                     \
	X(save.dr6, "dr6")                       \
	X(save.dr7, "dr7")                       \
	X(save.g_pat, "pat")                     \
	X(save.star, "star")                     \
	X(save.lstar, "lstar")                   \
	X(save.cstar, "cstar")                   \
	X(save.sfmask, "sfmask")                 \
	X(save.kernel_gs_base, "kernel_gs_base") \
	X(save.sysenter_cs, "sysenter_cs")       \
	X(save.sysenter_esp, "sysenter_esp")     \
	X(save.sysenter_eip, "sysenter_eip")     \
	X(save.dbgctl, "debugctl")

static const struct {
	const char *name;
	u16 off;
	u8 bytes;
} fields[] = {

#define X(f, name) { name, offsetof(struct vmcb, f), sizeof(((struct vmcb *)NULL)->f) },
	CTL_FIELDS(X) SAVE_FIELDS(X)
#undef X
};

static const struct {
	const char *name;
	u16 off;
} segments[] = {

#define X(s) { #s, offsetof(struct vmcb, save.s) },
	X(es) X(cs) X(ss) X(ds) X(fs) X(gs) X(gdtr) X(ldtr) X(idtr) X(tr)
#undef X
};

void svm_dump(struct vcpu *v, struct out *o)
{
	const char *b = (const char *)vmcb_of(v);

	out_heading(o);
	for (u32 i = 0; i < ARRAY_SIZE(fields); i++) {
		u64 val = 0;

		memcpy(&val, b + fields[i].off, fields[i].bytes);
		record_field(o, fields[i].name, val);
	}
	out_heading(o);
	for (u32 i = 0; i < ARRAY_SIZE(segments); i++) {
		const struct vmcb_seg *h = (const void *)(b + segments[i].off);
		const struct segment s = { h->sel, h->attr, h->limit, h->base };

		record_segment(o, segments[i].name, &s);
	}
}
