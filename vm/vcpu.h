/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual CPU: its registers that the hardware does not hold, its thread, its requests. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "arch/regs.h"
#include "arch/thread.h"
#include "vm/exit.h"

struct vm;
struct vlapic;

/* General registers in encoding order. After an exit RIP, RFLAGS, RAX and RSP are here too; changes
 * take effect at the next entry. */
struct vcpu_regs {
	u64 gpr[16];
	u64 rip;
	u64 rflags;
};

/* Requests: set by anybody with vcpu_request(), consumed by the vCPU's thread before entry. */
#define VREQ_EVENT  BIT32(0) /* look for an interrupt to inject */
#define VREQ_NMI    BIT32(1)
#define VREQ_INIT   BIT32(2)
#define VREQ_SIPI   BIT32(3)
#define VREQ_PAUSE  BIT32(4) /* the VM is paused, reset or ending */
#define VREQ_TIMER  BIT32(5) /* the local APIC timer fired */

enum vcpu_state {
	VCPU_OFF,       /* VM not started, or powered off */
	VCPU_WAIT_SIPI, /* application processor before INIT-SIPI */
	VCPU_RUNNING,
	VCPU_HALTED,    /* HLT: waits for an event */
	VCPU_PAUSED,
	VCPU_DEAD,      /* killed: why says the reason */
};

struct vcpu_stat {
	u64 exits[EXIT_NR];
	u64 cycles[EXIT_NR]; /* hypervisor TSC cycles spent on them */
	u64 entries;
	u64 injected;
	u64 reinjected;
	u64 emulated;
	u64 halts;
};

struct vcpu {
	struct vcpu_regs regs; /* must be first: enter.S knows the offsets */
	struct vcpu_exit exit;
	u32 requests; /* VREQ_*, atomic */
	u32 state;    /* enum vcpu_state; written by its own thread */
	u32 id;       /* in its VM; also its APIC id */
	struct vm *vm;
	struct cpu *cpu; /* pinned to */
	struct thread *thread;
	void *backend; /* svm/ or vmx/ */
	struct vlapic *lapic;

	struct vcpu_event pending;  /* exception or interrupted delivery; goes before interrupts */
	bool nmi_pending;
	bool loaded;                /* state is on this->cpu */
	u8 sipi_vector;

	u64 xcr0;
	u64 xss;
	void *fpu;                  /* XSAVE area */
	u64 tsc_offset;
	u64 tsc_adjust;
	u64 tsc_aux;
	u64 apic_base;              /* IA32_APIC_BASE */
	u64 dr[4];
	u64 mtrr_def, mtrr_fixed[11], mtrr_var[16];
	u64 misc_enable;
	u64 slice_start;

	const char *why; /* VCPU_DEAD: static text */
	char why_buf[160];
	struct mmu_fault last_fault; /* `vcpu why` */
	struct mmu_result last_result;
	u32 last_verdict;
	struct vcpu_stat stat;
};

/* Any CPU: sets request bits, and gets the vCPU out of guest mode or HLT so that it sees them. */
void vcpu_request(struct vcpu *v, u32 bits);

/* Queue an exception for the next entry; combines with a pending one by the double-fault rules.
 * Own thread only. Source: AMD APM 2 "#DF: Double-Fault Exception". */
void vcpu_inject(struct vcpu *v, u8 vector, bool has_error, u32 error);
void vcpu_inject_gp(struct vcpu *v);
void vcpu_inject_ud(struct vcpu *v);
void vcpu_inject_pf(struct vcpu *v, const struct mmu_gfault *f);

/* Stops the vCPU's VM for good and keeps it for inspection; the sentence goes to log and shell. */
void vcpu_kill(struct vcpu *v, const char *fmt, ...) __printf(2, 3);

/* Guest virtual memory with the vCPU's current paging; access = MMU_R/W/X plus MMU_U. On failure
 * returns -EFAULT with the fault in *f, or -EIO when the address is not RAM. */
int vcpu_read_gva(struct vcpu *v, gva_t gva, void *buf, u32 len, u32 access, struct mmu_gfault *f);
int vcpu_write_gva(struct vcpu *v, gva_t gva, const void *buf, u32 len, struct mmu_gfault *f);

/* Skips the instruction that exited: RIP, RF, TF trap, interrupt shadow. */
void vcpu_skip(struct vcpu *v, u8 len);
