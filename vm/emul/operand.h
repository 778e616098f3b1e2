/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers and memory as the operands of an instruction. For vm/emul only. */
#pragma once

#include "vm/emul/exec.h"
#include "vm/fetch.h"

static inline bool emul_is_64(const struct emul *e)
{
	return e->fetch->bits == 64;
}

/* Register n as an operand of size bytes, zero-extended. */
u64 reg_get(const struct emul *e, const struct insn *in, u32 n, u32 size);
/* 1 and 2 bytes keep the rest of the register, 4 bytes clear it. */
void reg_set(struct emul *e, const struct insn *in, u32 n, u32 size, u64 val);

/* Offset of the memory operand in its segment. */
u64 operand_offset(const struct emul *e, const struct insn *in);

/* Linear address of n bytes in a segment; EMUL_FAULT with #GP or #SS if they are not allowed. */
enum emul_res operand_linear(struct emul *e, u32 seg, u64 off, u32 n, bool write, gva_t *gva);
/* The same for the memory operand, with the alignment that INSN_ALIGN demands. */
enum emul_res operand_gva(struct emul *e, const struct insn *in, bool write, gva_t *gva);

/* The rm operand: register or memory, rm_size bytes, zero-extended. */
enum emul_res rm_get(struct emul *e, const struct insn *in, u64 *val);
enum emul_res rm_set(struct emul *e, const struct insn *in, u64 val);

/* EMUL_FAULT with this exception; #GP and #SS get the error code 0. */
enum emul_res emul_raise(struct emul *e, u8 vector);

/* The other files of the executor. */
enum emul_res exec_string(struct emul *e, const struct insn *in);
enum emul_res exec_port(struct emul *e, const struct insn *in);
/* Everything that reads, modifies and writes: ADD to CMPXCHG8B. */
enum emul_res exec_rmw(struct emul *e, const struct insn *in);
/* MUL to IDIV. */
enum emul_res exec_muldiv(struct emul *e, const struct insn *in);
