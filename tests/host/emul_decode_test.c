/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/emul/decode.c vm/emul/opcodes.c */
/*
 * Encodings checked by hand against the manuals, and the verdicts; tests/fuzz/decode_zydis.c has
 * the numbers.
 */
#include "tests/host/test.h"

#include "vm/emul/decode.h"

#define B(...)              \
	{                   \
		__VA_ARGS__ \
	}

/* --- decoded instructions --------------------------------------------------------------------- */

/* Fields of in that are not named are 0, but base and index, where 0 means none and a register is
 * R(n). */
struct sample {
	u32 mode;
	u8 bytes[16];
	struct insn in;
};

#define R(n)  ((u8)((n) + 1))
#define RIP   R(INSN_RIP)
#define M     INSN_MEM
#define OK(o) .op = OP_##o

static const struct sample samples[] = {
	/* mov [rax], ecx; the same in the other modes: word, 16-bit address BX+SI */
	{ INSN_MODE_64,
	  B(0x89, 0x08),
	  { OK(MOV), .form = F_RM_REG, .len = 2, .op_size = 4, .addr_size = 8, .rm_size = 4,
	    .reg = R_CX, .seg = S_DS, .base = R(R_AX), .flags = M } },
	{ INSN_MODE_32,
	  B(0x89, 0x08),
	  { OK(MOV), .form = F_RM_REG, .len = 2, .op_size = 4, .addr_size = 4, .rm_size = 4,
	    .reg = R_CX, .seg = S_DS, .base = R(R_AX), .flags = M } },
	{ INSN_MODE_16,
	  B(0x89, 0x08),
	  { OK(MOV), .form = F_RM_REG, .len = 2, .op_size = 2, .addr_size = 2, .rm_size = 2,
	    .reg = R_CX, .seg = S_DS, .base = R(R_BX), .index = R(R_SI), .flags = M } },
	/* 66 and 67 swap the sizes */
	{ INSN_MODE_16,
	  B(0x66, 0x67, 0x89, 0x08),
	  { OK(MOV), .form = F_RM_REG, .len = 4, .op_size = 4, .addr_size = 4, .rm_size = 4,
	    .reg = R_CX, .seg = S_DS, .base = R(R_AX), .flags = M } },
	{ INSN_MODE_32,
	  B(0x67, 0x66, 0x89, 0x46, 0xfe), /* mov [bp-2], ax: stack segment */
	  { OK(MOV), .form = F_RM_REG, .len = 5, .op_size = 2, .addr_size = 2, .rm_size = 2,
	    .reg = R_AX, .rm = 6, .seg = S_SS, .base = R(R_BP), .disp = -2, .flags = M } },
	/* 16-bit absolute */
	{ INSN_MODE_16,
	  B(0xa3, 0x34, 0xf2),
	  { OK(MOV), .form = F_RM_REG, .len = 3, .op_size = 2, .addr_size = 2, .rm_size = 2,
	    .seg = S_DS, .disp = 0xf234, .flags = M } },
	{ INSN_MODE_16,
	  B(0x89, 0x1e, 0x34, 0xf2),
	  { OK(MOV), .form = F_RM_REG, .len = 4, .op_size = 2, .addr_size = 2, .rm_size = 2,
	    .reg = R_BX, .rm = 6, .seg = S_DS, .disp = -0xdcc, .flags = M } },
	/* REX.W beats 66; a REX before another prefix is void */
	{ INSN_MODE_64,
	  B(0x66, 0x48, 0x89, 0x08),
	  { OK(MOV), .form = F_RM_REG, .len = 4, .op_size = 8, .addr_size = 8, .rm_size = 8,
	    .reg = R_CX, .seg = S_DS, .base = R(R_AX), .flags = M | INSN_REX } },
	{ INSN_MODE_64,
	  B(0x48, 0x66, 0x89, 0x08),
	  { OK(MOV), .form = F_RM_REG, .len = 4, .op_size = 2, .addr_size = 8, .rm_size = 2,
	    .reg = R_CX, .seg = S_DS, .base = R(R_AX), .flags = M } },
	/* near branches: 66 is ignored by Intel's CPUs in 64-bit mode */
	{ INSN_MODE_16,
	  B(0xe8, 0xfe, 0xff),
	  { OK(CALL), .form = F_IMM, .len = 3, .op_size = 2, .addr_size = 2, .rm_size = 2,
	    .seg = S_DS, .imm = ~1ULL } },
	{ INSN_MODE_64,
	  B(0x66, 0xe9, 1, 2, 3, 4),
	  { OK(JMP), .form = F_IMM, .len = 4, .op_size = 2, .addr_size = 8, .rm_size = 2,
	    .seg = S_DS, .imm = 0x201 } },
	{ INSN_MODE_64 | INSN_INTEL,
	  B(0x66, 0xe9, 1, 2, 3, 4),
	  { OK(JMP), .form = F_IMM, .len = 6, .op_size = 8, .addr_size = 8, .rm_size = 8,
	    .seg = S_DS, .imm = 0x4030201 } },
	{ INSN_MODE_16,
	  B(0x7d, 0x80),
	  { OK(JCC), .form = F_IMM, .len = 2, .op_size = 2, .addr_size = 2, .rm_size = 2,
	    .seg = S_DS, .sub = 13, .imm = ~0x7fULL } },
	{ INSN_MODE_16,
	  B(0x67, 0xe3, 0x10),
	  { OK(LOOP), .form = F_IMM, .len = 3, .op_size = 2, .addr_size = 4, .rm_size = 2,
	    .seg = S_DS, .sub = LOOP_JCXZ, .imm = 0x10 } },
	{ INSN_MODE_16,
	  B(0xc2, 0xfe, 0xff),
	  { OK(RET), .form = F_IMM, .len = 3, .op_size = 2, .addr_size = 2, .rm_size = 2,
	    .seg = S_DS, .imm = 0xfffe } },
	/* shifts by one, by CL and by a number; LDS; a multiplication with three operands */
	{ INSN_MODE_16,
	  B(0xd1, 0xe0),
	  { OK(SHL), .form = F_RM_IMM, .len = 2, .op_size = 2, .addr_size = 2, .rm_size = 2,
	    .reg = R_CX, .rm = R_AX, .seg = S_DS, .imm = 1 } },
	{ INSN_MODE_32,
	  B(0xd3, 0xfa),
	  { OK(SAR), .form = F_RM_REG, .len = 2, .op_size = 4, .addr_size = 4, .rm_size = 4,
	    .reg = R_CX, .rm = R_DX, .seg = S_DS, .imm = 1 } },
	{ INSN_MODE_32,
	  B(0xc0, 0xca, 0x85),
	  { OK(ROR), .form = F_RM_IMM, .len = 3, .op_size = 1, .addr_size = 4, .rm_size = 1,
	    .reg = 1, .rm = R_DX, .seg = S_DS, .imm = 0x85 } },
	{ INSN_MODE_16,
	  B(0xc5, 0x04),
	  { OK(LOAD_FAR), .form = F_REG_RM, .len = 2, .op_size = 2, .addr_size = 2, .rm_size = 4,
	    .rm = 4, .seg = S_DS, .base = R(R_SI), .sub = S_DS, .flags = M } },
	{ INSN_MODE_32,
	  B(0x6b, 0xc3, 0xff),
	  { OK(IMUL), .form = F_REG_RM_IMM, .len = 3, .op_size = 4, .addr_size = 4, .rm_size = 4,
	    .rm = R_BX, .seg = S_DS, .imm = ~0ULL } },
	{ INSN_MODE_16,
	  B(0x0f, 0xa8),
	  { OK(PUSH_SREG), .form = F_NONE, .len = 2, .op_size = 2, .addr_size = 2, .rm_size = 2,
	    .reg = S_GS, .seg = S_DS } },
	/* RIP-relative; absolute needs a SIB */
	{ INSN_MODE_64,
	  B(0x8b, 0x05, 0x10, 0x00, 0x00, 0x80),
	  { OK(MOV), .form = F_REG_RM, .len = 6, .op_size = 4, .addr_size = 8, .rm_size = 4,
	    .rm = 5, .seg = S_DS, .base = RIP, .disp = -0x7ffffff0, .flags = M } },
	{ INSN_MODE_64,
	  B(0x8b, 0x04, 0x25, 0x10, 0x00, 0x00, 0x80),
	  { OK(MOV), .form = F_REG_RM, .len = 7, .op_size = 4, .addr_size = 8, .rm_size = 4,
	    .rm = 4, .seg = S_DS, .disp = -0x7ffffff0, .flags = M } },
	{ INSN_MODE_32,
	  B(0x8b, 0x05, 0x10, 0x00, 0x00, 0x80),
	  { OK(MOV), .form = F_REG_RM, .len = 6, .op_size = 4, .addr_size = 4, .rm_size = 4,
	    .rm = 5, .seg = S_DS, .disp = -0x7ffffff0, .flags = M } },
	/* SIB: RSP is no index, R12 is one; base 5 with mod 0 is none, whatever REX.B */
	{ INSN_MODE_64,
	  B(0x8b, 0x44, 0x24, 0x08),
	  { OK(MOV), .form = F_REG_RM, .len = 4, .op_size = 4, .addr_size = 8, .rm_size = 4,
	    .rm = 4, .seg = S_SS, .base = R(R_SP), .disp = 8, .flags = M } },
	{ INSN_MODE_64,
	  B(0x42, 0x8b, 0x04, 0xa0),
	  { OK(MOV), .form = F_REG_RM, .len = 4, .op_size = 4, .addr_size = 8, .rm_size = 4,
	    .rm = 4, .seg = S_DS, .base = R(R_AX), .index = R(R_12), .scale = 2,
	    .flags = M | INSN_REX } },
	{ INSN_MODE_64,
	  B(0x41, 0x8b, 0x04, 0x8d, 1, 0, 0, 0),
	  { OK(MOV), .form = F_REG_RM, .len = 8, .op_size = 4, .addr_size = 8, .rm_size = 4,
	    .rm = 12, .seg = S_DS, .index = R(R_CX), .scale = 2, .disp = 1,
	    .flags = M | INSN_REX } },
	{ INSN_MODE_64,
	  B(0x41, 0x8b, 0x45, 0x00), /* R13 needs a displacement, and is not the stack */
	  { OK(MOV), .form = F_REG_RM, .len = 4, .op_size = 4, .addr_size = 8, .rm_size = 4,
	    .rm = 13, .seg = S_DS, .base = R(R_13), .flags = M | INSN_REX } },
	/* Overrides: the last counts, DS is void in 64-bit mode and leaves an FS alone */
	{ INSN_MODE_32,
	  B(0x64, 0x2e, 0x8b, 0x00),
	  { OK(MOV), .form = F_REG_RM, .len = 4, .op_size = 4, .addr_size = 4, .rm_size = 4,
	    .seg = S_CS, .base = R(R_AX), .flags = M } },
	{ INSN_MODE_64,
	  B(0x64, 0x3e, 0x8b, 0x00),
	  { OK(MOV), .form = F_REG_RM, .len = 4, .op_size = 4, .addr_size = 8, .rm_size = 4,
	    .seg = S_FS, .base = R(R_AX), .flags = M } },
	/* moffs has the address size; MOV r64, imm64 the operand size */
	{ INSN_MODE_64,
	  B(0xa0, 1, 2, 3, 4, 5, 6, 7, 0x88),
	  { OK(MOV), .form = F_REG_RM, .len = 9, .op_size = 1, .addr_size = 8, .rm_size = 1,
	    .seg = S_DS, .disp = (s64)0x8807060504030201, .flags = M } },
	{ INSN_MODE_64,
	  B(0x67, 0xa1, 1, 2, 3, 0x84),
	  { OK(MOV), .form = F_REG_RM, .len = 6, .op_size = 4, .addr_size = 4, .rm_size = 4,
	    .seg = S_DS, .disp = 0x84030201, .flags = M } },
	{ INSN_MODE_64,
	  B(0x49, 0xb8, 1, 2, 3, 4, 5, 6, 7, 0x88),
	  { OK(MOV), .form = F_RM_IMM, .len = 10, .op_size = 8, .addr_size = 8, .rm_size = 8,
	    .rm = 8, .seg = S_DS, .imm = 0x8807060504030201, .flags = INSN_REX } },
	/* Immediates are sign-extended */
	{ INSN_MODE_64,
	  B(0x48, 0xc7, 0x00, 0xff, 0xff, 0xff, 0xff),
	  { OK(MOV), .form = F_RM_IMM, .len = 7, .op_size = 8, .addr_size = 8, .rm_size = 8,
	    .seg = S_DS, .base = R(R_AX), .imm = ~0ULL, .flags = M | INSN_REX } },
	{ INSN_MODE_64,
	  B(0xf0, 0x66, 0x83, 0x08, 0x80), /* lock or word [rax], -128 */
	  { OK(OR), .form = F_RM_IMM, .len = 5, .op_size = 2, .addr_size = 8, .rm_size = 2,
	    .reg = 1, .seg = S_DS, .base = R(R_AX), .imm = ~0x7fULL, .flags = M | INSN_LOCK } },
	{ INSN_MODE_64,
	  B(0xf6, 0x00, 0x80),
	  { OK(TEST), .form = F_RM_IMM, .len = 3, .op_size = 1, .addr_size = 8, .rm_size = 1,
	    .seg = S_DS, .base = R(R_AX), .imm = ~0x7fULL, .flags = M } },
	{ INSN_MODE_64,
	  B(0xf6, 0x10),
	  { OK(NOT), .form = F_RM, .len = 2, .op_size = 1, .addr_size = 8, .rm_size = 1, .reg = 2,
	    .seg = S_DS, .base = R(R_AX), .flags = M } },
	/* Strings; the last of F2 and F3 counts */
	{ INSN_MODE_64,
	  B(0xf2, 0xf3, 0x65, 0x48, 0xa5),
	  { OK(MOVS), .len = 5, .op_size = 8, .addr_size = 8, .rm_size = 8, .seg = S_GS,
	    .flags = INSN_REP | INSN_REX } },
	{ INSN_MODE_64,
	  B(0x48, 0x6f), /* ports are never 8 bytes wide */
	  { OK(OUTS), .len = 2, .op_size = 4, .addr_size = 8, .rm_size = 4, .seg = S_DS,
	    .flags = INSN_REX } },
	{ INSN_MODE_64,
	  B(0xe5, 0x80),
	  { OK(IN), .form = F_IMM, .len = 2, .op_size = 4, .addr_size = 8, .rm_size = 4,
	    .seg = S_DS, .imm = 0x80 } },
	/* Sizes that differ between the operands */
	{ INSN_MODE_64,
	  B(0x48, 0x0f, 0xb7, 0x03),
	  { OK(MOVZX), .form = F_REG_RM, .len = 4, .op_size = 8, .addr_size = 8, .rm_size = 2,
	    .rm = 3, .seg = S_DS, .base = R(R_BX), .flags = M | INSN_REX } },
	{ INSN_MODE_64,
	  B(0x48, 0x0f, 0xc7, 0x0f),
	  { OK(CMPXCHG8B), .form = F_RM, .len = 4, .op_size = 8, .addr_size = 8, .rm_size = 16,
	    .reg = 1, .rm = 7, .seg = S_DS, .base = R(R_DI), .flags = M | INSN_REX } },
	{ INSN_MODE_64,
	  B(0x66, 0x0f, 0xc7, 0x0f),
	  { OK(CMPXCHG8B), .form = F_RM, .len = 4, .op_size = 4, .addr_size = 8, .rm_size = 8,
	    .reg = 1, .rm = 7, .seg = S_DS, .base = R(R_DI), .flags = M } },
	{ INSN_MODE_64,
	  B(0xff, 0x30), /* push [rax]: 8 bytes without REX.W */
	  { OK(PUSH), .form = F_RM, .len = 2, .op_size = 8, .addr_size = 8, .rm_size = 8, .reg = 6,
	    .seg = S_DS, .base = R(R_AX), .flags = M } },
	/* Vectors */
	{ INSN_MODE_64,
	  B(0x66, 0x0f, 0xe7, 0x07), /* movntdq [rdi], xmm0 */
	  { OK(VMOV), .form = F_RM_REG, .len = 4, .op_size = 16, .addr_size = 8, .rm_size = 16,
	    .rm = 7, .seg = S_DS, .base = R(R_DI), .flags = M | INSN_ALIGN } },
	{ INSN_MODE_64,
	  B(0xc5, 0x7e, 0x6f, 0x0f), /* vmovdqu ymm9, [rdi] */
	  { OK(VMOV), .form = F_REG_RM, .len = 4, .op_size = 32, .addr_size = 8, .rm_size = 32,
	    .reg = 9, .rm = 7, .seg = S_DS, .base = R(R_DI), .flags = M | INSN_VEX } },
	{ INSN_MODE_64,
	  B(0xc4, 0xc1, 0xf9, 0x7e, 0x08), /* vmovq [r8], xmm1 */
	  { OK(VMOV), .form = F_RM_REG, .len = 5, .op_size = 16, .addr_size = 8, .rm_size = 8,
	    .reg = 1, .rm = 8, .seg = S_DS, .base = R(R_8), .flags = M | INSN_VEX | INSN_RMGPR } },
	{ INSN_MODE_32,
	  B(0xc5, 0xf8, 0x28, 0x00), /* vmovaps xmm0, [eax] */
	  { OK(VMOV), .form = F_REG_RM, .len = 4, .op_size = 16, .addr_size = 4, .rm_size = 16,
	    .seg = S_DS, .base = R(R_AX), .flags = M | INSN_VEX | INSN_ALIGN } },
	/* Intercepts */
	{ INSN_MODE_64,
	  B(0x44, 0x0f, 0x20, 0x07), /* mov rdi, cr8: mod is ignored */
	  { OK(MOV_FROM_CR), .form = F_RM_REG, .len = 4, .op_size = 8, .addr_size = 8, .rm_size = 8,
	    .reg = 8, .rm = 7, .seg = S_DS, .flags = INSN_REX } },
	{ INSN_MODE_32,
	  B(0xf0, 0x0f, 0x22, 0xc0), /* mov cr8, eax on AMD */
	  { OK(MOV_TO_CR), .form = F_REG_RM, .len = 4, .op_size = 4, .addr_size = 4, .rm_size = 4,
	    .reg = 8, .seg = S_DS, .flags = INSN_LOCK } },
	{ INSN_MODE_64,
	  B(0x0f, 0x01, 0x3b),
	  { OK(INVLPG), .form = F_RM, .len = 3, .op_size = 4, .addr_size = 8, .rm_size = 4,
	    .reg = 7, .rm = 3, .seg = S_DS, .base = R(R_BX), .flags = M } },
	{ INSN_MODE_64,
	  B(0x66, 0x0f, 0x38, 0x82, 0x01),
	  { OK(INVPCID), .form = F_REG_RM, .len = 5, .op_size = 8, .addr_size = 8, .rm_size = 16,
	    .rm = 1, .seg = S_DS, .base = R(R_CX), .flags = M } },
	{ INSN_MODE_16,
	  B(0x0f, 0x01, 0x16, 0x34, 0x12), /* lgdt [0x1234] */
	  { OK(LGDT), .form = F_RM, .len = 5, .op_size = 4, .addr_size = 2, .rm_size = 6, .reg = 2,
	    .rm = 6, .seg = S_DS, .disp = 0x1234, .flags = M } },
	{ INSN_MODE_32,
	  B(0xea, 1, 2, 3, 4, 5, 6),
	  { OK(JMP_FAR), .len = 7, .op_size = 4, .addr_size = 4, .rm_size = 4, .seg = S_DS,
	    .imm = 0x0000060504030201 } },
	/* 90 */
	{ INSN_MODE_64,
	  B(0x90),
	  { OK(NOP), .len = 1, .op_size = 4, .addr_size = 8, .rm_size = 4, .seg = S_DS } },
	{ INSN_MODE_64,
	  B(0xf3, 0x90),
	  { OK(PAUSE), .len = 2, .op_size = 4, .addr_size = 8, .rm_size = 4, .seg = S_DS,
	    .flags = INSN_REP } },
	{ INSN_MODE_64,
	  B(0x49, 0x90),
	  { OK(XCHG), .form = F_RM_REG, .len = 2, .op_size = 8, .addr_size = 8, .rm_size = 8,
	    .rm = 8, .seg = S_DS, .flags = INSN_REX } },
};

static void expect_insn(const struct sample *s, const struct insn *got)
{
	struct insn want = s->in;

	want.mode = (u8)(s->mode & ~(u32)INSN_INTEL);
	want.base = want.base ? (u8)(want.base - 1) : INSN_NOREG;
	want.index = want.index ? (u8)(want.index - 1) : INSN_NOREG;
	/* rm of a memory operand is no register, and not part of the contract */
	want.rm = want.flags & INSN_MEM ? got->rm : want.rm;
	assert_int_equal(got->len, want.len);
	assert_int_equal(got->op, want.op);
	assert_int_equal(got->form, want.form);
	assert_int_equal(got->op_size, want.op_size);
	assert_int_equal(got->addr_size, want.addr_size);
	assert_int_equal(got->rm_size, want.rm_size);
	assert_int_equal(got->reg, want.reg);
	assert_int_equal(got->rm, want.rm);
	assert_int_equal(got->seg, want.seg);
	assert_int_equal(got->base, want.base);
	assert_int_equal(got->index, want.index);
	assert_int_equal(got->scale, want.scale);
	assert_int_equal(got->sub, want.sub);
	assert_int_equal(got->flags, want.flags);
	assert_int_equal(got->disp, want.disp);
	assert_int_equal(got->imm, want.imm);
	assert_int_equal(got->mode, want.mode);
}

static void test_samples_decode_as_the_manual_says(void **state)
{
	struct insn in;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];

		assert_int_equal(decode(s->bytes, 16, s->mode, &in), DECODE_OK);
		expect_insn(s, &in);
		/* Not one byte more is needed. */
		assert_int_equal(decode(s->bytes, s->in.len, s->mode, &in), DECODE_OK);
		expect_insn(s, &in);
	}
}

static void test_every_truncation_wants_more_bytes(void **state)
{
	struct insn in;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];

		for (u32 n = 0; n < s->in.len; n++) {
			u8 *exact = test_malloc(n); /* the sanitizer sees a read beyond it */

			memcpy(exact, s->bytes, n);
			assert_int_equal(decode(exact, n, s->mode, &in), DECODE_NEED_BYTES);
			assert_in_range(in.need, n + 1, s->in.len);
			test_free(exact);
		}
	}
}

/* --- verdicts --------------------------------------------------------------------------------- */

static void test_fifteen_bytes_are_the_limit(void **state)
{
	u8 b[20];
	struct insn in;

	(void)state;
	memset(b, 0x66, sizeof(b));
	b[13] = 0x89; /* 13 prefixes, opcode, ModRM */
	b[14] = 0x08;
	assert_int_equal(decode(b, 20, INSN_MODE_64, &in), DECODE_OK);
	assert_int_equal(in.len, 15);
	b[14] = 0x48; /* a displacement would be byte 16 */
	assert_int_equal(decode(b, 20, INSN_MODE_64, &in), DECODE_TOO_LONG);
	assert_int_equal(decode(b, 15, INSN_MODE_64, &in), DECODE_TOO_LONG);
	assert_int_equal(decode(b, 14, INSN_MODE_64, &in), DECODE_NEED_BYTES);
	assert_int_equal(in.need, 15);
	memset(b, 0x66, sizeof(b));
	assert_int_equal(decode(b, 20, INSN_MODE_32, &in), DECODE_TOO_LONG);
	assert_int_equal(decode(b, 14, INSN_MODE_32, &in), DECODE_NEED_BYTES);
}

struct verdict {
	u32 mode;
	u8 bytes[16];
	enum decode_res res;
	u8 len; /* DECODE_UNSUPPORTED */
};

static const struct verdict verdicts[] = {
	{ INSN_MODE_64, B(0x0f, 0x0b), DECODE_INVALID, 0 }, /* ud2 */
	{ INSN_MODE_64, B(0x06), DECODE_INVALID, 0 },       /* push es */
	{ INSN_MODE_32, B(0x27), DECODE_UNSUPPORTED, 1 },   /* daa */
	{ INSN_MODE_64, B(0x82, 0xc0, 1), DECODE_INVALID, 0 },
	{ INSN_MODE_64, B(0x8f, 0xe0, 1, 1), DECODE_INVALID, 0 },       /* neither POP nor XOP */
	{ INSN_MODE_64, B(0xf0, 0x89, 0x08), DECODE_INVALID, 0 },       /* lock mov */
	{ INSN_MODE_64, B(0xf0, 0x01, 0xc8), DECODE_INVALID, 0 },       /* lock add eax, ecx */
	{ INSN_MODE_64, B(0xf0, 0x03, 0x08), DECODE_INVALID, 0 },       /* lock add ecx, [rax] */
	{ INSN_MODE_64, B(0xf0, 0x39, 0x08), DECODE_INVALID, 0 },       /* lock cmp */
	{ INSN_MODE_64, B(0x0f, 0x20, 0xc8), DECODE_INVALID, 0 },       /* mov rax, cr1 */
	{ INSN_MODE_64, B(0xf0, 0x0f, 0x20, 0xd8), DECODE_INVALID, 0 }, /* lock mov rax, cr3 */
	{ INSN_MODE_64 | INSN_INTEL, B(0xf0, 0x0f, 0x20, 0xc0), DECODE_INVALID, 0 },
	{ INSN_MODE_64, B(0x8e, 0xc8), DECODE_INVALID, 0 },       /* mov cs, eax */
	{ INSN_MODE_64, B(0x0f, 0xc7, 0xc8), DECODE_INVALID, 0 }, /* cmpxchg8b eax */
	{ INSN_MODE_64, B(0x66, 0xc5, 0xf8, 0x10, 0x00), DECODE_INVALID, 0 },
	{ INSN_MODE_64, B(0x40, 0xc5, 0xf8, 0x10, 0x00), DECODE_INVALID, 0 },
	{ INSN_MODE_64, B(0xc5, 0xf0, 0x10, 0x00), DECODE_INVALID, 0 }, /* vvvv not 1111 */
	{ INSN_MODE_64, B(0xc5, 0xfd, 0x6e, 0x00), DECODE_INVALID, 0 }, /* vmovd with L=1 */
	{ INSN_MODE_64, B(0xf0, 0xd1, 0x20), DECODE_INVALID, 0 },       /* lock shl */
	{ INSN_MODE_16, B(0x8d, 0xc0), DECODE_INVALID, 0 },             /* lea ax, ax */
	{ INSN_MODE_64, B(0x0f, 0x6f, 0x00), DECODE_UNSUPPORTED, 3 },   /* movq mm0, [rax] */
	{ INSN_MODE_64, B(0xd9, 0x44, 0x24, 1), DECODE_UNSUPPORTED, 4 },
	{ INSN_MODE_64, B(0xc8, 1, 2, 3), DECODE_UNSUPPORTED, 4 }, /* enter */
	{ INSN_MODE_64, B(0x62, 0xf1, 0x7c, 0x48, 0x10, 0x40, 1), DECODE_UNSUPPORTED, 7 },
	{ INSN_MODE_64, B(0x0f, 0x3a, 0x0f, 0xc1, 4), DECODE_UNSUPPORTED, 5 },
};

static void test_verdicts(void **state)
{
	struct insn in;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(verdicts); i++) {
		const struct verdict *v = &verdicts[i];

		assert_int_equal(decode(v->bytes, 16, v->mode, &in), v->res);
		if (v->res == DECODE_UNSUPPORTED)
			assert_int_equal(in.len, v->len);
	}
}

/* --- insn_len() ------------------------------------------------------------------------------- */

static const struct {
	u8 bytes[4];
	u8 len;
	u8 op;
} hot[] = {
	{ B(0x0f, 0xa2), 2, OP_CPUID },
	{ B(0x0f, 0x32), 2, OP_RDMSR },
	{ B(0x0f, 0x30), 2, OP_WRMSR },
	{ B(0x0f, 0x06), 2, OP_CLTS },
	{ B(0x0f, 0x01, 0xd9), 3, OP_VMMCALL },
	{ B(0x0f, 0x01, 0xc1), 3, OP_VMCALL },
	{ B(0x0f, 0x22, 0xd8), 3, OP_MOV_TO_CR },
	{ B(0x0f, 0x20, 0xe0), 3, OP_MOV_FROM_CR },
	{ B(0xf4), 1, OP_HLT },
	{ B(0xec), 1, OP_IN },
	{ B(0xe4, 0x60), 2, OP_IN },
	{ B(0xef), 1, OP_OUT },
	{ B(0xe7, 0x80), 2, OP_OUT },
	{ B(0x0f, 0x31), 2, OP_RDTSC },
	{ B(0x0f, 0x01, 0xd1), 3, OP_XSETBV },
};

static void test_insn_len_knows_each_and_no_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hot); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(hot); j++) {
			u32 want = hot[i].op == hot[j].op ? hot[i].len : 0;

			assert_int_equal(
				insn_len(hot[i].bytes, 4, INSN_MODE_64, (enum insn_op)hot[j].op),
				want);
		}
		for (u32 n = 0; n < hot[i].len; n++)
			assert_int_equal(
				insn_len(hot[i].bytes, n, INSN_MODE_64, (enum insn_op)hot[i].op),
				0);
	}
}

static void test_insn_len_sees_through_prefixes(void **state)
{
	static const u8 cpuid[] = { 0x66, 0x48, 0x0f, 0xa2 }, bad[] = { 0xf0, 0x0f, 0xa2 };
	static const u8 cr8[] = { 0x44, 0x0f, 0x22, 0xc0 }, cr1[] = { 0x0f, 0x22, 0xc8 };

	(void)state;
	assert_int_equal(insn_len(cpuid, 4, INSN_MODE_64, OP_CPUID), 4);
	assert_int_equal(insn_len(cpuid, 4, INSN_MODE_32, OP_CPUID), 0); /* 48 is DEC EAX */
	assert_int_equal(insn_len(bad, 3, INSN_MODE_64, OP_CPUID), 0);
	assert_int_equal(insn_len(cr8, 4, INSN_MODE_64, OP_MOV_TO_CR), 4);
	assert_int_equal(insn_len(cr1, 3, INSN_MODE_64, OP_MOV_TO_CR), 0);
}

static void test_every_operation_has_a_name(void **state)
{
	(void)state;
	for (u32 op = 0; op < OP_NR; op++)
		assert_true(insn_name(op)[0] != '\0');
	assert_string_equal(insn_name(OP_CMPXCHG8B), "cmpxchg8b");
	assert_string_equal(insn_name(OP_NR), "?");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples_decode_as_the_manual_says),
		cmocka_unit_test(test_every_truncation_wants_more_bytes),
		cmocka_unit_test(test_fifteen_bytes_are_the_limit),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_insn_len_knows_each_and_no_other),
		cmocka_unit_test(test_insn_len_sees_through_prefixes),
		cmocka_unit_test(test_every_operation_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
