/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * String and port instructions. A repeated one does a bounded number of elements per call, so that
 * interrupts get in between, as they do on a CPU.
 * Source: AMD APM 3 "Repeat Prefixes", and each instruction.
 */
#include "vm/emul/alu.h"
#include "vm/emul/operand.h"
#include "vm/vcpu.h"

#define ELEMENTS_PER_CALL 1024

static u64 get_addr_reg(const struct emul *e, const struct insn *in, u32 n)
{
	return e->regs->gpr[n] & alu_mask(in->addr_size);
}

static void advance(struct emul *e, const struct insn *in, u32 n)
{
	u64 step = in->op_size;

	if (e->regs->rflags & RFLAGS_DF)
		step = -step;
	reg_set(e, in, n, in->addr_size, e->regs->gpr[n] + step);
}

/* Linear address of DS:SI (the segment may be overridden). */
static enum emul_res source(struct emul *e, const struct insn *in, gva_t *gva)
{
	return operand_linear(e, in->seg, get_addr_reg(e, in, R_SI), in->op_size, false, gva);
}

/* Linear address of ES:DI. */
static enum emul_res dest(struct emul *e, const struct insn *in, bool write, gva_t *gva)
{
	return operand_linear(e, S_ES, get_addr_reg(e, in, R_DI), in->op_size, write, gva);
}

static enum emul_res read_source(struct emul *e, const struct insn *in, u64 *val)
{
	gva_t gva;
	enum emul_res r = source(e, in, &gva);

	*val = 0;
	return r ? r : e->ops->read(e, gva, val, in->op_size, false);
}

static enum emul_res read_dest(struct emul *e, const struct insn *in, u64 *val)
{
	gva_t gva;
	enum emul_res r = dest(e, in, false, &gva);

	*val = 0;
	return r ? r : e->ops->read(e, gva, val, in->op_size, false);
}

static enum emul_res write_dest(struct emul *e, const struct insn *in, u64 val)
{
	gva_t gva;
	enum emul_res r = dest(e, in, true, &gva);

	return r ? r : e->ops->write(e, gva, &val, in->op_size);
}

/* The memory comes first: a fault must not swallow what the port gives. */
static enum emul_res input(struct emul *e, const struct insn *in)
{
	u16 port = (u16)e->regs->gpr[R_DX];
	enum emul_res r;
	gva_t gva;
	u64 probe;
	u32 val = 0;

	r = dest(e, in, true, &gva);
	if (r == EMUL_OK)
		r = e->ops->read(e, gva, &probe, in->op_size, true);
	if (r == EMUL_OK)
		r = e->ops->in(e, port, in->op_size, &val);
	return r ? r : e->ops->write(e, gva, &val, in->op_size);
}

static enum emul_res output(struct emul *e, const struct insn *in)
{
	u64 val;
	enum emul_res r = read_source(e, in, &val);

	return r ? r : e->ops->out(e, (u16)e->regs->gpr[R_DX], in->op_size, (u32)val);
}

/* CMPS and SCAS: source (or rAX) minus destination. */
static enum emul_res compare(struct emul *e, const struct insn *in)
{
	u64 a = reg_get(e, in, R_AX, in->op_size), b;
	enum emul_res r = EMUL_OK;

	if (in->op == OP_CMPS)
		r = read_source(e, in, &a);
	if (r == EMUL_OK)
		r = read_dest(e, in, &b);
	if (r == EMUL_OK)
		alu(OP_CMP, a, b, in->op_size, &e->regs->rflags);
	return r;
}

static enum emul_res element(struct emul *e, const struct insn *in)
{
	enum emul_res r;
	u64 val;

	switch (in->op) {
	case OP_MOVS:
		r = read_source(e, in, &val);
		return r ? r : write_dest(e, in, val);
	case OP_STOS:
		return write_dest(e, in, reg_get(e, in, R_AX, in->op_size));
	case OP_LODS:
		r = read_source(e, in, &val);
		if (r == EMUL_OK)
			reg_set(e, in, R_AX, in->op_size, val);
		return r;
	case OP_INS:
		return input(e, in);
	case OP_OUTS:
		return output(e, in);
	default:
		return compare(e, in);
	}
}

/* Has a REPE or REPNE found what it looked for? */
static bool found(const struct emul *e, const struct insn *in)
{
	bool equal = e->regs->rflags & RFLAGS_ZF;

	if (in->op != OP_CMPS && in->op != OP_SCAS)
		return false;
	return in->flags & INSN_REP ? !equal : equal;
}

static enum emul_res step(struct emul *e, const struct insn *in)
{
	enum emul_res r = element(e, in);

	if (r)
		return r;
	if (in->op == OP_MOVS || in->op == OP_CMPS || in->op == OP_LODS || in->op == OP_OUTS)
		advance(e, in, R_SI);
	if (in->op != OP_LODS && in->op != OP_OUTS)
		advance(e, in, R_DI);
	return EMUL_OK;
}

enum emul_res exec_string(struct emul *e, const struct insn *in)
{
	u32 max = e->regs->rflags & RFLAGS_TF ? 1 : ELEMENTS_PER_CALL;
	u64 left = get_addr_reg(e, in, R_CX);

	if (!(in->flags & (INSN_REP | INSN_REPNE)))
		return step(e, in);
	for (u32 i = 0; left && i < max; i++) {
		enum emul_res r = step(e, in);

		if (r)
			return r;
		left--;
		reg_set(e, in, R_CX, in->addr_size, left);
		if (found(e, in))
			return EMUL_OK;
	}
	return left ? EMUL_AGAIN : EMUL_OK;
}

enum emul_res exec_port(struct emul *e, const struct insn *in)
{
	u16 port = (u16)(in->form == F_IMM ? in->imm : e->regs->gpr[R_DX]);
	enum emul_res r;
	u32 val = 0;

	if (in->op == OP_OUT)
		return e->ops->out(e, port, in->op_size, (u32)reg_get(e, in, R_AX, in->op_size));
	r = e->ops->in(e, port, in->op_size, &val);
	if (r == EMUL_OK)
		reg_set(e, in, R_AX, in->op_size, val);
	return r;
}
