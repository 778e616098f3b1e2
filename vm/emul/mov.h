/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The usual encodings of MOV, decoded at a glance: what nearly every access is that exits for its
 * memory. Where the fault has told the address, nothing else of the instruction is needed.
 */
#pragma once

#include "lib/types.h"

/* MOV of 32 or 64 bits between a register (or from an immediate) and memory. */
struct mov {
	u8 len, size, reg;
	u8 base; /* the register that is the address, or MOV_NO_BASE: another kind of address */
	bool store, imm;
	u32 val; /* imm */
};

#define MOV_NO_BASE 16

/* Bytes from the opcode to the end of the displacement by ModRM.mod (bits 4:3) and rm (2:0); 0 = no
 * memory operand. SIB without base register has four more. */
extern const u8 mov_lengths[32];

/* bytes: 15 of them. False: it is something else, or 16-bit code. Source: AMD APM 3 "MOV". */
static __always_inline bool mov_decode(const u8 *bytes, u32 bits, struct mov *m)
{
	u8 rex = 0, op = bytes[0], modrm, len;

	if (bits == 64 && (op & 0xf0) == 0x40) {
		rex = op;
		op = *++bytes;
	}
	modrm = bytes[1];
	len = mov_lengths[(modrm >> 3 & 0x18) | (modrm & 7)];
	if ((modrm & 0xc7) == 4 && (bytes[2] & 7) == 5)
		len = (u8)(len + 4);
	if (bits == 16 || !len)
		return false;
	m->size = rex & 8 ? 8 : 4;
	m->reg = (u8)((modrm >> 3 & 7) | (rex & 4) << 1);
	m->base = (u8)(len == 2 ? (modrm & 7) | (rex & 1) << 3 : MOV_NO_BASE);
	m->len = (u8)(len + (rex != 0));
	m->store = op != 0x8b;
	m->imm = op == 0xc7;
	__builtin_memcpy(&m->val, bytes + len, sizeof(m->val));
	if (m->imm) {
		m->len = (u8)(m->len + sizeof(m->val));
		return (modrm & 0x38) == 0;
	}
	return op == 0x89 || op == 0x8b;
}

/* What a store writes, in the low size bytes. gpr: the 16 registers. */
static __always_inline u64 mov_value(const struct mov *m, const u64 *gpr)
{
	return m->imm ? (u64)(s64)(s32)m->val : gpr[m->reg];
}

/*
 * The fault was at this address (of any kind), and the operand begins there. Not so where the
 * operand may have begun in the page before, and only its second part have faulted.
 */
static __always_inline bool mov_begins_at(const struct mov *m, u64 addr, u32 bits, const u64 *gpr)
{
	if (addr % m->size)
		return false;
	return addr % PAGE_SIZE ||
	       (bits == 64 && m->base != MOV_NO_BASE && gpr[m->base] % m->size == 0);
}
