/* SPDX-License-Identifier: BSD-2-Clause */
/* Why the guest stopped, in words that both vendors share. Filled by hv_ops.enter(). */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/mmu.h"
#include "mmu/shadow/ctx.h"

/* X(id, "name") */
#define EXIT_REASONS(X)                                                                          \
	X(IRQ, "irq")           /* host interrupts may wait: take them */                        \
	X(NMI, "nmi")           /* host NMI (already taken) */                                   \
	X(IRQ_WINDOW, "irqwin") /* the guest can take an interrupt now */                        \
	X(NMI_WINDOW, "nmiwin") /* the guest can take an NMI now */                              \
	X(CPUID, "cpuid")                                                                        \
	X(HLT, "hlt")                                                                            \
	X(PAUSE, "pause")                                                                        \
	X(PIO, "pio")                                                                            \
	X(RDMSR, "rdmsr")                                                                        \
	X(WRMSR, "wrmsr")                                                                        \
	X(NPF, "npf")       /* nested fault: exit->npf */                                        \
	X(PF, "pf")         /* page fault under shadow paging: exit->pf */                       \
	X(INVLPG, "invlpg") /* exit->gva, if the length is known */                              \
	X(INVPCID, "invpcid")                                                                    \
	X(CR, "cr")               /* write to CR0/CR4/CR8, or what else is intercepted */        \
	X(DR, "dr")               /* the guest got the debug registers: run on */                \
	X(EXCEPTION, "exception") /* an intercepted exception: exit->vector, error */            \
	X(HYPERCALL, "hypercall")                                                                \
	X(XSETBV, "xsetbv")                                                                      \
	X(WBINVD, "wbinvd")                                                                      \
	X(INVD, "invd")                                                                          \
	X(MONITOR, "monitor")                                                                    \
	X(MWAIT, "mwait")                                                                        \
	X(RDPMC, "rdpmc")                                                                        \
	X(VIRT_INSN, "virt") /* an instruction for hypervisors */                                \
	X(LTR, "ltr")                                                                            \
	X(TASK_SWITCH, "task")                                                                   \
	X(TRIPLE, "triple") /* shutdown */                                                       \
	X(INIT, "init")     /* host INIT signal */                                               \
	X(SMI, "smi")                                                                            \
	X(EMULATE, "emulate") /* the CPU cannot run the next instruction: real_mode.h */         \
	X(NONE, "none")       /* the guest was not entered: its shadow has to be loaded again */ \
	X(FAIL, "fail")       /* the entry itself failed: hv_ops.check() says why */             \
	X(UNKNOWN, "unknown")

enum exit_reason {
#define X(id, name) EXIT_##id,
	EXIT_REASONS(X)
#undef X
	EXIT_NR,
};

extern const char *const exit_names[EXIT_NR]; /* vm/exit_names.c */

/* Event to inject, or whose delivery was interrupted. */
enum event_type {
	EVENT_NONE,
	EVENT_IRQ,
	EVENT_NMI,
	EVENT_EXC,  /* exception (fault or trap) */
	EVENT_SOFT, /* INTn */
};

/* What switched tasks. */
enum task_source {
	TASK_CALL,
	TASK_IRET,
	TASK_JMP,
	TASK_GATE, /* an event through a task gate: v->pending, or INTn, INT3, INTO at RIP */
};

struct vcpu_event {
	u8 type; /* enum event_type */
	u8 vector;
	bool has_error;
	u32 error;
};

struct vcpu_exit {
	u32 reason;    /* enum exit_reason */
	u64 code;      /* the vendor's own code, for dumps */
	u8 irq_shadow; /* bit 0: the guest was in the interrupt shadow of STI or MOV SS */
	u8 insn_len;   /* 0 = unknown: decode at RIP */

	union {
		struct mmu_fault npf;
		struct mmu_shadow_fault pf;
		gva_t gva;

		struct {
			u16 port;
			u8 size; /* 1, 2, 4 */
			bool in;
			bool string; /* INS or OUTS: decode at RIP */
		} pio;

		struct {
			u8 nr; /* CRn or DRn */
			bool write;
			u8 gpr; /* 0xff = unknown: decode */
		} cr;

		struct {
			u8 vector;
			u32 error;
			u64 cr2;
		} exc;

		/* RFLAGS.RF is what is to be saved, RIP still at the instruction. */
		struct {
			u16 selector; /* of the new TSS, also if a task gate led to it */
			u8 source;    /* enum task_source */
			bool has_error;
			u32 error;
		} task;
	};
};

struct vcpu;

/* vm/exit.c: do what the exit asks for. Own thread. */
extern void (*const exit_handlers[EXIT_NR])(struct vcpu *v);
