/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Jumps, calls and returns in real mode, and the stack. They need software while a segment register
 * holds what virtual-8086 mode cannot: behind protected mode, until it is loaded again.
 * Source: Intel SDM 2 for each instruction; SDM 3B "Real-Address Mode".
 */
#include "arch/regs.h"
#include "mmu/mmu.h"
#include "vm/emul/alu.h"
#include "vm/emulate.h"
#include "vm/hv_ops.h"
#include "vm/real_priv.h"
#include "vm/vm.h"

/* --- stack ------------------------------------------------------------------------------------ */

struct real_stack real_stack(struct vcpu *v)
{
	struct segment ss;
	u32 mask;

	hv->get_seg(v, S_SS, &ss);
	mask = ss.attr & SEG_ATTR_DB ? ~0U : 0xffff;
	return (struct real_stack){ ss.base, mask, (u32)v->regs.gpr[R_SP] & mask };
}

void real_stack_done(struct vcpu *v, const struct real_stack *s)
{
	u64 *sp = &v->regs.gpr[R_SP];

	*sp = (*sp & ~(u64)s->mask) | s->sp;
}

bool real_in_ram(struct vcpu *v, gpa_t gpa, int ret)
{
	if (ret)
		vcpu_kill(v, "real mode: the stack or the table of vectors at %llx is not in RAM",
			  (unsigned long long)gpa.v);
	return !ret;
}

bool real_push(struct vcpu *v, struct real_stack *s, u32 val, u32 size)
{
	gpa_t gpa;

	s->sp = (s->sp - size) & s->mask;
	gpa = GPA((s->base + s->sp) & 0xffffffff);
	return real_in_ram(v, gpa, mmu_write(&v->vm->mmu, gpa, &val, size));
}

bool real_pop(struct vcpu *v, struct real_stack *s, u32 *val, u32 size)
{
	gpa_t gpa = GPA((s->base + s->sp) & 0xffffffff);

	*val = 0;
	s->sp = (s->sp + size) & s->mask;
	return real_in_ram(v, gpa, mmu_read(&v->vm->mmu, gpa, val, size));
}

/* --- where to --------------------------------------------------------------------------------- */

void real_jump(struct vcpu *v, u32 sel, u32 ip)
{
	struct segment cs;

	hv->get_seg(v, S_CS, &cs);
	cs.sel = (u16)sel;
	cs.base = (u64)cs.sel << 4;
	hv->set_seg(v, S_CS, &cs);
	v->regs.rip = ip;
}

/* The limit of CS is the same for all selectors. */
static bool may_go(struct vcpu *v, u32 ip)
{
	struct segment cs;

	hv->get_seg(v, S_CS, &cs);
	if (ip > cs.limit)
		vcpu_inject_gp(v);
	return ip <= cs.limit;
}

/* False: a fault was queued. */
static bool near_target(struct real_step *s, u32 *ip)
{
	u64 to = s->v->regs.rip + s->in.len + s->in.imm;

	if (s->in.form == F_RM) {
		to = 0;
		if (!emulate_read(s->v, &s->f, &s->in, &to, s->in.op_size))
			return false;
	}
	*ip = (u32)(to & alu_mask(s->in.op_size));
	return may_go(s->v, *ip);
}

static bool far_target(struct real_step *s, u32 *sel, u32 *ip)
{
	u32 size = s->in.op_size;
	u64 to = s->in.imm;

	if (s->in.form == F_RM && !emulate_read(s->v, &s->f, &s->in, &to, size + 2))
		return false;
	*sel = (u32)(to >> 8 * size);
	*ip = (u32)(to & alu_mask(size));
	return may_go(s->v, *ip);
}

/* --- the instructions ------------------------------------------------------------------------- */

static void go(struct real_step *s, u32 ip)
{
	vcpu_skip(s->v, s->in.len);
	s->v->regs.rip = ip;
}

static void go_far(struct real_step *s, u32 sel, u32 ip)
{
	vcpu_skip(s->v, s->in.len);
	real_jump(s->v, sel, ip);
}

static void jump(struct real_step *s, bool taken)
{
	u32 ip;

	if (!taken)
		vcpu_skip(s->v, s->in.len);
	else if (near_target(s, &ip))
		go(s, ip);
}

/* CX counts if the jump does not fault. */
static void loop(struct real_step *s)
{
	u64 *cx = &s->v->regs.gpr[R_CX], mask = alu_mask(s->in.addr_size);
	u64 left = (*cx - (s->in.sub != LOOP_JCXZ)) & mask;
	bool zf = s->v->regs.rflags & RFLAGS_ZF, taken = left;
	u32 ip;

	if (s->in.sub == LOOP_JCXZ)
		taken = !left;
	else if (s->in.sub != LOOP_ANY)
		taken = left && zf == (s->in.sub == LOOP_E);
	if (taken && !near_target(s, &ip))
		return;
	*cx = (*cx & ~mask) | left;
	if (taken)
		go(s, ip);
	else
		vcpu_skip(s->v, s->in.len);
}

static void call(struct real_step *s)
{
	struct real_stack st = real_stack(s->v);
	u32 back = (u32)s->v->regs.rip + s->in.len, ip;

	if (!near_target(s, &ip) || !real_push(s->v, &st, back, s->in.op_size))
		return;
	real_stack_done(s->v, &st);
	go(s, ip);
}

static void call_far(struct real_step *s)
{
	struct real_stack st = real_stack(s->v);
	u32 back = (u32)s->v->regs.rip + s->in.len, sel, ip;
	struct segment cs;

	hv->get_seg(s->v, S_CS, &cs);
	if (!far_target(s, &sel, &ip) || !real_push(s->v, &st, cs.sel, s->in.op_size) ||
	    !real_push(s->v, &st, back, s->in.op_size))
		return;
	real_stack_done(s->v, &st);
	go_far(s, sel, ip);
}

static void jump_far(struct real_step *s)
{
	u32 sel, ip;

	if (far_target(s, &sel, &ip))
		go_far(s, sel, ip);
}

/* Near and far; an immediate is what the caller had pushed. */
static void ret(struct real_step *s)
{
	struct real_stack st = real_stack(s->v);
	bool is_far = s->in.op == OP_RET_FAR;
	u32 size = s->in.op_size, ip, sel = 0;

	if (!real_pop(s->v, &st, &ip, size) || (is_far && !real_pop(s->v, &st, &sel, size)) ||
	    !may_go(s->v, ip))
		return;
	st.sp = (st.sp + (u32)s->in.imm) & st.mask;
	real_stack_done(s->v, &st);
	if (is_far)
		go_far(s, sel, ip);
	else
		go(s, ip);
}

bool real_branch(struct real_step *s)
{
	switch (s->in.op) {
	case OP_JMP:
		jump(s, true);
		break;
	case OP_JCC:
		jump(s, alu_condition(s->in.sub, s->v->regs.rflags));
		break;
	case OP_LOOP:
		loop(s);
		break;
	case OP_CALL:
		call(s);
		break;
	case OP_CALL_FAR:
		call_far(s);
		break;
	case OP_JMP_FAR:
		jump_far(s);
		break;
	case OP_RET:
	case OP_RET_FAR:
		ret(s);
		break;
	default:
		return false;
	}
	return true;
}
