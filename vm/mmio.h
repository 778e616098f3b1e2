/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses to device memory. Own thread. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct vcpu;

/* size is 1, 2, 4 or 8 and the access lies in one page. What no device claims reads as ones. */
u64 mmio_read(struct vcpu *v, gpa_t gpa, u8 size);
void mmio_write(struct vcpu *v, gpa_t gpa, u8 size, u64 val);

/* MOV of 32 bits between a register (or from an immediate) and memory. */
struct mov32 {
	u8 len, reg;
	bool store, imm;
	u32 val; /* imm */
};

/* bytes: 15 of them. False: it is something else, or 16-bit code. */
bool mov32_decode(const u8 *bytes, u32 bits, struct mov32 *m);
