/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of the instruction that exited. They are read anew at every exit: the guest may have
 * changed them or their translation since. Own thread only.
 */
#pragma once

#include "lib/types.h"

#include "mmu/walk.h"
#include "vm/exit.h"
#include "vm/hv_ops.h"

struct vcpu;

#define INSN_MAX 15

/* Where the instruction is and how to read it. */
struct fetch {
	struct mmu_regs regs;
	gva_t rip; /* linear */
	u8 bits;   /* 16, 32 or 64: default operand size of the code segment */
	u8 nr;     /* bytes read; fewer than INSN_MAX when the next page cannot be read */
	u8 bytes[INSN_MAX];
	struct mmu_gfault next; /* why there are no more of them; error 0: not RAM */
};

/*
 * Length of the instruction that caused an exit for this reason, and the proof that it is that
 * instruction. 0: a fault was queued, or the bytes are no longer the same and the guest must try
 * again; the handler returns without doing anything.
 */
u8 fetch_insn_len(struct vcpu *v, enum exit_reason reason);

/* The bytes before an opcode. */
struct prefixes {
	u8 nr;  /* how many there are */
	u8 rex; /* 0 = none */
	u8 seg; /* enum seg; S_NR = none */
	bool lock, rep, opsize, addrsize;
};

void fetch_prefixes(const struct fetch *f, struct prefixes *p);

/* Reads up to 15 bytes at RIP. False: not one could be read, and the fault was queued. */
bool fetch_insn(struct vcpu *v, struct fetch *f);
