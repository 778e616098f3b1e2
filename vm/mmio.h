/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses to device memory. Own thread. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct vcpu;

/* size is 1, 2, 4 or 8 and the access lies in one page. What no device claims reads as ones. */
u64 mmio_read(struct vcpu *v, gpa_t gpa, u8 size);
void mmio_write(struct vcpu *v, gpa_t gpa, u8 size, u64 val);

/*
 * The guest has accessed (MMU_R, W, X) device memory or a hole. It can only be the data of an
 * instruction, which is emulated; anything else kills the vCPU.
 */
void mmio_fault(struct vcpu *v, gpa_t gpa, u32 access, bool table_walk);

/* MOV of 32 bits between a register (or from an immediate) and memory. */
struct mov32 {
	u8 len, reg;
	bool store, imm;
	u32 val; /* imm */
};

/* Bytes from the opcode to the end of the displacement by ModRM.mod (bits 4:3) and rm (2:0); 0 = no
 * memory operand. SIB without base register has four more. */
extern const u8 mov32_lengths[32];

/* bytes: 15 of them. False: it is something else, or 16-bit code. Source: AMD APM 3 "MOV". */
static __always_inline bool mov32_decode(const u8 *bytes, u32 bits, struct mov32 *m)
{
	u8 rex = 0, op = bytes[0], modrm, len;

	if (bits == 64 && (op & 0xf0) == 0x40) {
		rex = op;
		op = *++bytes;
	}
	modrm = bytes[1];
	len = mov32_lengths[(modrm >> 3 & 0x18) | (modrm & 7)];
	if ((modrm & 0xc7) == 4 && (bytes[2] & 7) == 5)
		len = (u8)(len + 4);
	if (bits == 16 || !len || (rex & 8))
		return false;
	m->reg = (u8)((modrm >> 3 & 7) | (rex & 4) << 1);
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
