/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual CPU: its registers that the hardware does not hold, its thread, its requests. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "arch/regs.h"
#include "arch/thread.h"
#include "vm/exit.h"
#include "vm/mtrr.h"
#include "vm/task_guard.h"

struct vm;
struct vlapic;

/* General registers in encoding order. After an exit RIP, RFLAGS, RAX and RSP are here too;
 * changes take effect at the next entry. */
struct vcpu_regs {
	u64 gpr[16];
	u64 rip;
	u64 rflags;
};

/* Requests: set by anybody with vcpu_request(), consumed by the vCPU's thread before entry. */
#define VREQ_EVENT   BIT32(0) /* look for an event to inject */
#define VREQ_NMI     BIT32(1) /* with nmis_sent */
#define VREQ_INIT    BIT32(2)
#define VREQ_SIPI    BIT32(3) /* with sipi_vector */
#define VREQ_STOP    BIT32(4) /* the VM has something for all its vCPUs: vm_rendezvous() */
#define VREQ_RESET   BIT32(5) /* power-on state */
#define VREQ_CALL    BIT32(6) /* vcpu_call() */
#define VREQ_RESCHED BIT32(7) /* another thread should run on this CPU first */
#define VREQ_END     BIT32(8) /* the thread returns; only while the VM is being taken down */

/* The hypervisor's own requests: served also while the VM does not run. */
#define VREQ_HOST (VREQ_STOP | VREQ_CALL | VREQ_END | VREQ_RESCHED)

/* What the vCPU would do if its VM runs. Paused, stopped and dead are states of the VM. */
enum vcpu_state {
	VCPU_OFF,       /* the VM was never started, or is powered off */
	VCPU_WAIT_SIPI, /* application processor before INIT-SIPI */
	VCPU_RUNNING,
	VCPU_HALTED, /* HLT: waits for an event */
	VCPU_DEAD,   /* killed: why says the reason */
};

struct vcpu_stat {
	u64 exits[EXIT_NR];
	u64 cycles[EXIT_NR]; /* hypervisor TSC cycles spent on them; only while vcpu_stat_cycles */
	u64 injected;
	u64 reinjected; /* interrupted deliveries; counted by the backend */
	u64 emulated;
	u64 halts;
};

extern bool vcpu_stat_cycles;

/* One vcpu_call() in progress. */
struct vcpu_call {
	void (*fn)(struct vcpu *v, void *arg);
	void *arg;
	struct thread *caller;
	bool done;
};

struct vcpu {
	struct vcpu_regs regs; /* must be first: vm/switch.inc */
	struct vcpu_exit exit;
	u32 requests; /* VREQ_*, atomic */
	u32 state;    /* enum vcpu_state; written by its own thread */
	u32 id;       /* in its VM; also its APIC id */
	u32 waiting;  /* its thread is about to block, or has: wake it after a request */
	struct vm *vm;
	struct cpu *cpu; /* pinned to */
	struct thread *thread;
	void *backend;           /* the backend's own */
	struct mmu_ctx *mmu;     /* the guest's paging, if it is shadowed; else NULL */
	struct mmu_memo code[4]; /* of pages with instructions that exit, by their address */
	struct task_guard guard;
	struct vlapic *lapic;

	/*
	 * Goes before interrupts: an exception that a handler queued, or an event whose delivery
	 * the exit interrupted. The backend fills the latter, with VREQ_EVENT, before enter()
	 * returns.
	 */
	struct vcpu_event pending;
	bool redelivery; /* pending came from an interrupted delivery of the last exit */
	u8 nmi_pending;  /* one, or two while none is being handled */
	bool irq_window; /* an exit was asked for, for when the guest can take an interrupt */
	bool parked;     /* counted in vm->nr_parked */
	u8 sipi_vector;
	u32 nmis_sent; /* with VREQ_NMI; atomic */
	u32 held;      /* requests that wait until the VM runs again */
	struct vcpu_call *call;

	u64 xcr0;       /* while another vCPU has the FP registers; else fpu_xcr0() */
	void *fpu;      /* XSAVE area */
	u64 tsc_offset; /* guest TSC = host TSC + this */
	u64 tsc_adjust;
	u64 tsc_aux;
	u64 apic_base; /* IA32_APIC_BASE */
	u64 dr[4];     /* DR0-DR3 while the backend does not have them in the registers */
	u64 misc_enable;
	struct vmtrr mtrr;

	const char *why; /* VCPU_DEAD: one sentence */
	char why_buf[160];
	struct mmu_fault last_fault; /* `vcpu why` */
	struct mmu_result last_result;
	u32 last_verdict;
	struct mmu_shadow_fault last_pf;
	struct vcpu_stat stat;
};

static_assert(offsetof(struct vcpu, regs.gpr) == 0, "vm/switch.inc");
static_assert(R_AX == 0 && R_CX == 1 && R_DX == 2 && R_BX == 3 && R_BP == 5 && R_SI == 6 &&
		      R_DI == 7,
	      "vm/switch.inc");

/* Any CPU: sets request bits, and gets the vCPU out of guest mode or HLT so that it sees them. */
void vcpu_request(struct vcpu *v, u32 bits);

/* The same from the vCPU's own thread. */
static inline void vcpu_request_self(struct vcpu *v, u32 bits)
{
	__atomic_fetch_or(&v->requests, bits, __ATOMIC_RELAXED);
}

/* Any CPU: sends one NMI. */
static inline void vcpu_request_nmi(struct vcpu *v)
{
	__atomic_fetch_add(&v->nmis_sent, 1, __ATOMIC_RELEASE);
	vcpu_request(v, VREQ_NMI);
}

/*
 * Runs fn on the vCPU's own thread and CPU with its state loaded, between two instructions of the
 * guest, whatever the state of its VM; returns when fn has. The caller is a thread that holds no
 * lock and is not a vCPU.
 */
void vcpu_call(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg), void *arg);

/* Queue an exception for the next entry; combines with a pending one by the double-fault rules.
 * Own thread only. Source: AMD APM 2 "#DF: Double-Fault Exception". */
void vcpu_inject(struct vcpu *v, u8 vector, bool has_error, u32 error);
void vcpu_inject_gp(struct vcpu *v);
void vcpu_inject_ud(struct vcpu *v);
void vcpu_inject_pf(struct vcpu *v, const struct mmu_gfault *f);
/* #DB with these DR6 bits, as a trap. */
void vcpu_inject_db(struct vcpu *v, u64 dr6);

/* Stops the vCPU's VM for good and keeps it for inspection; the sentence goes to
 * log and shell. */
void vcpu_kill(struct vcpu *v, const char *fmt, ...) __printf(2, 3);

void vcpu_skip_special(struct vcpu *v, u64 old);

/* Ends the instruction that exited: RIP, RF, TF trap, interrupt shadow. */
static __always_inline void vcpu_skip(struct vcpu *v, u8 len)
{
	u64 old = v->regs.rip;

	v->regs.rip = old + len;
	if (unlikely((v->regs.rflags & (RFLAGS_TF | RFLAGS_RF)) | v->exit.irq_shadow |
		     (old ^ v->regs.rip) >> 32))
		vcpu_skip_special(v, old);
}

/* --- for vm/ itself --- */

/* Body of the vCPU's thread. */
void vcpu_thread(void *arg);
/* Allocates all of a vCPU but its thread; 0 or -ENOMEM. */
int vcpu_create(struct vm *vm, u32 id, struct cpu *cpu) __must_check;
void vcpu_destroy(struct vcpu *v);
/* Own thread, loaded: does what vcpu_call() asks for. */
void vcpu_serve_call(struct vcpu *v);
/*
 * Own thread: serves all requests, waits until the vCPU can run, and queues the next event for the
 * entry that must follow. False when the thread is to end.
 */
bool vcpu_serve(struct vcpu *v);
/* Own thread, at an exit: lets others run on this CPU if the slice has ended. */
void vcpu_yield(struct vcpu *v);
/* Own thread, after every thread_yield() and thread_block(): loads v again. */
void vcpu_resumed(struct vcpu *v);
/* Own thread: makes v the vCPU whose state is on this CPU. */
void vcpu_load(struct vcpu *v);
/* Own thread: nothing of v is left on this CPU. */
void vcpu_unload(struct vcpu *v);
/* Own thread, loaded: RESET (power-on) or INIT. Source: AMD APM 2 "Processor Initialization
 * State". */
void vcpu_reset(struct vcpu *v, bool init);
/* Recomputes and sets the TSC offset from vm->tsc_base and tsc_adjust. */
void vcpu_update_tsc(struct vcpu *v);
