/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hardware task switches, for a CPU that leaves them to us: where the switch would load CR3 without
 * asking, and on Intel always.
 *
 * All that can fault in the old task does so before anything has changed: the checks of both TSSs
 * and the translation of everything that will be read or written. Then the old task is saved and
 * the new one loaded; what fails from there on is a fault of the new task. The event that came
 * through a task gate stays pending until the end, so that such a fault and it make a double fault.
 * Source: Intel SDM 3A "Task Switching"; AMD APM 2 "Switching Tasks".
 */
#include <string.h>

#include "arch/regs.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/implicit.h"
#include "vm/segment.h"
#include "vm/task.h"
#include "vm/vm.h"

static const struct tss_layout layout16 = {
	.size = 44,
	.word = 2,
	.eip = 0x0e,
	.eflags = 0x10,
	.gpr = 0x12,
	.seg = 0x22,
	.nr_seg = 4,
	.ldt = 0x2a,
};

static const struct tss_layout layout32 = {
	.size = TSS_SIZE,
	.word = 4,
	.cr3 = 0x1c,
	.eip = 0x20,
	.eflags = 0x24,
	.gpr = 0x28,
	.seg = 0x48,
	.nr_seg = 6,
	.ldt = 0x60,
	.trap = 0x64,
};

/* What the switch touches of the old task and of descriptors, translated. */
struct leaving {
	struct segment tr;
	const struct tss_layout *layout;
	u32 eip, eflags;          /* to be saved */
	struct implicit state;    /* the part of the old TSS that is written */
	struct implicit old_busy; /* byte with the type in the old TSS's descriptor */
	struct implicit new_busy;
	struct implicit image; /* the new TSS, */
	struct implicit link;  /* and its link to the old one */
};

static const struct tss_layout *layout_of(u32 attr)
{
	return attr & SEG_TYPE_TSS32 ? &layout32 : &layout16;
}

u32 task_word(const struct task *t, u32 off)
{
	u32 word = 0;

	memcpy(&word, t->image + off, t->layout->word);
	return word;
}

bool task_fault(struct task *t, u8 vector, u16 selector)
{
	vcpu_inject(t->v, vector, true, (selector & ~3U) | t->ext);
	return false;
}

static bool is_cause(u32 op, u32 source)
{
	switch (source) {
	case TASK_IRET:
		return op == OP_IRET;
	case TASK_JMP:
		return op == OP_JMP_FAR;
	default:
		/* Alike in all else; Bochs' AMD models do not tell INTn from a call. */
		return op == OP_CALL_FAR || op == OP_INT || op == OP_INT3 || op == OP_INTO ||
		       op == OP_ICEBP;
	}
}

/* Where the old task goes on: at the instruction that an event interrupted, or behind the one that
 * switches, which the hardware has not left yet. */
static bool saved_state(struct task *t, struct leaving *l)
{
	struct vcpu *v = t->v;
	struct fetch f;
	struct insn in;

	l->eflags = (u32)v->regs.rflags;
	l->eip = (u32)v->regs.rip;
	t->ext = v->pending.type != EVENT_NONE;
	if (t->ext)
		return true;
	if (!fetch_decode(v, &f, &in))
		return false;
	if (!is_cause(in.op, v->exit.task.source)) {
		fetch_changed(v);
		return false;
	}
	l->eip += in.len;
	l->eflags &= (u32)~RFLAGS_RF;
	if (v->exit.task.source == TASK_IRET)
		l->eflags &= (u32)~RFLAGS_NT;
	return true;
}

/* The hardware has made these checks; another vCPU may have changed the descriptor since. */
static bool check_new(struct task *t, u64 desc)
{
	bool iret = t->v->exit.task.source == TASK_IRET;

	segment_from_desc(&t->tr, t->v->exit.task.selector, desc);
	if ((t->tr.attr & SEG_ATTR_S) ||
	    (t->tr.attr & SEG_TYPE & ~SEG_TYPE_TSS32) != (iret ? SEG_TYPE_TSS_BUSY : SEG_TYPE_TSS))
		return task_fault(t, iret ? EXC_TS : EXC_GP, t->tr.sel);
	if (!(t->tr.attr & SEG_ATTR_P))
		return task_fault(t, EXC_NP, t->tr.sel);
	t->layout = layout_of(t->tr.attr);
	if (t->tr.limit < t->layout->size - 1U)
		return task_fault(t, EXC_TS, t->tr.sel);
	t->tr.attr |= SEG_TYPE_BUSY;
	return true;
}

static bool find_new(struct task *t, struct leaving *l)
{
	struct vcpu *v = t->v;
	u16 sel = v->exit.task.selector;
	u32 at = (u32)hv->get_sreg(v, SR_GDTR_BASE) + SEL_OFFSET(sel);
	struct implicit m;
	u64 desc;

	if (SEL_OFFSET(sel) == 0 || (sel & SEL_TI) ||
	    SEL_OFFSET(sel) + sizeof(desc) - 1 > hv->get_sreg(v, SR_GDTR_LIMIT))
		return task_fault(t, v->exit.task.source == TASK_IRET ? EXC_TS : EXC_GP, sel);
	if (!implicit_map(v, &t->regs, at, sizeof(desc), MMU_R, &m) ||
	    !implicit_read(v, &m, 0, &desc, sizeof(desc)) || !check_new(t, desc))
		return false;
	if (v->exit.task.source != TASK_IRET &&
	    !implicit_map(v, &t->regs, at + DESC_TYPE_BYTE, 1, MMU_W, &l->new_busy))
		return false;
	return implicit_map(v, &t->regs, t->tr.base, t->layout->size, MMU_R, &l->image) &&
	       (!t->nested || implicit_map(v, &t->regs, t->tr.base, sizeof(u16), MMU_W, &l->link));
}

/* Offset of the last byte that is saved. */
static u32 state_end(const struct tss_layout *f)
{
	return f->seg + (f->nr_seg - 1U) * f->word + 1;
}

static bool find_old(struct task *t, struct leaving *l)
{
	struct vcpu *v = t->v;
	u32 busy = (u32)hv->get_sreg(v, SR_GDTR_BASE) + DESC_TYPE_BYTE;

	hv->get_seg(v, S_TR, &l->tr);
	l->layout = layout_of(l->tr.attr);
	if (l->tr.limit < state_end(l->layout))
		return task_fault(t, EXC_TS, l->tr.sel);
	if (!implicit_map(v, &t->regs, l->tr.base + l->layout->eip,
			  state_end(l->layout) + 1 - l->layout->eip, MMU_W, &l->state))
		return false;
	return t->nested ||
	       implicit_map(v, &t->regs, busy + SEL_OFFSET(l->tr.sel), 1, MMU_W, &l->old_busy);
}

static bool set_busy(struct vcpu *v, const struct implicit *m, bool busy)
{
	u8 type;

	if (!implicit_read(v, m, 0, &type, 1))
		return false;
	type = (u8)(busy ? type | SEG_TYPE_BUSY : type & ~SEG_TYPE_BUSY);
	return implicit_write(v, m, 0, &type, 1);
}

/* What stands between the fields stays. */
static bool save_state(struct vcpu *v, const struct leaving *l)
{
	const struct tss_layout *f = l->layout;
	u8 image[TSS_SIZE], *state = image + f->eip;

	if (!implicit_read(v, &l->state, 0, state, l->state.size))
		return false;
	memcpy(image + f->eip, &l->eip, f->word);
	memcpy(image + f->eflags, &l->eflags, f->word);
	for (u32 i = 0; i < 8; i++)
		memcpy(image + f->gpr + i * f->word, &v->regs.gpr[i], f->word);
	for (u32 i = 0; i < f->nr_seg; i++) {
		struct segment s;

		hv->get_seg(v, i, &s);
		memcpy(image + f->seg + i * f->word, &s.sel, sizeof(s.sel));
	}
	return implicit_write(v, &l->state, 0, state, l->state.size);
}

static bool leave_old(struct task *t, const struct leaving *l)
{
	struct vcpu *v = t->v;

	if (!t->nested && !set_busy(v, &l->old_busy, false))
		return false;
	if (!save_state(v, l))
		return false;
	if (t->nested && !implicit_write(v, &l->link, 0, &l->tr.sel, sizeof(l->tr.sel)))
		return false;
	if (v->exit.task.source != TASK_IRET && !set_busy(v, &l->new_busy, true))
		return false;
	return implicit_read(v, &l->image, 0, t->image, t->layout->size);
}

/* Source: Intel SDM 3A "Interrupt Tasks": the error code is pushed as wide as the new TSS is. */
static bool push_error(struct task *t)
{
	struct vcpu *v = t->v;
	struct fetch f = { .regs = t->regs, .bits = 32 };
	u32 size = t->layout->word, access = t->regs.cpl == 3 ? MMU_W | MMU_U : MMU_W;
	struct implicit m;
	struct segment ss;
	u32 mask, sp;
	gva_t gva;

	hv->get_seg(v, S_SS, &ss);
	mask = ss.attr & SEG_ATTR_DB ? 0xffffffff : 0xffff;
	sp = ((u32)v->regs.gpr[R_SP] - size) & mask;
	if (!segment_linear(&ss, sp, size, true, &f, &gva))
		return task_fault(t, EXC_SS, 0);
	if (!implicit_map(v, &t->regs, gva.v, size, access, &m) ||
	    !implicit_write(v, &m, 0, &v->exit.task.error, size))
		return false;
	v->regs.gpr[R_SP] = ((u32)v->regs.gpr[R_SP] & ~mask) | sp;
	return true;
}

void exit_task_switch(struct vcpu *v)
{
	u32 source = v->exit.task.source;
	struct task t = { .v = v, .nested = source == TASK_CALL || source == TASK_GATE };
	struct leaving l;

	hv->get_paging(v, &t.regs);
	if (!saved_state(&t, &l) || !find_new(&t, &l) || !find_old(&t, &l) || !leave_old(&t, &l))
		return;
	if (source == TASK_IRET || v->pending.type == EVENT_NMI)
		hv->mask_nmi(v, source != TASK_IRET);
	if (v->exit.irq_shadow)
		hv->set_irq_shadow(v, false);
	if (!task_load(&t) || (v->exit.task.has_error && !push_error(&t)))
		return;
	v->pending.type = EVENT_NONE;
	v->redelivery = false;
	if (t.layout->trap && (task_word(&t, t.layout->trap) & 1))
		vcpu_inject_db(v, DR6_BT);
}
