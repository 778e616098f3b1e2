/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiplication and division: one operand is rAX, and what does not fit into it is in rDX (AH for
 * bytes). Source: AMD APM 3 "MUL", "IMUL", "DIV", "IDIV".
 */
#include "vm/emul/alu.h"
#include "vm/emul/operand.h"
#include "vm/vcpu.h"

typedef unsigned __int128 u128;
typedef __int128 s128;

static s128 extend(u64 val, u32 size)
{
	u32 unused = 64 - 8 * size;

	return (s64)(val << unused) >> unused;
}

static void set_overflow(struct emul *e, bool overflow)
{
	e->regs->rflags &= ~(RFLAGS_CF | RFLAGS_OF);
	e->regs->rflags |= overflow ? RFLAGS_CF | RFLAGS_OF : 0;
}

/* low in rAX, high in rDX; bytes are both halves of AX. */
static void set_pair(struct emul *e, const struct insn *in, u64 low, u64 high)
{
	if (in->op_size == 1) {
		reg_set(e, in, R_AX, 2, (low & 0xff) | high << 8);
		return;
	}
	reg_set(e, in, R_AX, in->op_size, low);
	reg_set(e, in, R_DX, in->op_size, high);
}

static void multiply(struct emul *e, const struct insn *in, u64 src)
{
	u64 acc = reg_get(e, in, R_AX, in->op_size);
	u32 bits = 8 * in->op_size;
	u128 r = (u128)acc * src;
	bool overflow = r >> bits;

	if (in->op == OP_IMUL) {
		r = (u128)(extend(acc, in->op_size) * extend(src, in->op_size));
		overflow = (s128)r != extend((u64)r, in->op_size);
	}
	set_pair(e, in, (u64)r, (u64)(r >> bits));
	set_overflow(e, overflow);
}

/* Two or three operands: the high half is lost. */
static void multiply_reg(struct emul *e, const struct insn *in, u64 src)
{
	u64 other = in->form == F_REG_RM_IMM ? in->imm : reg_get(e, in, in->reg, in->op_size);
	s128 r = extend(src, in->op_size) * extend(other, in->op_size);

	reg_set(e, in, in->reg, in->op_size, (u64)r);
	set_overflow(e, r != extend((u64)r, in->op_size));
}

/* Without signs. False: the quotient does not fit into 64 bits. */
static bool divide_by(u128 dividend, u64 divisor, u64 *quotient, u64 *rest)
{
	u64 high = (u64)(dividend >> 64), low = (u64)dividend;

	if (high >= divisor) /* a divisor of 0, too */
		return false;
	__asm__("divq %4"
		: "=a"(*quotient), "=d"(*rest)
		: "a"(low), "d"(high), "r"(divisor)
		: "cc");
	return true;
}

static enum emul_res divide(struct emul *e, const struct insn *in, u64 src)
{
	bool is_signed = in->op == OP_IDIV;
	u32 size = in->op_size, bits = 8 * size;
	u64 high = size == 1 ? e->regs->gpr[R_AX] >> 8 & 0xff : reg_get(e, in, R_DX, size);
	bool minus = is_signed && high >> (bits - 1) & 1,
	     src_minus = is_signed && src >> (bits - 1);
	u128 all = (u128)high << bits | reg_get(e, in, R_AX, size);
	u64 quotient, rest, most;

	if (minus)
		all = (((u128)1 << bits << bits) - all);
	if (src_minus)
		src = -src & alu_mask(size);
	most = alu_mask(size) >> is_signed;
	if (!divide_by(all, src, &quotient, &rest) || quotient > most + (minus != src_minus))
		return emul_raise(e, EXC_DE);
	set_pair(e, in, minus != src_minus ? -quotient : quotient, minus ? -rest : rest);
	return EMUL_OK;
}

enum emul_res exec_muldiv(struct emul *e, const struct insn *in)
{
	enum emul_res r;
	u64 src;

	r = rm_get(e, in, &src);
	if (r)
		return r;
	if (in->op == OP_DIV || in->op == OP_IDIV)
		return divide(e, in, src);
	if (in->form == F_RM)
		multiply(e, in, src);
	else
		multiply_reg(e, in, src);
	return EMUL_OK;
}
