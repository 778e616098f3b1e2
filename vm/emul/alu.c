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

/* By one bit; *carry is the one that goes in, of RCL and RCR, and the one that comes out. */
static u64 shift_once(enum insn_op op, u64 a, u32 size, bool *carry)
{
	u32 top = 8 * size - 1;
	bool high = a >> top & 1, low = a & 1, in = false;

	if (op == OP_RCL || op == OP_RCR)
		in = *carry;
	else if (op == OP_ROL || op == OP_SAR)
		in = high;
	else if (op == OP_ROR)
		in = low;
	if (op == OP_ROL || op == OP_RCL || op == OP_SHL) {
		*carry = high;
		return (a << 1 | in) & alu_mask(size);
	}
	*carry = low;
	return a >> 1 | (u64)in << top;
}

/* OF is the change of the sign by the last bit, which is what it means for one. */
static u64 shift(enum insn_op op, u64 a, u64 count, u32 size, u64 *rflags)
{
	bool rotates = op <= OP_RCR, carry = *rflags & RFLAGS_CF;
	u64 before = a, set = RFLAGS_CF | RFLAGS_OF;

	count &= size == 8 ? 63 : 31;
	if (!count)
		return a;
	for (; count; count--) {
		before = a;
		a = shift_once(op, a, size, &carry);
	}
	if (!rotates)
		set |= RFLAGS_ZF | RFLAGS_SF | RFLAGS_PF | RFLAGS_AF;
	*rflags &= ~set;
	*rflags |= rotates ? 0 : result_flags(a, size);
	*rflags |= carry ? RFLAGS_CF : 0;
	*rflags |= (a ^ before) >> (8 * size - 1) & 1 ? RFLAGS_OF : 0;
	return a;
}

bool alu_condition(u32 cond, u64 rflags)
{
	bool less = !(rflags & RFLAGS_SF) != !(rflags & RFLAGS_OF), yes;

	switch (cond >> 1) {
	case 0:
		yes = rflags & RFLAGS_OF;
		break;
	case 1:
		yes = rflags & RFLAGS_CF;
		break;
	case 2:
		yes = rflags & RFLAGS_ZF;
		break;
	case 3:
		yes = rflags & (RFLAGS_CF | RFLAGS_ZF);
		break;
	case 4:
		yes = rflags & RFLAGS_SF;
		break;
	case 5:
		yes = rflags & RFLAGS_PF;
		break;
	case 6:
		yes = less;
		break;
	default:
		yes = less || rflags & RFLAGS_ZF;
		break;
	}
	return yes != (cond & 1);
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
	case OP_ROL ... OP_SAR:
		return shift(op, a, b, size, rflags);
	default:
		return bit(op, a, b, rflags);
	}
	f |= result_flags(r, size);
	*rflags = (*rflags & ~(ARITH & ~keep)) | (f & ~keep);
	return r;
}
