/* SPDX-License-Identifier: BSD-2-Clause */
/* Moves, the stack, and the way to the other parts of the executor. */
#include "vm/emul/exec.h"

#include <string.h>

#include "vm/emul/alu.h"
#include "vm/emul/operand.h"
#include "vm/vcpu.h"

static u64 sign_extend(u64 val, u32 size)
{
	u32 unused = 64 - 8 * size;

	return (u64)((s64)(val << unused) >> unused);
}

static u64 swap_bytes(u64 val, u32 size)
{
	return __builtin_bswap64(val) >> (64 - 8 * size);
}

/* The value that a move writes, from the value that it reads. */
static u64 converted(const struct insn *in, u64 val)
{
	if (in->op == OP_MOVSX || in->op == OP_MOVSXD)
		return sign_extend(val, in->rm_size);
	if (in->op == OP_MOVBE)
		return swap_bytes(val, in->op_size);
	return val;
}

static enum emul_res exec_mov(struct emul *e, const struct insn *in)
{
	enum emul_res r;
	u64 val;

	if (in->form == F_RM_IMM)
		return rm_set(e, in, in->imm);
	if (in->form == F_RM_REG)
		return rm_set(e, in, converted(in, reg_get(e, in, in->reg, in->op_size)));
	r = rm_get(e, in, &val);
	if (r == EMUL_OK)
		reg_set(e, in, in->reg, in->op_size, converted(in, val));
	return r;
}

static enum emul_res exec_from_sreg(struct emul *e, const struct insn *in)
{
	struct segment s;

	e->ops->get_seg(e, in->reg, &s);
	return rm_set(e, in, s.sel);
}

/* Source: AMD APM 3 "SMSW". */
static enum emul_res exec_smsw(struct emul *e, const struct insn *in)
{
	const struct mmu_regs *regs = &e->fetch->regs;

	if (regs->cpl == 3 && regs->cr4 & CR4_UMIP)
		return emul_raise(e, EXC_GP);
	return rm_set(e, in, regs->cr0);
}

/* Width of the stack pointer in bytes. */
static u32 stack_size(struct emul *e)
{
	struct segment ss;

	if (emul_is_64(e))
		return 8;
	e->ops->get_seg(e, S_SS, &ss);
	return ss.attr & SEG_ATTR_DB ? 4 : 2;
}

static enum emul_res push(struct emul *e, const struct insn *in)
{
	u32 width = stack_size(e);
	u64 val = in->imm, sp = (e->regs->gpr[R_SP] - in->op_size) & alu_mask(width);
	enum emul_res r = EMUL_OK;
	gva_t gva;

	if (in->form == F_RM)
		r = rm_get(e, in, &val);
	if (r == EMUL_OK)
		r = operand_linear(e, S_SS, sp, in->op_size, true, &gva);
	if (r == EMUL_OK)
		r = e->ops->write(e, gva, &val, in->op_size);
	if (r == EMUL_OK)
		reg_set(e, in, R_SP, width, sp);
	return r;
}

/* A destination that is addressed through SP sees it incremented already; and POP SP has the last
 * word. */
static enum emul_res pop(struct emul *e, const struct insn *in)
{
	u32 width = stack_size(e);
	u64 val = 0, before = e->regs->gpr[R_SP], sp = before & alu_mask(width);
	enum emul_res r;
	gva_t gva;

	r = operand_linear(e, S_SS, sp, in->op_size, false, &gva);
	if (r == EMUL_OK)
		r = e->ops->read(e, gva, &val, in->op_size, false);
	if (r)
		return r;
	reg_set(e, in, R_SP, width, before + in->op_size);
	r = rm_set(e, in, val);
	if (r)
		e->regs->gpr[R_SP] = before;
	return r;
}

/* rm as the source of a vector move: v gets 32 bytes, zero above the operand. */
static enum emul_res vec_source(struct emul *e, const struct insn *in, u8 *v)
{
	enum emul_res r;
	u64 val;
	gva_t gva;

	memset(v, 0, 32);
	if (in->flags & INSN_MEM) {
		r = operand_gva(e, in, false, &gva);
		return r ? r : e->ops->read(e, gva, v, in->rm_size, false);
	}
	if (in->flags & INSN_RMGPR) {
		val = reg_get(e, in, in->rm, in->rm_size);
		memcpy(v, &val, in->rm_size);
		return EMUL_OK;
	}
	e->ops->get_vec(e, in->rm, v);
	memset(v + in->rm_size, 0, 32 - in->rm_size);
	return EMUL_OK;
}

/* May vector instructions be used now? XCR0 is the caller's to know.
 * Source: AMD APM 2 "Enabling SSE/AVX". */
static enum emul_res vec_enabled(struct emul *e, bool vex)
{
	u64 cr0 = e->fetch->regs.cr0, cr4 = e->fetch->regs.cr4;
	bool prot = cr0 & CR0_PE && !(e->regs->rflags & RFLAGS_VM);

	if (vex ? !prot || !(cr4 & CR4_OSXSAVE) : cr0 & CR0_EM || !(cr4 & CR4_OSFXSR))
		return emul_raise(e, EXC_UD);
	return cr0 & CR0_TS ? emul_raise(e, EXC_NM) : EMUL_OK;
}

static enum emul_res exec_vmov(struct emul *e, const struct insn *in)
{
	bool legacy = !(in->flags & INSN_VEX);
	enum emul_res r = vec_enabled(e, !legacy);
	u64 val = 0;
	gva_t gva;
	u8 v[32];

	if (r)
		return r;
	if (in->form == F_REG_RM) {
		r = vec_source(e, in, v);
		if (r == EMUL_OK)
			e->ops->set_vec(e, in->reg, v, legacy);
		return r;
	}
	e->ops->get_vec(e, in->reg, v);
	if (in->flags & INSN_MEM) {
		r = operand_gva(e, in, true, &gva);
		return r ? r : e->ops->write(e, gva, v, in->rm_size);
	}
	if (in->flags & INSN_RMGPR) {
		memcpy(&val, v, in->rm_size);
		return rm_set(e, in, val);
	}
	memset(v + in->rm_size, 0, 32 - in->rm_size);
	e->ops->set_vec(e, in->rm, v, legacy);
	return EMUL_OK;
}

/* The sign of rAX goes to its upper half, or to rDX. */
static enum emul_res exec_sign(struct emul *e, const struct insn *in)
{
	u32 half = in->op_size / 2;

	if (in->op == OP_CBW)
		reg_set(e, in, R_AX, in->op_size, sign_extend(reg_get(e, in, R_AX, half), half));
	else
		reg_set(e, in, R_DX, in->op_size,
			(u64)((s64)sign_extend(e->regs->gpr[R_AX], in->op_size) >> 63));
	return EMUL_OK;
}

static enum emul_res exec_flag(struct emul *e, const struct insn *in)
{
	u64 bit = in->op == OP_CLD || in->op == OP_STD ? RFLAGS_DF : RFLAGS_CF;

	if (in->op == OP_CMC)
		e->regs->rflags ^= bit;
	else if (in->op == OP_STC || in->op == OP_STD)
		e->regs->rflags |= bit;
	else
		e->regs->rflags &= ~bit;
	return EMUL_OK;
}

/* CMOVcc reads its source, and clears the upper half of a 64-bit register, in any case. */
static enum emul_res exec_conditional(struct emul *e, const struct insn *in)
{
	bool yes = alu_condition(in->sub, e->regs->rflags);
	enum emul_res r;
	u64 val;

	if (in->op == OP_SETCC)
		return rm_set(e, in, yes);
	r = rm_get(e, in, &val);
	if (r == EMUL_OK)
		reg_set(e, in, in->reg, in->op_size,
			yes ? val : reg_get(e, in, in->reg, in->op_size));
	return r;
}

static enum emul_res exec_lea(struct emul *e, const struct insn *in)
{
	reg_set(e, in, in->reg, in->op_size, operand_offset(e, in));
	return EMUL_OK;
}

enum emul_res emul_exec(struct emul *e, const struct insn *in)
{
	if (in->op >= OP_ADD && in->op <= OP_CMPXCHG8B)
		return exec_rmw(e, in);
	if (in->op >= OP_MOVS && in->op <= OP_OUTS)
		return exec_string(e, in);
	switch (in->op) {
	case OP_MUL:
	case OP_IMUL:
	case OP_DIV:
	case OP_IDIV:
		return exec_muldiv(e, in);
	case OP_CBW:
	case OP_CWD:
		return exec_sign(e, in);
	case OP_CLC ... OP_STD:
		return exec_flag(e, in);
	case OP_SETCC:
	case OP_CMOVCC:
		return exec_conditional(e, in);
	case OP_LEA:
		return exec_lea(e, in);
	case OP_MOV:
	case OP_MOVNTI:
	case OP_MOVBE:
	case OP_MOVZX:
	case OP_MOVSX:
	case OP_MOVSXD:
		return exec_mov(e, in);
	case OP_MOV_FROM_SREG:
		return exec_from_sreg(e, in);
	case OP_SMSW:
		return exec_smsw(e, in);
	case OP_PUSH:
		return push(e, in);
	case OP_POP:
		return pop(e, in);
	case OP_VMOV:
		return exec_vmov(e, in);
	case OP_IN:
	case OP_OUT:
		return exec_port(e, in);
	case OP_NOP:
		return EMUL_OK;
	default:
		return EMUL_UNHANDLED;
	}
}
