/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Local APIC of a vCPU: xAPIC page, x2APIC registers, timer.
 *
 * Ownership: everything belongs to the vCPU's own thread and CPU, except irr, tmr and esr_new,
 * which any CPU changes with atomic operations. So there is no lock. Other vCPUs read mode, ldr,
 * dfr, ppr, lvt and enabled with single loads when they look for the destination of an interrupt.
 *
 * Source: Intel SDM 3A "Advanced Programmable Interrupt Controller (APIC)"; AMD APM 2 the same.
 */
#pragma once

#include "lib/types.h"

#include "arch/msr.h"
#include "arch/timer.h"
#include "lib/bits.h"
#include "vm/dev/vclock.h"
#include "vm/vcpu.h"

/* Input clock of the timer before the divider; CPUID 0x40000010 EBX tells it in kHz. */
#define VLAPIC_BUS_HZ        1000000000ULL
/*
 * Shortest period of a periodic timer: below it, a guest could keep its CPU busy with host timers.
 */
#define VLAPIC_MIN_PERIOD_NS 20000

#define APIC_BASE_BSP  BIT(8)
#define APIC_BASE_EXTD BIT(10)
#define APIC_BASE_EN   BIT(11)

enum vlapic_mode {
	VLAPIC_OFF, /* APIC_BASE.EN = 0 */
	VLAPIC_XAPIC,
	VLAPIC_X2APIC,
};

enum vlapic_lvt {
	LVT_TIMER,
	LVT_THERMAL,
	LVT_PERF,
	LVT_LINT0,
	LVT_LINT1,
	LVT_ERROR,
	LVT_NR,
};

struct vlapic {
	u64 irr[4]; /* one bit per vector; atomic */
	u64 isr[4];
	u64 tmr[4]; /* atomic */
	u8 isrv;    /* highest vector in service, 0 = none */
	u8 ppr, tpr;
	u8 mode;       /* enum vlapic_mode */
	bool enabled;  /* mode is not OFF, and SVR says software enabled */
	bool pic_wire; /* the I/O APIC passes the PICs' INTR on to this vCPU as ExtINT */
	u8 timer_mode; /* LVT timer bits 18:17 */
	u8 div_shift;  /* log2 of the timer's divider */
	bool lint_level[2];
	u32 svr, ldr, dfr;
	u32 esr;     /* as read; latched by a write */
	u32 esr_new; /* errors since then; atomic */
	u32 icr_lo, icr_hi;
	u32 lvt[LVT_NR];
	u32 timer_init, timer_div;
	u64 timer_start;  /* host TSC at which timer_init was loaded; 0 = stopped */
	u64 tsc_deadline; /* guest TSC; 0 = not armed */
	bool stopped;     /* any CPU sets it: the timer may not fire until the next reset */
	struct vclock bus;
	struct timer timer;
	struct vcpu *vcpu;
};

/* Allocates v->lapic and resets it; v->id and v->vm are set. 0 or -ENOMEM. */
int vlapic_create(struct vcpu *v) __must_check;
void vlapic_destroy(struct vcpu *v);
/* Own thread. INIT keeps APIC_BASE (so also x2APIC mode) and the id; power-on sets APIC_BASE. */
void vlapic_reset(struct vcpu *v, bool init);
/* Any CPU: stops the timer, for a machine that was powered off or died. */
void vlapic_quiesce(struct vcpu *v);

/* --- interrupts in; any CPU ------------------------------------------------------------------- */

/*
 * A fixed interrupt arrives: VREQ_EVENT follows. True when it is new, false when it joined one that
 * was pending or the APIC is disabled.
 */
bool vlapic_set_irr(struct vcpu *v, u8 vector, bool level);
/* Any CPU: level of LINT0 (the PICs' INTR) or LINT1. Chipset lock held. */
void vlapic_lint(struct vcpu *v, u32 pin, bool level);
/* Any CPU: ESR bits; raises the error interrupt for new ones. */
void vlapic_error(struct vcpu *v, u32 bits);

/* --- interrupts out; own thread --------------------------------------------------------------- */

static inline int vlapic_highest(const u64 *map)
{
	u64 w;
	int i = 3;

	/* Mostly there is none: one branch. The search is unrolled because compilers do not. */
	if (!(READ_ONCE(map[0]) | READ_ONCE(map[1]) | READ_ONCE(map[2]) | READ_ONCE(map[3])))
		return -1;
	if (!(w = READ_ONCE(map[3])) && (i--, !(w = READ_ONCE(map[2]))) &&
	    (i--, !(w = READ_ONCE(map[1]))) && (i--, !(w = READ_ONCE(map[0]))))
		return -1;
	return i * 64 + (int)bit_highest(w);
}

/* The vector that the CPU would take now if IF = 1, or -1. */
static inline int vlapic_pending(const struct vcpu *v)
{
	const struct vlapic *a = v->lapic;
	int vec = vlapic_highest(a->irr);

	return vec > (a->ppr | 0xf) ? vec : -1; /* of a higher priority class */
}

static inline bool vlapic_has_irq(const struct vcpu *v)
{
	return vlapic_pending(v) >= 0;
}

/* The CPU takes this vector: from pending to in service. */
static inline void vlapic_accept(struct vcpu *v, u8 vector)
{
	struct vlapic *a = v->lapic;

	__atomic_fetch_and(&a->irr[vector >> 6], ~BIT(vector & 63), __ATOMIC_RELAXED);
	a->isr[vector >> 6] |= BIT(vector & 63);
	a->isrv = vector;
	/* It was above PPR's class, so it is above TPR's. */
	a->ppr = vector & 0xf0;
}

/*
 * An interrupt of the PICs reaches this vCPU: LINT0 is ExtINT, the I/O APIC passes it on, or the
 * APIC is off and LINT0 is the INTR pin of the boot processor.
 */
bool vlapic_accepts_pic(const struct vcpu *v);

/* --- registers; own thread -------------------------------------------------------------------- */

/* Only aligned accesses of 4 bytes reach a register; others read 0 and write nothing. Outside xAPIC
 * mode the page is not there: ones. */
u64 vlapic_mmio_read(struct vcpu *v, u32 off, u8 size);
void vlapic_mmio_write(struct vcpu *v, u32 off, u8 size, u32 val);
/* MSR_APIC_BASE, MSR_TSC_DEADLINE and MSR_X2APIC_FIRST..LAST. 0, or -EINVAL for #GP. */
int vlapic_msr_read(struct vcpu *v, u32 msr, u64 *val) __must_check;
int vlapic_msr_write(struct vcpu *v, u32 msr, u64 val) __must_check;
/* The write to MSR_TSC_DEADLINE, for the hot path; ignored outside TSC-deadline mode. */
void vlapic_deadline_write(struct vcpu *v, u64 val);
/* After v->tsc_offset changed: an armed deadline moves with it. */
void vlapic_tsc_changed(struct vcpu *v);
void vlapic_eoi(struct vcpu *v);

static inline u8 vlapic_get_cr8(const struct vcpu *v)
{
	return v->lapic->tpr >> 4;
}

void vlapic_set_tpr(struct vcpu *v, u8 tpr);

static inline void vlapic_set_cr8(struct vcpu *v, u8 cr8)
{
	vlapic_set_tpr(v, (u8)(cr8 << 4));
}
