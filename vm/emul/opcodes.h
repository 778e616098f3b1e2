/* SPDX-License-Identifier: BSD-2-Clause */
/* The decoder's opcode tables: what follows an opcode, and what it means if it is in our set. */
#pragma once

#include "lib/types.h"

#include "vm/emul/decode.h"

/* Attributes of an opcode. */
enum {
	/* Low four bits: the immediate. */
	I_NONE,
	I_B,     /* 1 byte, sign-extended */
	I_UB,    /* 1 byte, zero-extended */
	I_W,     /* 2 bytes */
	I_Z,     /* operand size, at most 4 */
	I_V,     /* operand size */
	I_WB,    /* ENTER: 2 + 1 bytes */
	I_FAR,   /* offset of operand size (at most 4) + selector */
	I_MOFFS, /* address size; it is a memory operand */
	I_J,     /* branch displacement: as I_Z, with the vendors' difference */
	I_MASK = 15,

	A_MODRM = 0x10,
	A_INV64 = 0x20,    /* #UD in 64-bit mode */
	A_D64 = 0x40,      /* 64-bit mode: operand size 8, or 2 with 66 */
	A_BYTE = 0x80,     /* operand size 1 */
	A_LOCK = 0x100,    /* LOCK allowed when rm is memory */
	A_GROUP = 0x200,   /* op is an enum group: ModRM.reg selects */
	A_MAX4 = 0x400,    /* REX.W does not make the operand 8 bytes */
	A_ACC = 0x800,     /* no ModRM: the operand that form calls reg (or the only one) is rAX */
	A_OREG = 0x1000,   /* no ModRM: rm is the register in the opcode's low bits */
	A_MEM = 0x2000,    /* #UD when rm is a register */
	A_NATIVE = 0x4000, /* operand size 8 in 64-bit mode, else 4 */
	A_VEC = 0x8000,    /* the mandatory prefix matters: look in vec_ops */
};

struct opcode {
	u8 op; /* enum insn_op; OP_NONE = not in our set, OP_UD = #UD */
	u8 form;
	u16 attr;
};

enum group {
	G_ALU,   /* 80-83 */
	G_POP,   /* 8F */
	G_MOV,   /* C6, C7 */
	G_SHIFT, /* C0, C1, D0-D3 */
	G_F6,    /* F6, F7 */
	G_FE,
	G_FF,
	G_0F00,
	G_0F01, /* memory operands; the others are in system_ops */
	G_0FBA,
	G_0FC7,
	G_NR,
};

/* Vector moves, told apart by opcode and mandatory prefix. */
struct vec_op {
	u8 map; /* 1 = 0F, 2 = 0F38 */
	u8 opcode;
	u8 prefix; /* 0, 66, F3, F2 as in VEX.pp: 0, 1, 2, 3 */
	u8 form;   /* F_REG_RM = load */
	u8 size;   /* of the memory operand; 0 = the whole vector, 1 = 4 or 8 by REX.W */
	u8 flags;
};

enum {
	V_ALIGN = 1,  /* memory must be aligned */
	V_MEM = 2,    /* a register rm is invalid */
	V_L0 = 4,     /* #UD with VEX.L = 1 */
	V_GPR = 8,    /* a register rm is a general one */
	V_NOREG = 16, /* a register rm is another operation, not in our set */
};

extern const struct opcode opcodes_1[256];  /* one byte */
extern const struct opcode opcodes_0f[256]; /* 0F xx */
extern const struct opcode opcode_groups[G_NR * 8];

/* 0F 01 with a register ModRM: the operation by the low six bits of the ModRM and the mandatory
 * prefix; OP_NONE if it is not in our set. */
enum insn_op opcode_system(u8 modrm, u32 prefix);
/* The vector move, or NULL. */
const struct vec_op *opcode_vec(u32 map, u8 opcode, u32 prefix);
