/* SPDX-License-Identifier: BSD-2-Clause */
/* LTR, for a backend that must know where the guest's TSS is. Source: AMD APM 3 "LTR". */
#include "arch/regs.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/implicit.h"
#include "vm/segment.h"
#include "vm/task.h"
#include "vm/vm.h"

static bool fault(struct vcpu *v, u8 vector, u16 sel)
{
	vcpu_inject(v, vector, true, sel & ~3U);
	return false;
}

/* In long mode a descriptor has 16 bytes. */
static bool read_desc(struct vcpu *v, const struct mmu_regs *r, u16 sel, struct segment *s)
{
	bool wide = r->efer & EFER_LMA;
	u32 size = wide ? 16 : 8;
	u64 at = hv->get_sreg(v, SR_GDTR_BASE) + SEL_OFFSET(sel), desc[2] = { 0, 0 };
	struct implicit m;

	if (SEL_OFFSET(sel) == 0 || (sel & SEL_TI) ||
	    SEL_OFFSET(sel) + size - 1 > hv->get_sreg(v, SR_GDTR_LIMIT))
		return fault(v, EXC_GP, sel);
	if (!implicit_map(v, r, at, size, MMU_R, &m) || !implicit_read(v, &m, 0, desc, size))
		return false;
	segment_from_desc(s, sel, desc[0]);
	s->base |= desc[1] << 32;
	if ((s->attr & SEG_ATTR_S) || (s->attr & SEG_TYPE & ~SEG_TYPE_TSS32) != SEG_TYPE_TSS ||
	    (wide && (!(s->attr & SEG_TYPE_TSS32) || (desc[1] >> 40 & (SEG_ATTR_S | SEG_TYPE)))))
		return fault(v, EXC_GP, sel);
	return (s->attr & SEG_ATTR_P) || fault(v, EXC_NP, sel);
}

static bool set_busy(struct vcpu *v, const struct mmu_regs *r, struct segment *s)
{
	u64 at = hv->get_sreg(v, SR_GDTR_BASE) + SEL_OFFSET(s->sel) + DESC_TYPE_BYTE;
	struct implicit m;
	u8 type;

	s->attr |= SEG_TYPE_BUSY;
	type = (u8)s->attr;
	return implicit_map(v, r, at, 1, MMU_W, &m) && implicit_write(v, &m, 0, &type, 1);
}

void exit_ltr(struct vcpu *v)
{
	struct segment tr;
	struct fetch f;
	struct insn in;
	u16 sel;

	if (!fetch_decode(v, &f, &in))
		return;
	if (in.op != OP_LTR) {
		fetch_changed(v);
		return;
	}
	if (!emulate_read(v, &f, &in, &sel, sizeof(sel)) || !read_desc(v, &f.regs, sel, &tr) ||
	    !set_busy(v, &f.regs, &tr))
		return;
	hv->set_seg(v, S_TR, &tr);
	task_guard_update(v);
	vcpu_skip(v, in.len);
}
