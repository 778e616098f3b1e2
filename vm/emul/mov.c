/* SPDX-License-Identifier: BSD-2-Clause */
/* Lengths of MOV. */
#include "vm/emul/mov.h"

const u8 mov_lengths[32] = {
	2, 2, 2, 2,
	3, 6, 2, 2, /* no displacement; 4: SIB; 5: 32 bits, RIP-relative in 64-bit code */
	3, 3, 3, 3,
	4, 3, 3, 3, /* 8 bits */
	6, 6, 6, 6,
	7, 6, 6, 6, /* 32 bits */
};
