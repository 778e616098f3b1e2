/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions that compute from their destination and write it back, or only set flags. */
#include "vm/emul/alu.h"
#include "vm/emul/operand.h"
#include "vm/vcpu.h"

/* A locked update that another CPU keeps disturbing ends in EMUL_RETRY. */
#define LOCK_ATTEMPTS 16

/* The source operand of dest op= source, as alu() wants it. */
static u64 source(const struct emul *e, const struct insn *in)
{
	u64 val = 0;

	if (in->form == F_RM_IMM)
		val = in->imm;
	else if (in->form == F_RM_REG)
		val = reg_get(e, in, in->reg, in->op_size);
	if (in->op >= OP_BT && in->op <= OP_BTC)
		val &= 8 * (u64)in->op_size - 1;
	return val;
}

static bool only_flags(enum insn_op op)
{
	return op == OP_CMP || op == OP_TEST || op == OP_BT;
}

/* XADD and XCHG also give the old destination to the source register. */
static void finish(struct emul *e, const struct insn *in, u64 old, u64 rflags)
{
	if (in->op == OP_XADD || in->op == OP_XCHG)
		reg_set(e, in, in->reg, in->op_size, old);
	e->regs->rflags = rflags;
}

/* Destination in a register, or memory as the source of a register destination. */
static enum emul_res rmw_reg(struct emul *e, const struct insn *in)
{
	u32 dst = in->form == F_REG_RM ? in->reg : in->rm;
	u64 old = reg_get(e, in, dst, in->op_size), src, new, rflags = e->regs->rflags;
	enum emul_res r = EMUL_OK;

	if (in->form == F_REG_RM)
		r = rm_get(e, in, &src);
	else
		src = source(e, in);
	if (r)
		return r;
	new = alu(in->op, old, src, in->op_size, &rflags);
	finish(e, in, old, rflags);
	if (!only_flags(in->op)) /* after the source: XADD of a register to itself keeps the sum */
		reg_set(e, in, dst, in->op_size, new);
	return EMUL_OK;
}

static enum emul_res rmw_locked(struct emul *e, const struct insn *in, gva_t gva)
{
	u64 src = source(e, in), old = 0;
	bool swapped = false;
	enum emul_res r;

	r = e->ops->read(e, gva, &old, in->op_size, true);
	for (u32 i = 0; r == EMUL_OK && i < LOCK_ATTEMPTS; i++) {
		u64 rflags = e->regs->rflags;
		u64 new = alu(in->op, old, src, in->op_size, &rflags);

		r = e->ops->cmpxchg(e, gva, &old, &new, in->op_size, &swapped);
		if (r == EMUL_OK && swapped) {
			finish(e, in, old, rflags);
			return EMUL_OK;
		}
	}
	return r ? r : EMUL_RETRY;
}

static enum emul_res rmw_mem(struct emul *e, const struct insn *in)
{
	bool write = !only_flags(in->op);
	u64 src = source(e, in), old = 0, new, rflags = e->regs->rflags;
	enum emul_res r;
	gva_t gva;

	r = operand_gva(e, in, write, &gva);
	if (r)
		return r;
	if (in->flags & INSN_LOCK || in->op == OP_XCHG) /* XCHG locks by itself */
		return rmw_locked(e, in, gva);
	r = e->ops->read(e, gva, &old, in->op_size, write);
	if (r)
		return r;
	new = alu(in->op, old, src, in->op_size, &rflags);
	if (write)
		r = e->ops->write(e, gva, &new, in->op_size);
	if (r == EMUL_OK)
		finish(e, in, old, rflags);
	return r;
}

/* Memory destination of CMPXCHG: *old becomes what was there; it is written in any case. */
static enum emul_res compare_mem(struct emul *e, const struct insn *in, u64 *old, u64 new)
{
	u64 expected = *old;
	enum emul_res r;
	bool swapped;
	gva_t gva;

	r = operand_gva(e, in, true, &gva);
	if (r)
		return r;
	if (in->flags & INSN_LOCK) {
		r = e->ops->cmpxchg(e, gva, old, &new, in->op_size, &swapped);
		return r == EMUL_OK && !swapped && *old == expected ? EMUL_RETRY : r;
	}
	*old = 0;
	r = e->ops->read(e, gva, old, in->op_size, true);
	if (r)
		return r;
	return e->ops->write(e, gva, *old == expected ? &new : old, in->op_size);
}

static enum emul_res exec_cmpxchg(struct emul *e, const struct insn *in)
{
	u64 acc = reg_get(e, in, R_AX, in->op_size), old = acc;
	u64 new = reg_get(e, in, in->reg, in->op_size);
	enum emul_res r;

	if (in->flags & INSN_MEM) {
		r = compare_mem(e, in, &old, new);
		if (r)
			return r;
	} else {
		old = reg_get(e, in, in->rm, in->op_size);
		if (old == acc)
			reg_set(e, in, in->rm, in->op_size, new);
	}
	alu(OP_CMP, acc, old, in->op_size, &e->regs->rflags);
	if (old != acc)
		reg_set(e, in, R_AX, in->op_size, old);
	return EMUL_OK;
}

/* Two registers are one operand of 8 or 16 bytes. Always through ops->cmpxchg: one store. */
static enum emul_res exec_cmpxchg8b(struct emul *e, const struct insn *in)
{
	u64 old[2] = { reg_get(e, in, R_AX, in->op_size), reg_get(e, in, R_DX, in->op_size) };
	u64 new[2] = { reg_get(e, in, R_BX, in->op_size), reg_get(e, in, R_CX, in->op_size) };
	enum emul_res r;
	bool swapped;
	gva_t gva;

	if (in->op_size == 4) {
		old[0] |= old[1] << 32;
		new[0] |= new[1] << 32;
	}
	r = operand_gva(e, in, true, &gva);
	if (r)
		return r;
	if (in->op_size == 8 && !IS_ALIGNED(gva.v, 16))
		return emul_raise(e, EXC_GP);
	r = e->ops->cmpxchg(e, gva, old, new, in->rm_size, &swapped);
	if (r)
		return r;
	e->regs->rflags &= ~RFLAGS_ZF;
	if (swapped) {
		e->regs->rflags |= RFLAGS_ZF;
		return EMUL_OK;
	}
	if (in->op_size == 4)
		old[1] = old[0] >> 32;
	reg_set(e, in, R_AX, in->op_size, old[0]);
	reg_set(e, in, R_DX, in->op_size, old[1]);
	return EMUL_OK;
}

enum emul_res exec_rmw(struct emul *e, const struct insn *in)
{
	if (in->op == OP_CMPXCHG)
		return exec_cmpxchg(e, in);
	if (in->op == OP_CMPXCHG8B)
		return exec_cmpxchg8b(e, in);
	if (in->flags & INSN_MEM && in->form != F_REG_RM)
		return rmw_mem(e, in);
	return rmw_reg(e, in);
}
