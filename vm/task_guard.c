/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/task_guard.h"

#include "arch/regs.h"
#include "vm/emulate.h"
#include "vm/event.h"
#include "vm/fetch.h"
#include "vm/implicit.h"
#include "vm/segment.h"
#include "vm/vm.h"

#define TYPE_TASK_GATE 5U

/* --- the page --------------------------------------------------------------------------------- */

static void guard_off(struct vcpu *v)
{
	if (v->guard.on)
		mmu_track_remove(&v->vm->mmu, v->guard.gfn, MMU_W);
	v->guard.on = false;
}

/* False: no TSS that the guest could switch away from, or none in memory. */
static bool find_tss(struct vcpu *v, u32 *linear, gfn_t *gfn)
{
	struct mmu_gfault fault;
	struct mmu_regs regs;
	struct segment tr;
	gpa_t gpa;

	hv->get_seg(v, S_TR, &tr);
	hv->get_paging(v, &regs);
	if (!(regs.cr0 & CR0_PE) || (regs.efer & EFER_LMA) || SEL_OFFSET(tr.sel) == 0)
		return false;
	*linear = (u32)tr.base;
	if (!mmu_translate(&v->vm->mmu, &regs, GVA(*linear), MMU_R | MMU_IMPLICIT | MMU_NO_AD, &gpa,
			   &fault))
		return false;
	*gfn = gpa_to_gfn(gpa);
	return true;
}

void task_guard_update(struct vcpu *v)
{
	gfn_t gfn;

	if (!v->guard.needed)
		return;
	if (!find_tss(v, &v->guard.linear, &gfn)) {
		guard_off(v);
	} else if (!v->guard.on || gfn.v != v->guard.gfn.v) {
		guard_off(v);
		v->guard.gfn = gfn;
		v->guard.on = mmu_track_add(&v->vm->mmu, gfn, MMU_W) == 0;
	}
}

bool task_guard_lift(struct vcpu *v, gpa_t gpa)
{
	if (!v->guard.on || gpa_to_gfn(gpa).v != v->guard.gfn.v)
		return false;
	guard_off(v);
	return true;
}

/* --- what switches ---------------------------------------------------------------------------- */

static bool read_linear(struct vcpu *v, const struct fetch *f, u32 linear, void *buf, u32 size)
{
	struct mmu_gfault fault;
	gpa_t gpa;

	/* Entries of tables are aligned in all tables that hardware has just read from. */
	return mmu_translate(&v->vm->mmu, &f->regs, GVA(linear), MMU_R | MMU_IMPLICIT, &gpa,
			     &fault) &&
	       mmu_read(&v->vm->mmu, gpa, buf, size) == 0;
}

static bool is_task_gate(u64 desc)
{
	return (desc >> 40 & (SEG_ATTR_S | SEG_TYPE)) == TYPE_TASK_GATE;
}

/* The TSS that an event with this vector leads to. */
static bool event_selector(struct vcpu *v, const struct fetch *f, u8 vector)
{
	u32 gate = (u32)hv->get_sreg(v, SR_IDTR_BASE) + vector * 8U;
	u64 desc;

	if (!read_linear(v, f, gate, &desc, sizeof(desc)) || !is_task_gate(desc))
		return false;
	v->exit.task.source = TASK_GATE;
	v->exit.task.selector = (u16)(desc >> 16);
	return true;
}

/* The operand of a far jump or call: a TSS, or a task gate in GDT or LDT. */
static bool far_selector(struct vcpu *v, const struct fetch *f, const struct insn *in)
{
	u32 table = (u32)hv->get_sreg(v, SR_GDTR_BASE);
	u16 sel = (u16)(in->imm >> 8 * in->op_size);
	struct segment ldt;
	u8 pointer[6];
	u64 desc;

	if (in->flags & INSN_MEM) {
		if (!emulate_read(v, f, in, pointer, in->op_size + 2U))
			return false;
		sel = (u16)(pointer[in->op_size] | pointer[in->op_size + 1] << 8);
	}
	if (sel & SEL_TI) {
		hv->get_seg(v, S_LDTR, &ldt);
		table = (u32)ldt.base;
	}
	if (!read_linear(v, f, table + SEL_OFFSET(sel), &desc, sizeof(desc)))
		return false;
	v->exit.task.source = in->op == OP_JMP_FAR ? TASK_JMP : TASK_CALL;
	v->exit.task.selector = is_task_gate(desc) ? (u16)(desc >> 16) : sel;
	return true;
}

static bool insn_selector(struct vcpu *v, const struct fetch *f, const struct insn *in)
{
	switch (in->op) {
	case OP_JMP_FAR:
	case OP_CALL_FAR:
		return far_selector(v, f, in);
	case OP_IRET:
		v->exit.task.source = TASK_IRET;
		return (v->regs.rflags & RFLAGS_NT) &&
		       read_linear(v, f, v->guard.linear, &v->exit.task.selector, sizeof(u16));
	case OP_INT:
		return event_selector(v, f, (u8)in->imm);
	case OP_INT3:
		return event_selector(v, f, EXC_BP);
	case OP_INTO:
		return event_selector(v, f, EXC_OF);
	case OP_ICEBP:
		return event_selector(v, f, EXC_DB);
	default:
		return false;
	}
}

/* Faults save RFLAGS.RF as 1. Source: Intel SDM 3B "Restart Flag". */
static bool is_fault(const struct vcpu_event *e)
{
	return e->type == EVENT_EXC && e->vector != EXC_DB && e->vector != EXC_DF &&
	       e->vector != EXC_MC;
}

/* QUIRK: when delivering an exception has raised #DF, TCG still reports the exception. */
static bool double_fault(struct vcpu *v, const struct fetch *f)
{
	if (event_merge(&v->pending, EXC_GP) != MERGE_DOUBLE || !event_selector(v, f, EXC_DF))
		return false;
	v->pending = (struct vcpu_event){ EVENT_EXC, EXC_DF, true, 0 };
	return true;
}

static bool find_switch(struct vcpu *v)
{
	const struct vcpu_event *e = &v->pending;
	struct fetch f;
	struct insn in;

	if (e->type != EVENT_NONE) {
		hv->get_paging(v, &f.regs);
		return event_selector(v, &f, e->vector) || double_fault(v, &f);
	}
	return fetch_bytes(v, &f) && decode(f.bytes, f.nr, fetch_mode(&f), &in) == DECODE_OK &&
	       insn_selector(v, &f, &in);
}

bool task_guard_hit(struct vcpu *v)
{
	const struct mmu_shadow_fault pf = v->exit.pf; /* v->exit.task has its place */
	const struct vcpu_event *e = &v->pending;

	if (pf.hw_error != (PFEC_P | PFEC_W))
		return false;
	if (!find_switch(v)) {
		v->exit.pf = pf;
		return false;
	}
	v->exit.task.has_error = e->type != EVENT_NONE && e->has_error;
	v->exit.task.error = e->error;
	v->regs.rflags = (v->regs.rflags & ~RFLAGS_RF) | (is_fault(e) ? RFLAGS_RF : 0);
	return true;
}
