/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bytes of the instruction that exited. They are read anew at every exit: the guest may have
 * changed them or their translation since. Own thread only.
 */
#pragma once

#include "lib/types.h"

#include "mmu/walk.h"
#include "vm/emul/decode.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

/* Where the instruction is and how to read it. */
struct fetch {
	struct mmu_regs regs;
	gva_t rip; /* linear */
	u8 bits;   /* 16, 32 or 64: default operand size of the code segment */
	bool intel;
	u8 nr; /* bytes read; fewer than 15 when the next page cannot be read */
	u8 bytes[INSN_MAX_LEN];
};

/* For decode(). */
static __always_inline u32 fetch_mode(const struct fetch *f)
{
	u32 mode = f->bits == 64 ? INSN_MODE_64 : f->bits == 32 ? INSN_MODE_32 : INSN_MODE_16;

	return f->intel ? mode | INSN_INTEL : mode;
}

/*
 * Pointer to the first 16 bytes at RIP and the code segment's default size; NULL when they are not
 * all in one page, or cannot be read this quickly.
 */
static __always_inline const u8 *fetch_quick(struct vcpu *v, u8 *bits)
{
	struct mmu_regs regs;
	gva_t rip = hv->get_code(v, &regs, bits);

	return mmu_fetch_quick(&v->vm->mmu, &regs, rip,
			       &v->code[rip.v / PAGE_SIZE % ARRAY_SIZE(v->code)]);
}

/* Reads up to 15 bytes at RIP. False: not one could be read, and the fault was queued. */
bool fetch_bytes(struct vcpu *v, struct fetch *f);
/*
 * Reads and decodes the instruction. False: a fault was queued for what cannot be read or decoded;
 * #UD, with a line in the log, for what is valid but not in the decoder's set.
 */
bool fetch_decode(struct vcpu *v, struct fetch *f, struct insn *in);
/* The same, but nothing is queued for what is not in the decoder's set: then *known is false. */
bool fetch_decode_known(struct vcpu *v, struct fetch *f, struct insn *in, bool *known);

/* What valid instructions get that nobody can execute: #UD, with a line in the log. */
void fetch_unsupported(struct vcpu *v, const struct fetch *f);
/* The bytes are not those of the instruction that exited: the CPU had a stale translation, or
 * another vCPU has rewritten them. The guest tries again. */
void fetch_changed(struct vcpu *v);

u8 fetch_len_slow(struct vcpu *v, enum insn_op op);

/*
 * Length of the instruction that exited, and the proof that it is one of this kind. 0: a fault was
 * queued or the guest must try again; the handler returns without doing anything.
 */
static __always_inline u8 fetch_insn_len(struct vcpu *v, enum insn_op op)
{
	const u8 *p;
	u8 bits;

	if (v->exit.insn_len)
		return v->exit.insn_len;
	p = fetch_quick(v, &bits);
	if (likely(p)) {
		u32 n = insn_len_quick(p, INSN_MAX_LEN, op);

		if (likely(n))
			return (u8)n;
	}
	return fetch_len_slow(v, op);
}
