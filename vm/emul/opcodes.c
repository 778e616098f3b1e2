/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Opcode maps. Every opcode has the attributes that give its length; an operation only when it is
 * in our set. Sources: AMD APM 3 "Opcode and Operand Encodings"; Intel SDM 2D "Opcode Map".
 */
#include "vm/emul/opcodes.h"

#define M A_MODRM

#define O(op, form, attr)            \
	{                            \
		(op), (form), (attr) \
	}
#define LEN(attr) O(OP_NONE, F_NONE, attr)
#define UD        O(OP_UD, F_NONE, 0)

/* lock: A_LOCK but for CMP */
#define ALU(base, op, lock)                                                                      \
	[(base)] = O(op, F_RM_REG, M | A_BYTE | (lock)),                                         \
	[(base) + 1] = O(op, F_RM_REG, M | (lock)), [(base) + 2] = O(op, F_REG_RM, M | A_BYTE),  \
	[(base) + 3] = O(op, F_REG_RM, M), [(base) + 4] = O(op, F_RM_IMM, A_ACC | A_BYTE | I_B), \
	[(base) + 5] = O(op, F_RM_IMM, A_ACC | I_Z)

#define X8(base, ...)                                                                       \
	[(base)] = __VA_ARGS__, [(base) + 1] = __VA_ARGS__, [(base) + 2] = __VA_ARGS__,     \
	[(base) + 3] = __VA_ARGS__, [(base) + 4] = __VA_ARGS__, [(base) + 5] = __VA_ARGS__, \
	[(base) + 6] = __VA_ARGS__, [(base) + 7] = __VA_ARGS__

#define V(map, opcode, prefix, form, size, flags)      \
	{                                              \
		map, opcode, prefix, form, size, flags \
	}

/* One opcode per entry, in order; [n] begins a new run. */
/* clang-format off */
const struct opcode opcodes_1[256] = {
	ALU(0x00, OP_ADD, A_LOCK),
	[0x06] = O(OP_PUSH_SREG, F_NONE, A_INV64),
	[0x07] = O(OP_POP_SREG, F_NONE, A_INV64),
	ALU(0x08, OP_OR, A_LOCK),
	[0x0e] = O(OP_PUSH_SREG, F_NONE, A_INV64),
	ALU(0x10, OP_ADC, A_LOCK),
	[0x16] = O(OP_PUSH_SREG, F_NONE, A_INV64),
	[0x17] = O(OP_POP_SREG, F_NONE, A_INV64),
	ALU(0x18, OP_SBB, A_LOCK),
	[0x1e] = O(OP_PUSH_SREG, F_NONE, A_INV64),
	[0x1f] = O(OP_POP_SREG, F_NONE, A_INV64),
	ALU(0x20, OP_AND, A_LOCK),
	[0x27] = LEN(A_INV64),
	ALU(0x28, OP_SUB, A_LOCK),
	[0x2f] = LEN(A_INV64),
	ALU(0x30, OP_XOR, A_LOCK),
	[0x37] = LEN(A_INV64),
	ALU(0x38, OP_CMP, 0),
	[0x3f] = LEN(A_INV64),
	X8(0x40, O(OP_INC, F_RM, A_OREG | A_INV64)), /* REX in 64-bit mode */
	X8(0x48, O(OP_DEC, F_RM, A_OREG | A_INV64)),
	X8(0x50, O(OP_PUSH, F_RM, A_OREG | A_D64)),
	X8(0x58, O(OP_POP, F_RM, A_OREG | A_D64)),
	[0x60] = O(OP_PUSHA, F_NONE, A_INV64), O(OP_POPA, F_NONE, A_INV64),
	LEN(M), /* BOUND, or EVEX */
	O(OP_MOVSXD, F_REG_RM, M), /* ARPL outside 64-bit mode */
	[0x68] = O(OP_PUSH, F_IMM, A_D64 | I_Z), O(OP_IMUL, F_REG_RM_IMM, M | I_Z),
	O(OP_PUSH, F_IMM, A_D64 | I_B), O(OP_IMUL, F_REG_RM_IMM, M | I_B),
	[0x6c] = O(OP_INS, F_NONE, A_BYTE), O(OP_INS, F_NONE, A_MAX4), O(OP_OUTS, F_NONE, A_BYTE),
	O(OP_OUTS, F_NONE, A_MAX4),
	X8(0x70, O(OP_JCC, F_IMM, A_D64 | I_B)),
	X8(0x78, O(OP_JCC, F_IMM, A_D64 | I_B)),
	[0x80] = O(G_ALU, F_RM_IMM, A_GROUP | M | A_BYTE | I_B),
	O(G_ALU, F_RM_IMM, A_GROUP | M | I_Z),
	O(G_ALU, F_RM_IMM, A_GROUP | M | A_BYTE | I_B | A_INV64),
	O(G_ALU, F_RM_IMM, A_GROUP | M | I_B),
	[0x84] = O(OP_TEST, F_RM_REG, M | A_BYTE), O(OP_TEST, F_RM_REG, M),
	O(OP_XCHG, F_RM_REG, M | A_BYTE | A_LOCK), O(OP_XCHG, F_RM_REG, M | A_LOCK),
	[0x88] = O(OP_MOV, F_RM_REG, M | A_BYTE), O(OP_MOV, F_RM_REG, M),
	O(OP_MOV, F_REG_RM, M | A_BYTE), O(OP_MOV, F_REG_RM, M),
	[0x8c] = O(OP_MOV_FROM_SREG, F_RM_REG, M), O(OP_LEA, F_REG_RM, M | A_MEM),
	O(OP_MOV_TO_SREG, F_REG_RM, M),
	O(G_POP, F_RM, A_GROUP | M | A_D64),
	[0x90] = O(OP_NOP, F_NONE, 0), /* PAUSE, or XCHG with REX.B */
	[0x91] = O(OP_XCHG, F_RM_REG, A_OREG | A_ACC), O(OP_XCHG, F_RM_REG, A_OREG | A_ACC),
	O(OP_XCHG, F_RM_REG, A_OREG | A_ACC), O(OP_XCHG, F_RM_REG, A_OREG | A_ACC),
	O(OP_XCHG, F_RM_REG, A_OREG | A_ACC), O(OP_XCHG, F_RM_REG, A_OREG | A_ACC),
	O(OP_XCHG, F_RM_REG, A_OREG | A_ACC),
	[0x98] = O(OP_CBW, F_NONE, 0), O(OP_CWD, F_NONE, 0),
	O(OP_CALL_FAR, F_NONE, A_INV64 | I_FAR),
	[0x9c] = O(OP_PUSHF, F_NONE, A_D64), O(OP_POPF, F_NONE, A_D64),
	[0xa0] = O(OP_MOV, F_REG_RM, A_ACC | A_BYTE | I_MOFFS),
	O(OP_MOV, F_REG_RM, A_ACC | I_MOFFS), O(OP_MOV, F_RM_REG, A_ACC | A_BYTE | I_MOFFS),
	O(OP_MOV, F_RM_REG, A_ACC | I_MOFFS),
	[0xa4] = O(OP_MOVS, F_NONE, A_BYTE), O(OP_MOVS, F_NONE, 0), O(OP_CMPS, F_NONE, A_BYTE),
	O(OP_CMPS, F_NONE, 0),
	[0xa8] = O(OP_TEST, F_RM_IMM, A_ACC | A_BYTE | I_B), O(OP_TEST, F_RM_IMM, A_ACC | I_Z),
	O(OP_STOS, F_NONE, A_BYTE), O(OP_STOS, F_NONE, 0), O(OP_LODS, F_NONE, A_BYTE),
	O(OP_LODS, F_NONE, 0), O(OP_SCAS, F_NONE, A_BYTE), O(OP_SCAS, F_NONE, 0),
	X8(0xb0, O(OP_MOV, F_RM_IMM, A_OREG | A_BYTE | I_B)),
	X8(0xb8, O(OP_MOV, F_RM_IMM, A_OREG | I_V)),
	[0xc0] = O(G_SHIFT, F_RM_IMM, A_GROUP | M | A_BYTE | I_UB),
	O(G_SHIFT, F_RM_IMM, A_GROUP | M | I_UB), O(OP_RET, F_IMM, A_D64 | I_W),
	O(OP_RET, F_NONE, A_D64), O(OP_LOAD_FAR, F_REG_RM, M | A_MEM | A_INV64),
	O(OP_LOAD_FAR, F_REG_RM, M | A_MEM | A_INV64), /* C4, C5: LES, LDS, or VEX */
	O(G_MOV, F_RM_IMM, A_GROUP | M | A_BYTE | I_B), O(G_MOV, F_RM_IMM, A_GROUP | M | I_Z),
	[0xc8] = LEN(I_WB), O(OP_LEAVE, F_NONE, A_D64), O(OP_RET_FAR, F_IMM, I_W),
	O(OP_RET_FAR, F_NONE, 0), O(OP_INT3, F_NONE, 0), O(OP_INT, F_IMM, I_UB),
	O(OP_INTO, F_NONE, A_INV64), O(OP_IRET, F_NONE, 0),
	[0xd0] = O(G_SHIFT, F_RM, A_GROUP | M | A_BYTE), O(G_SHIFT, F_RM, A_GROUP | M),
	O(G_SHIFT, F_RM, A_GROUP | M | A_BYTE), O(G_SHIFT, F_RM, A_GROUP | M),
	LEN(A_INV64 | I_B), LEN(A_INV64 | I_B), LEN(A_INV64), LEN(0),
	X8(0xd8, LEN(M)), /* x87 */
	[0xe0] = O(OP_LOOP, F_IMM, A_D64 | I_B), O(OP_LOOP, F_IMM, A_D64 | I_B),
	O(OP_LOOP, F_IMM, A_D64 | I_B), O(OP_LOOP, F_IMM, A_D64 | I_B),
	O(OP_IN, F_IMM, A_BYTE | I_UB), O(OP_IN, F_IMM, A_MAX4 | I_UB),
	O(OP_OUT, F_IMM, A_BYTE | I_UB), O(OP_OUT, F_IMM, A_MAX4 | I_UB),
	[0xe8] = O(OP_CALL, F_IMM, A_D64 | I_J), O(OP_JMP, F_IMM, A_D64 | I_J),
	O(OP_JMP_FAR, F_NONE, A_INV64 | I_FAR), O(OP_JMP, F_IMM, A_D64 | I_B),
	O(OP_IN, F_NONE, A_BYTE), O(OP_IN, F_NONE, A_MAX4), O(OP_OUT, F_NONE, A_BYTE),
	O(OP_OUT, F_NONE, A_MAX4),
	[0xf1] = O(OP_ICEBP, F_NONE, 0),
	[0xf4] = O(OP_HLT, F_NONE, 0), O(OP_CMC, F_NONE, 0), O(G_F6, F_RM, A_GROUP | M | A_BYTE),
	O(G_F6, F_RM, A_GROUP | M),
	[0xf8] = O(OP_CLC, F_NONE, 0), O(OP_STC, F_NONE, 0), O(OP_CLI, F_NONE, 0),
	O(OP_STI, F_NONE, 0), O(OP_CLD, F_NONE, 0), O(OP_STD, F_NONE, 0),
	O(G_FE, F_RM, A_GROUP | M | A_BYTE), O(G_FF, F_RM, A_GROUP | M),
};

const struct opcode opcodes_0f[256] = {
	[0x00] = O(G_0F00, F_RM, A_GROUP | M), O(G_0F01, F_RM, A_GROUP | M), LEN(M), LEN(M),
	[0x06] = O(OP_CLTS, F_NONE, 0),
	[0x08] = O(OP_INVD, F_NONE, 0), O(OP_WBINVD, F_NONE, 0),
	[0x0b] = UD,
	[0x0d] = LEN(M),
	[0x0f] = LEN(M | I_B),
	X8(0x10, LEN(M | A_VEC)),
	X8(0x18, LEN(M)),
	[0x20] = O(OP_MOV_FROM_CR, F_RM_REG, M | A_NATIVE),
	O(OP_MOV_FROM_DR, F_RM_REG, M | A_NATIVE), O(OP_MOV_TO_CR, F_REG_RM, M | A_NATIVE),
	O(OP_MOV_TO_DR, F_REG_RM, M | A_NATIVE),
	X8(0x28, LEN(M | A_VEC)),
	[0x30] = O(OP_WRMSR, F_NONE, 0), O(OP_RDTSC, F_NONE, 0), O(OP_RDMSR, F_NONE, 0),
	O(OP_RDPMC, F_NONE, 0),
	X8(0x40, O(OP_CMOVCC, F_REG_RM, M)),
	X8(0x48, O(OP_CMOVCC, F_REG_RM, M)),
	X8(0x50, LEN(M)),
	X8(0x58, LEN(M)),
	X8(0x60, LEN(M)),
	[0x68] = LEN(M), LEN(M), LEN(M), LEN(M), LEN(M), LEN(M), LEN(M | A_VEC), LEN(M | A_VEC),
	[0x70] = LEN(M | I_B), LEN(M | I_B), LEN(M | I_B), LEN(M | I_B), LEN(M), LEN(M), LEN(M),
	LEN(0),
	[0x78] = O(OP_VMREAD, F_RM_REG, M | A_NATIVE), O(OP_VMWRITE, F_REG_RM, M | A_NATIVE),
	LEN(M), LEN(M), LEN(M), LEN(M), LEN(M | A_VEC), LEN(M | A_VEC),
	X8(0x80, O(OP_JCC, F_IMM, A_D64 | I_J)),
	X8(0x88, O(OP_JCC, F_IMM, A_D64 | I_J)),
	X8(0x90, O(OP_SETCC, F_RM, M | A_BYTE)),
	X8(0x98, O(OP_SETCC, F_RM, M | A_BYTE)),
	[0xa0] = O(OP_PUSH_SREG, F_NONE, A_D64), O(OP_POP_SREG, F_NONE, A_D64),
	O(OP_CPUID, F_NONE, 0), O(OP_BT, F_RM_REG, M), LEN(M | I_B), LEN(M), LEN(M), LEN(M),
	O(OP_PUSH_SREG, F_NONE, A_D64), O(OP_POP_SREG, F_NONE, A_D64),
	[0xab] = O(OP_BTS, F_RM_REG, M | A_LOCK), LEN(M | I_B), LEN(M), LEN(M),
	O(OP_IMUL, F_REG_RM, M),
	[0xb0] = O(OP_CMPXCHG, F_RM_REG, M | A_BYTE | A_LOCK),
	O(OP_CMPXCHG, F_RM_REG, M | A_LOCK), O(OP_LOAD_FAR, F_REG_RM, M | A_MEM),
	O(OP_BTR, F_RM_REG, M | A_LOCK), O(OP_LOAD_FAR, F_REG_RM, M | A_MEM),
	O(OP_LOAD_FAR, F_REG_RM, M | A_MEM), O(OP_MOVZX, F_REG_RM, M), O(OP_MOVZX, F_REG_RM, M),
	[0xb8] = LEN(M), UD, O(G_0FBA, F_RM_IMM, A_GROUP | M | I_B),
	O(OP_BTC, F_RM_REG, M | A_LOCK), LEN(M), LEN(M), O(OP_MOVSX, F_REG_RM, M),
	O(OP_MOVSX, F_REG_RM, M),
	[0xc0] = O(OP_XADD, F_RM_REG, M | A_BYTE | A_LOCK), O(OP_XADD, F_RM_REG, M | A_LOCK),
	LEN(M | I_B), O(OP_MOVNTI, F_RM_REG, M | A_MEM), LEN(M | I_B), LEN(M | I_B), LEN(M | I_B),
	O(G_0FC7, F_RM, A_GROUP | M),
	X8(0xd0, LEN(M | A_VEC)),
	X8(0xd8, LEN(M)),
	X8(0xe0, LEN(M | A_VEC)),
	X8(0xe8, LEN(M)),
	X8(0xf0, LEN(M | A_VEC)),
	[0xf8] = LEN(M), LEN(M), LEN(M), LEN(M), LEN(M), LEN(M), LEN(M), UD,
};

const struct opcode opcode_groups[G_NR * 8] = {
	[G_ALU * 8] = O(OP_ADD, F_RM_IMM, A_LOCK), O(OP_OR, F_RM_IMM, A_LOCK),
	O(OP_ADC, F_RM_IMM, A_LOCK), O(OP_SBB,F_RM_IMM, A_LOCK), O(OP_AND, F_RM_IMM, A_LOCK),
	O(OP_SUB, F_RM_IMM, A_LOCK), O(OP_XOR, F_RM_IMM, A_LOCK), O(OP_CMP, F_RM_IMM, 0),
	[G_POP * 8] = O(OP_POP, F_RM, 0), UD, UD, UD, UD, UD, UD, UD,
	[G_MOV * 8] = O(OP_MOV, F_RM_IMM, 0), UD, UD, UD, UD, UD, UD, LEN(0), /* XABORT, XBEGIN */
	[G_SHIFT * 8] = O(OP_ROL, F_RM, 0), O(OP_ROR, F_RM, 0), O(OP_RCL, F_RM, 0),
	O(OP_RCR, F_RM, 0), O(OP_SHL, F_RM, 0), O(OP_SHR, F_RM, 0), O(OP_SHL, F_RM, 0),
	O(OP_SAR, F_RM, 0),
	[G_F6 * 8] = O(OP_TEST, F_RM_IMM, I_Z), O(OP_TEST, F_RM_IMM, I_Z), O(OP_NOT, F_RM,A_LOCK),
	O(OP_NEG,F_RM, A_LOCK), O(OP_MUL, F_RM, 0), O(OP_IMUL, F_RM, 0), O(OP_DIV, F_RM, 0),
	O(OP_IDIV, F_RM, 0),
	[G_FE * 8] = O(OP_INC, F_RM, A_LOCK), O(OP_DEC, F_RM, A_LOCK), UD, UD, UD, UD, UD, UD,
	[G_FF * 8] = O(OP_INC, F_RM, A_LOCK), O(OP_DEC, F_RM, A_LOCK), O(OP_CALL, F_RM, A_D64),
	O(OP_CALL_FAR, F_RM, A_MEM), O(OP_JMP, F_RM, A_D64), O(OP_JMP_FAR, F_RM, A_MEM),
	O(OP_PUSH, F_RM, A_D64), UD,
	[G_0F00 * 8] = O(OP_SLDT, F_RM, 0), O(OP_STR, F_RM, 0), O(OP_LLDT, F_RM, 0),
	O(OP_LTR, F_RM, 0),
	[G_0F01 * 8] = O(OP_SGDT, F_RM, A_MEM | A_NATIVE), O(OP_SIDT, F_RM, A_MEM | A_NATIVE),
	O(OP_LGDT, F_RM, A_MEM | A_NATIVE), O(OP_LIDT,F_RM, A_MEM | A_NATIVE),
	O(OP_SMSW, F_RM, 0), LEN(0), O(OP_LMSW, F_RM, 0), O(OP_INVLPG, F_RM, A_MEM),
	[G_0FBA * 8] = UD, UD, UD, UD, O(OP_BT, F_RM_IMM, 0), O(OP_BTS, F_RM_IMM, A_LOCK),
	O(OP_BTR, F_RM_IMM, A_LOCK), O(OP_BTC, F_RM_IMM, A_LOCK),
	[G_0FC7 * 8] = UD, O(OP_CMPXCHG8B, F_RM, A_LOCK | A_MEM), UD, LEN(0), LEN(0), LEN(0),
	LEN(0), LEN(0),
};

/*
 * Prefix order 0, 66, F3, F2. MMX forms (no prefix on 6E, 6F, 7E, 7F, D6, E7) are not in the set.
 */
static const struct vec_op vec_ops[] = {
	V(1, 0x10, 0, F_REG_RM, 0, 0), V(1, 0x10, 1, F_REG_RM, 0, 0),
	V(1, 0x10, 2, F_REG_RM, 4, V_NOREG), V(1, 0x10, 3, F_REG_RM, 8, V_NOREG),
	V(1, 0x11, 0, F_RM_REG, 0, 0), V(1, 0x11, 1, F_RM_REG, 0, 0),
	V(1, 0x11, 2, F_RM_REG, 4, V_NOREG), V(1, 0x11, 3, F_RM_REG, 8, V_NOREG),
	V(1, 0x28, 0, F_REG_RM, 0, V_ALIGN), V(1, 0x28, 1, F_REG_RM, 0, V_ALIGN),
	V(1, 0x29, 0, F_RM_REG, 0, V_ALIGN), V(1, 0x29, 1, F_RM_REG, 0, V_ALIGN),
	V(1, 0x2b, 0, F_RM_REG, 0, V_ALIGN | V_MEM), V(1, 0x2b, 1, F_RM_REG, 0, V_ALIGN | V_MEM),
	V(1, 0x6e, 1, F_REG_RM, 1, V_L0 | V_GPR), V(1, 0x6f, 1, F_REG_RM, 0, V_ALIGN),
	V(1, 0x6f, 2, F_REG_RM, 0, 0), V(1, 0x7e, 1, F_RM_REG, 1, V_L0 | V_GPR),
	V(1, 0x7e, 2, F_REG_RM, 8, V_L0), V(1, 0x7f, 1, F_RM_REG, 0, V_ALIGN),
	V(1, 0x7f, 2, F_RM_REG, 0, 0), V(1, 0xd6, 1, F_RM_REG, 8, V_L0),
	V(1, 0xe7, 1, F_RM_REG, 0, V_ALIGN | V_MEM), V(1, 0xf0, 3, F_REG_RM, 0, V_MEM),
	V(2, 0x2a, 1, F_REG_RM, 0, V_ALIGN | V_MEM),
};

#define SYSTEM_ANY_PREFIX 0x18

static const u8 system_ops[64] = {
	[0x01] = OP_VMCALL, OP_VMLAUNCH, OP_VMRESUME, OP_VMXOFF,
	[0x08] = OP_MONITOR, OP_MWAIT,
	[0x10] = OP_XGETBV, OP_XSETBV,
	[0x18] = OP_VMRUN, OP_VMMCALL, OP_VMLOAD, OP_VMSAVE, OP_STGI, OP_CLGI, OP_SKINIT,
	OP_INVLPGA,
	[0x39] = OP_RDTSCP,
};

/* clang-format on */

enum insn_op opcode_system(u8 modrm, u32 prefix)
{
	u32 i = modrm & 63;

	/* AMD's for hypervisors ignore the prefixes, the others are defined without. */
	return prefix && i < SYSTEM_ANY_PREFIX ? OP_NONE : (enum insn_op)system_ops[i];
}

const struct vec_op *opcode_vec(u32 map, u8 opcode, u32 prefix)
{
	for (size_t i = 0; i < ARRAY_SIZE(vec_ops); i++) {
		const struct vec_op *v = &vec_ops[i];

		if (v->opcode == opcode && v->map == map && v->prefix == prefix)
			return v;
	}
	return NULL;
}
