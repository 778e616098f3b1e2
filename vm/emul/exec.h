/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Executes one decoded instruction on a vCPU's registers. All memory, ports and vector registers
 * are behind struct emul_ops, so the same code runs in the hypervisor and in tests.
 *
 * An instruction is all or nothing: no register changes before its last memory access has
 * succeeded. A repeated string instruction is that per element.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "vm/emul/decode.h"
#include "vm/hv_ops.h"

struct emul;
struct vcpu_regs;

enum emul_res {
	/* Done. RIP is untouched: the caller ends the instruction with vcpu_skip(). */
	EMUL_OK,
	/* A repeated string instruction did some elements and has more. RIP stays; the caller lets
	 * events in and runs the guest or the emulator again. With RFLAGS.TF each element ends so,
	 * and the caller owes a single-step #DB. */
	EMUL_AGAIN,
	/* emul.fault is to be injected; nothing else changed but for finished elements. */
	EMUL_FAULT,
	/* Lost a race too often: run the guest again. */
	EMUL_RETRY,
	/* Not ours to execute, or an access that an op cannot do. */
	EMUL_UNHANDLED,
};

struct emul_fault {
	u8 vector;
	bool has_error;
	u32 error;
	u64 cr2; /* #PF */
};

/* n is at most 32 and a range may cross a page. An op that returns EMUL_FAULT has filled e->fault
 * and changed nothing. */
struct emul_ops {
	/*
	 * rmw: a write to the same bytes follows; it must be allowed, or the fault is the write's.
	 */
	enum emul_res (*read)(struct emul *e, gva_t gva, void *buf, u32 n, bool rmw);
	enum emul_res (*write)(struct emul *e, gva_t gva, const void *buf, u32 n);
	/*
	 * Atomic: if the n bytes (1, 2, 4, 8, 16, any alignment) are *old, they become *new and
	 * *swapped is true; else *old becomes what they are. Write access either way.
	 */
	enum emul_res (*cmpxchg)(struct emul *e, gva_t gva, void *old, const void *new, u32 n,
				 bool *swapped);
	/* Permission (IOPL, TSS bitmap) was checked by the hardware before the exit. */
	enum emul_res (*in)(struct emul *e, u16 port, u32 size, u32 *val);
	enum emul_res (*out)(struct emul *e, u16 port, u32 size, u32 val);
	void (*get_seg)(struct emul *e, u32 seg, struct segment *s);
	/* Vector register nr; v has 32 bytes. legacy: an SSE instruction, bytes from 16 on stay;
	 * else everything above v becomes zero. */
	void (*get_vec)(struct emul *e, u32 nr, u8 *v);
	void (*set_vec)(struct emul *e, u32 nr, const u8 *v, bool legacy);
};

struct emul {
	const struct emul_ops *ops;
	void *ctx; /* for the ops */
	struct vcpu_regs *regs;
	const struct fetch *fetch; /* bits and control registers: vm/fetch.h */
	struct emul_fault fault;   /* EMUL_FAULT */
};

/* in: from decode() with fetch_mode(e->fetch). */
enum emul_res emul_exec(struct emul *e, const struct insn *in);

/* For the handler of an intercept: linear address of the memory operand, whatever its segment
 * allows; EMUL_OK or EMUL_FAULT with n bytes of the rm operand, n > 8 only in memory. */
gva_t emul_address(struct emul *e, const struct insn *in);
enum emul_res emul_read(struct emul *e, const struct insn *in, void *buf, u32 n);
