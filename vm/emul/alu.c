/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Carries come from the operands and the result: with r = a + b + c, bit i of a ^ b ^ r is the
 * carry into bit i. Source: AMD APM 1 "Flags Register".
 */
#include "vm/emul/alu.h"

#define ARITH (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

/* ZF, SF, PF of a result. */
static u64 result_flags(u64 r, u32 size)
{
	u64 f = 0;

	if (r == 0)
		f |= RFLAGS_ZF;
	if (r >> (8 * size - 1) & 1)
		f |= RFLAGS_SF;
	if (!__builtin_parityll(r & 0xff))
		f |= RFLAGS_PF;
	return f;
}

/* CF, AF, OF, given the carries (or borrows) out of each bit and what OF looks at. */
static u64 carry_flags(u64 carry, u64 overflow, u32 size)
{
	u32 top = 8 * size - 1;
	u64 f = 0;

	if (carry >> top & 1)
		f |= RFLAGS_CF;
	if (carry >> 3 & 1)
		f |= RFLAGS_AF;
	if (overflow >> top & 1)
		f |= RFLAGS_OF;
	return f;
}

static u64 add(u64 a, u64 b, u64 carry, u32 size, u64 *f)
{
	u64 r = (a + b + carry) & alu_mask(size);

	*f = carry_flags((a & b) | ((a | b) & ~r), (a ^ r) & (b ^ r), size);
	return r;
}

static u64 sub(u64 a, u64 b, u64 borrow, u32 size, u64 *f)
{
	u64 r = (a - b - borrow) & alu_mask(size);

	*f = carry_flags((~a & b) | ((~a | b) & r), (a ^ b) & (a ^ r), size);
	return r;
}

static u64 bit(enum insn_op op, u64 a, u64 nr, u64 *rflags)
{
	*rflags &= ~RFLAGS_CF;
	*rflags |= a >> nr & 1 ? RFLAGS_CF : 0;
	switch (op) {
	case OP_BTS:
		return a | BIT(nr);
	case OP_BTR:
		return a & ~BIT(nr);
	case OP_BTC:
		return a ^ BIT(nr);
	default:
		return a;
	}
}

u64 alu(enum insn_op op, u64 a, u64 b, u32 size, u64 *rflags)
{
	u64 f = 0, r, keep = 0, carry = *rflags & RFLAGS_CF;

	a &= alu_mask(size);
	b &= alu_mask(size);
	switch (op) {
	case OP_ADD:
	case OP_XADD:
		r = add(a, b, 0, size, &f);
		break;
	case OP_ADC:
		r = add(a, b, carry, size, &f);
		break;
	case OP_SUB:
	case OP_CMP:
	case OP_CMPXCHG:
		r = sub(a, b, 0, size, &f);
		break;
	case OP_SBB:
		r = sub(a, b, carry, size, &f);
		break;
	case OP_NEG:
		r = sub(0, a, 0, size, &f);
		break;
	case OP_INC:
		r = add(a, 1, 0, size, &f);
		keep = RFLAGS_CF;
		break;
	case OP_DEC:
		r = sub(a, 1, 0, size, &f);
		keep = RFLAGS_CF;
		break;
	case OP_AND:
	case OP_TEST:
		r = a & b;
		break;
	case OP_OR:
		r = a | b;
		break;
	case OP_XOR:
		r = a ^ b;
		break;
	case OP_NOT:
		return ~a & alu_mask(size);
	case OP_XCHG:
		return b;
	default:
		return bit(op, a, b, rflags);
	}
	f |= result_flags(r, size);
	*rflags = (*rflags & ~(ARITH & ~keep)) | (f & ~keep);
	return r;
}
