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
 * bit number, below the operand's width; for one-operand operations it is ignored. CMP, TEST and BT
 * return a value that nobody stores. Flags that the manuals leave undefined are as Intel and AMD
 * CPUs have them: AF is 0 after AND, OR, XOR, TEST; BTx changes CF alone.
 */
u64 alu(enum insn_op op, u64 a, u64 b, u32 size, u64 *rflags);
