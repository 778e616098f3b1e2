/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second half of a task switch: the state of the new task. First all that cannot fail, so that
 * a fault finds the new task complete; then LDTR and the segment registers with their checks.
 * Source: Intel SDM 3A "Task Switching", table "Exception Conditions Checked During a Task Switch".
 */
#include "arch/regs.h"
#include "vm/cr.h"
#include "vm/implicit.h"
#include "vm/paging.h"
#include "vm/segment.h"
#include "vm/task.h"
#include "vm/vm.h"

#define EFLAGS_VALID                                                                           \
	(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_IF |   \
	 RFLAGS_DF | RFLAGS_OF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF | RFLAGS_VM | RFLAGS_AC | \
	 RFLAGS_VIF | RFLAGS_VIP | RFLAGS_ID)

#define ATTR_VM86 0xf3  /* present, DPL 3, writable data, accessed */
#define ATTR_CODE 0x9b  /* present, readable code, accessed */
#define ATTR_DATA 0xc93 /* present, writable data, accessed; 4 GiB, 32 bits */

static u16 selector(const struct task *t, u32 seg)
{
	if (seg >= t->layout->nr_seg)
		return 0; /* a 16-bit TSS has neither FS nor GS */
	return (u16)task_word(t, t->layout->seg + seg * t->layout->word);
}

static u32 new_cpl(const struct task *t)
{
	return t->v->regs.rflags & RFLAGS_VM ? 3 : selector(t, S_CS) & 3;
}

/*
 * With attributes that an entry into the guest accepts, should the descriptor not be loaded; and a
 * stack on which the fault can be delivered.
 */
static void load_selector(struct task *t, u32 seg)
{
	u16 dpl = (u16)(new_cpl(t) << 5);
	struct segment s = { .sel = selector(t, seg) };

	if (t->v->regs.rflags & RFLAGS_VM) {
		s.attr = ATTR_VM86;
		s.limit = 0xffff;
		s.base = (u64)s.sel << 4;
	} else if (seg == S_CS) {
		s.attr = ATTR_CODE | dpl;
	} else if (seg == S_SS) {
		s.attr = ATTR_DATA | dpl;
		s.limit = 0xffffffff;
	}
	hv->set_seg(t->v, seg, &s);
}

/* A 16-bit TSS leaves the upper halves of the general registers alone. */
static void load_registers(struct task *t)
{
	const struct tss_layout *f = t->layout;
	struct vcpu_regs *r = &t->v->regs;
	u32 kept = f->word == 4 ? 0 : 0xffff0000;

	r->rip = task_word(t, f->eip);
	r->rflags = (task_word(t, f->eflags) & EFLAGS_VALID) | RFLAGS_ONE;
	if (t->nested)
		r->rflags |= RFLAGS_NT;
	for (u32 i = 0; i < 8; i++)
		r->gpr[i] = ((u32)r->gpr[i] & kept) | task_word(t, f->gpr + i * f->word);
	for (u32 i = S_ES; i <= S_GS; i++)
		load_selector(t, i);
}

/* The local breakpoints and LE go with the task. */
static bool load_system(struct task *t)
{
	struct vcpu *v = t->v;
	u64 cr0 = hv->get_sreg(v, SR_CR0);

	hv->set_seg(v, S_TR, &t->tr);
	hv->set_sreg(v, SR_DR7, hv->get_sreg(v, SR_DR7) & ~DR7_LOCAL);
	if (!paging_write(v, SR_CR0, cr0 | CR0_TS))
		return task_fault(t, EXC_GP, 0);
	if (!t->layout->cr3 || !(cr0 & CR0_PG))
		return true;
	return vcpu_write_cr3(v, task_word(t, t->layout->cr3)) || task_fault(t, EXC_GP, 0);
}

/* Reads the descriptor and tells where it is; #TS if the table has none. */
static bool read_desc(struct task *t, u16 sel, struct segment *s, u32 *at)
{
	struct segment table;
	struct implicit m;
	u64 desc;

	if (sel & SEL_TI) {
		hv->get_seg(t->v, S_LDTR, &table);
	} else {
		table.base = hv->get_sreg(t->v, SR_GDTR_BASE);
		table.limit = (u32)hv->get_sreg(t->v, SR_GDTR_LIMIT);
		table.attr = SEG_ATTR_P;
	}
	if (!(table.attr & SEG_ATTR_P) || SEL_OFFSET(sel) + sizeof(desc) - 1 > table.limit)
		return task_fault(t, EXC_TS, sel);
	*at = (u32)table.base + SEL_OFFSET(sel);
	if (!implicit_map(t->v, &t->regs, *at, sizeof(desc), MMU_R, &m) ||
	    !implicit_read(t->v, &m, 0, &desc, sizeof(desc)))
		return false;
	segment_from_desc(s, sel, desc);
	return true;
}

static bool load_ldtr(struct task *t)
{
	struct segment s = { .sel = (u16)task_word(t, t->layout->ldt) };
	u16 sel = s.sel;
	u32 at;

	hv->set_seg(t->v, S_LDTR, &s);
	if (SEL_OFFSET(sel) == 0 && !(sel & SEL_TI))
		return true;
	/* There is no LDT now, so one in it is found as little as one behind the table. */
	if (!read_desc(t, sel, &s, &at))
		return false;
	if ((s.attr & (SEG_ATTR_S | SEG_TYPE)) != SEG_TYPE_LDT || !(s.attr & SEG_ATTR_P))
		return task_fault(t, EXC_TS, sel);
	hv->set_seg(t->v, S_LDTR, &s);
	return true;
}

static bool cs_allowed(const struct segment *s)
{
	u32 dpl = SEG_DPL(s->attr), rpl = s->sel & 3;

	if (!(s->attr & SEG_TYPE_CODE))
		return false;
	return s->attr & SEG_TYPE_CONFORMING ? dpl <= rpl : dpl == rpl;
}

static bool ss_allowed(const struct segment *s, u32 cpl)
{
	return (s->attr & (SEG_TYPE_CODE | SEG_TYPE_WRITE)) == SEG_TYPE_WRITE &&
	       SEG_DPL(s->attr) == cpl && (s->sel & 3U) == cpl;
}

static bool data_allowed(const struct segment *s, u32 cpl)
{
	u32 dpl = SEG_DPL(s->attr);

	if ((s->attr & (SEG_TYPE_CODE | SEG_TYPE_READ)) == SEG_TYPE_CODE)
		return false;
	if ((s->attr & SEG_TYPE_CODE) && (s->attr & SEG_TYPE_CONFORMING))
		return true;
	return cpl <= dpl && (s->sel & 3U) <= dpl;
}

/* The CPU marks in the descriptor that it was loaded. */
static bool set_accessed(struct task *t, struct segment *s, u32 at)
{
	struct implicit m;
	u8 type;

	if (s->attr & SEG_TYPE_ACCESSED)
		return true;
	s->attr |= SEG_TYPE_ACCESSED;
	type = (u8)s->attr;
	return implicit_map(t->v, &t->regs, at + DESC_TYPE_BYTE, 1, MMU_W, &m) &&
	       implicit_write(t->v, &m, 0, &type, 1);
}

static bool load_segment(struct task *t, u32 seg)
{
	u16 sel = selector(t, seg);
	u32 cpl = new_cpl(t), at;
	struct segment s;
	bool allowed;

	if (SEL_OFFSET(sel) == 0 && !(sel & SEL_TI))
		return (seg != S_CS && seg != S_SS) || task_fault(t, EXC_TS, sel);
	if (!read_desc(t, sel, &s, &at))
		return false;
	allowed = seg == S_CS   ? cs_allowed(&s)
		  : seg == S_SS ? ss_allowed(&s, cpl)
				: data_allowed(&s, cpl);
	if (!(s.attr & SEG_ATTR_S) || !allowed)
		return task_fault(t, EXC_TS, sel);
	if (!(s.attr & SEG_ATTR_P))
		return task_fault(t, seg == S_SS ? EXC_SS : EXC_NP, sel);
	if (!set_accessed(t, &s, at))
		return false;
	hv->set_seg(t->v, seg, &s);
	return true;
}

bool task_load(struct task *t)
{
	static const u8 order[] = { S_CS, S_SS, S_ES, S_DS, S_FS, S_GS };
	struct vcpu *v = t->v;
	struct segment cs;
	bool ok;

	load_registers(t);
	ok = load_system(t);
	task_guard_update(v);
	if (!ok)
		return false;
	hv->get_paging(v, &t->regs);
	if (!load_ldtr(t))
		return false;
	for (u32 i = 0; !(v->regs.rflags & RFLAGS_VM) && i < ARRAY_SIZE(order); i++)
		if (!load_segment(t, order[i]))
			return false;
	hv->get_seg(v, S_CS, &cs);
	return v->regs.rip <= cs.limit || task_fault(t, EXC_GP, 0);
}
