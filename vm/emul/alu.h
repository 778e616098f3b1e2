/* SPDX-License-Identifier: BSD-2-Clause */
/* Integer operations with exact flags. Pure. */
#pragma once

#include "lib/types.h"

#include "vm/emul/decode.h"

/* All ones in the low size bytes; size is 1, 2, 4 or 8. */
static inline u64 alu_mask(u32 size)
{
	return ~0ULL >> (64 - 8 * size);
}

/*
 * The new value of the destination for ADD to BTC, XADD and XCHG, and the flags. For BTx b is the
 * bit number, below the operand's width, for shifts the count; for one-operand operations it is
 * ignored. CMP, TEST and BT return a value that nobody stores. Flags that the manuals leave
 * undefined are as Intel and AMD CPUs have them where these agree: AF is 0 after AND, OR, XOR,
 * TEST; BTx changes CF alone. Those of shifts by more than one are not.
 */
u64 alu(enum insn_op op, u64 a, u64 b, u32 size, u64 *rflags);

/* The condition of Jcc, SETcc and CMOVcc: the low four bits of their opcodes. */
bool alu_condition(u32 cond, u64 rflags);
