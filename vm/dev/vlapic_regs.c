/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Register access of the local APIC. A register has one number in both modes: page offset / 16, or
 * MSR - 0x800. Source: Intel SDM 3A "Local APIC Register Address Map" and "x2APIC Register Address
 * Space".
 */
#include <errno.h>

#include "vm/dev/vioapic.h"
#include "vm/dev/vlapic_int.h"
#include "vm/vm.h"

enum {
	REG_ID = 0x02,
	REG_VERSION = 0x03,
	REG_TPR = 0x08,
	REG_APR = 0x09,
	REG_PPR = 0x0a,
	REG_EOI = 0x0b,
	REG_RRD = 0x0c,
	REG_LDR = 0x0d,
	REG_DFR = 0x0e,
	REG_SVR = 0x0f,
	REG_ISR = 0x10,
	REG_TMR = 0x18,
	REG_IRR = 0x20,
	REG_ESR = 0x28,
	REG_ICR = 0x30,
	REG_ICR_HI = 0x31,
	REG_LVT = 0x32, /* in the order of enum vlapic_lvt */
	REG_TIMER_INIT = 0x38,
	REG_TIMER_COUNT = 0x39,
	REG_TIMER_DIV = 0x3e,
	REG_SELF_IPI = 0x3f,
	REG_NR = 0x40,
};

/* An integrated APIC with six LVT entries and no suppression of EOI broadcasts. */
#define VERSION (0x14 | (LVT_NR - 1) << 16)

#define X2_READABLE                                                                         \
	(BIT(REG_ID) | BIT(REG_VERSION) | BIT(REG_TPR) | BIT(REG_PPR) | BIT(REG_LDR) |      \
	 BIT(REG_SVR) | MASK(REG_IRR + 7, REG_ISR) | BIT(REG_ESR) | BIT(REG_ICR) |          \
	 MASK(REG_LVT + LVT_NR - 1, REG_LVT) | BIT(REG_TIMER_INIT) | BIT(REG_TIMER_COUNT) | \
	 BIT(REG_TIMER_DIV))
#define X2_WRITABLE                                                                       \
	(BIT(REG_TPR) | BIT(REG_EOI) | BIT(REG_SVR) | BIT(REG_ESR) | BIT(REG_ICR) |       \
	 MASK(REG_LVT + LVT_NR - 1, REG_LVT) | BIT(REG_TIMER_INIT) | BIT(REG_TIMER_DIV) | \
	 BIT(REG_SELF_IPI))
#define X_READABLE \
	(X2_READABLE | BIT(REG_APR) | BIT(REG_EOI) | BIT(REG_RRD) | BIT(REG_DFR) | BIT(REG_ICR_HI))
/* Read-only registers are among them: writing one is harmless and no error. */
#define X_WRITABLE (X_READABLE & ~BIT(REG_RRD))

/*
 * Bits of an LVT entry that a write changes; in x2APIC mode, that it may set. The status bits 12
 * and 14 are read-only and always 0 here.
 */
#define LVT_STATUS (BIT32(12) | BIT32(14))
static const u32 lvt_bits[LVT_NR] = {
	[LVT_TIMER] = 0xff | LVT_MASKED | LVT_TIMER_MODES,
	[LVT_THERMAL] = 0x7ff | LVT_MASKED,
	[LVT_PERF] = 0x7ff | LVT_MASKED,
	[LVT_LINT0] = 0x7ff | BIT32(13) | BIT32(15) | LVT_MASKED,
	[LVT_LINT1] = 0x7ff | BIT32(13) | BIT32(15) | LVT_MASKED,
	[LVT_ERROR] = 0xff | LVT_MASKED,
};

/* Which bits of a register an x2APIC write may set. */
static u64 x2_bits(u32 reg)
{
	switch (reg) {
	case REG_TPR:
	case REG_SELF_IPI:
		return 0xff;
	case REG_SVR:
		return 0x3ff;
	case REG_ICR:
		return MASK(63, 32) | 0xccfff;
	case REG_TIMER_INIT:
		return ~0U;
	case REG_TIMER_DIV:
		return 0xb;
	case REG_EOI:
	case REG_ESR:
		return 0;
	default:
		return lvt_bits[reg - REG_LVT] | LVT_STATUS;
	}
}

static u32 map_word(const u64 *map, u32 i)
{
	return (u32)(READ_ONCE(map[i / 2]) >> (i % 2 * 32));
}

/* reg is one that can be read in the current mode. */
static u32 reg_read(const struct vlapic *a, u32 reg)
{
	if (reg >= REG_ISR && reg < REG_ESR) {
		const u64 *map = reg >= REG_IRR ? a->irr : reg >= REG_TMR ? a->tmr : a->isr;

		return map_word(map, reg & 7);
	}
	if (reg >= REG_LVT && reg < REG_LVT + LVT_NR)
		return a->lvt[reg - REG_LVT];
	switch (reg) {
	case REG_ID:
		return a->mode == VLAPIC_X2APIC ? a->vcpu->id : a->vcpu->id << 24;
	case REG_VERSION:
		return VERSION;
	case REG_TPR:
		return a->tpr;
	case REG_PPR:
	case REG_APR: /* arbitration ended with the APIC bus; the best that can be told */
		return a->ppr;
	case REG_LDR:
		return a->ldr;
	case REG_DFR:
		return a->dfr;
	case REG_SVR:
		return a->svr;
	case REG_ESR:
		return a->esr;
	case REG_ICR:
		return a->icr_lo;
	case REG_ICR_HI:
		return a->icr_hi;
	case REG_TIMER_INIT:
		return a->timer_init;
	case REG_TIMER_COUNT:
		return vlapic_timer_count(a);
	case REG_TIMER_DIV:
		return a->timer_div;
	default:
		return 0; /* EOI, remote read */
	}
}

static void lvt_write(struct vcpu *v, u32 i, u32 val)
{
	struct vlapic *a = v->lapic;

	val &= lvt_bits[i];
	if (!(a->svr & SVR_ENABLE))
		val |= LVT_MASKED;
	if (i == LVT_TIMER)
		vlapic_timer_set_mode(a, val >> LVT_TIMER_SHIFT & 3);
	WRITE_ONCE(a->lvt[i], val);
	/* The PICs may have been waiting for this. */
	if (i == LVT_LINT0 && READ_ONCE(a->lint_level[0]) && vlapic_accepts_pic(v))
		vcpu_request_self(v, VREQ_EVENT);
}

#define ICR_SHORTHAND(lo) ((lo) >> 18 & 3)
#define ICR_NO_ASSERT     0x8000U /* trigger mode level ... */
#define ICR_ASSERT_BITS   0xc000U /* ... without the level bit */

enum {
	TO_DEST,
	TO_SELF,
	TO_ALL,
	TO_OTHERS,
};

/* Every message but a fixed one to this vCPU alone. */
static __noinline void icr_send(struct vcpu *v, u32 lo, u32 dest)
{
	struct apic_msg m = {
		.dest = dest,
		.vector = (u8)lo,
		.mode = (lo >> 8) & 7,
		.logical = lo & BIT32(11),
		.wide = v->lapic->mode == VLAPIC_X2APIC,
	};

	if (m.mode <= APIC_LOWEST && m.vector < VECTOR_FIRST) {
		vlapic_error(v, ESR_SEND_ILLEGAL);
		return;
	}
	/* INIT level de-assert only set arbitration ids, long ago. */
	if (m.mode == APIC_EXTINT ||
	    (m.mode == APIC_INIT && (lo & ICR_ASSERT_BITS) == ICR_NO_ASSERT))
		return;
	switch (ICR_SHORTHAND(lo)) {
	case TO_DEST:
		apic_send(v->vm, &m);
		break;
	case TO_SELF: /* of all modes only fixed may */
		break;
	default:
		apic_send_all(v->vm, &m, ICR_SHORTHAND(lo) == TO_OTHERS ? v : NULL);
	}
}

static inline void write_icr(struct vcpu *v, u32 lo, u32 dest)
{
	if (ICR_SHORTHAND(lo) == TO_SELF && LVT_MODE(lo) == APIC_FIXED &&
	    LVT_VECTOR(lo) >= VECTOR_FIRST)
		vlapic_self(v, LVT_VECTOR(lo));
	else
		icr_send(v, lo, dest);
}

/* The rest of what a write can do in both modes; EOI, TPR and the ICR went their own way. */
static void reg_write(struct vcpu *v, u32 reg, u32 val)
{
	struct vlapic *a = v->lapic;

	if (reg >= REG_LVT && reg < REG_LVT + LVT_NR) {
		lvt_write(v, reg - REG_LVT, val);
		return;
	}
	switch (reg) {
	case REG_LDR:
		WRITE_ONCE(a->ldr, val & 0xff000000);
		break;
	case REG_DFR:
		WRITE_ONCE(a->dfr, val | 0x0fffffff);
		break;
	case REG_SVR:
		vlapic_set_svr(a, val);
		break;
	case REG_ESR:
		a->esr = __atomic_exchange_n(&a->esr_new, 0, __ATOMIC_RELAXED);
		break;
	case REG_ICR_HI:
		a->icr_hi = val & 0xff000000;
		break;
	case REG_TIMER_INIT:
		vlapic_timer_set_init(a, val);
		break;
	case REG_TIMER_DIV:
		vlapic_timer_set_div(a, val);
		break;
	default:
		break; /* read-only */
	}
}

u64 vlapic_mmio_read(struct vcpu *v, u32 off, u8 size)
{
	struct vlapic *a = v->lapic;
	u32 reg = off >> 4;

	if (a->mode != VLAPIC_XAPIC)
		return ~0ULL >> (64 - 8 * size);
	if (size != 4 || off & 15)
		return 0;
	if (reg >= REG_NR || !(X_READABLE & BIT(reg))) {
		vlapic_error(v, ESR_REGISTER);
		return 0;
	}
	return reg_read(a, reg);
}

void vlapic_mmio_write(struct vcpu *v, u32 off, u8 size, u32 val)
{
	struct vlapic *a = v->lapic;
	u32 reg = off >> 4;

	if (a->mode != VLAPIC_XAPIC || size != 4 || off & 15)
		return;
	if (reg == REG_EOI) {
		vlapic_eoi(v);
	} else if (reg == REG_ICR) {
		a->icr_lo = val & 0xccfff;
		write_icr(v, val, a->icr_hi >> 24);
	} else if (reg == REG_TPR) {
		vlapic_set_tpr(v, (u8)val);
	} else if (reg < REG_NR && X_WRITABLE & BIT(reg)) {
		reg_write(v, reg, val);
	} else {
		vlapic_error(v, ESR_REGISTER);
	}
}

static int x2_write(struct vcpu *v, u32 reg, u64 val)
{
	struct vlapic *a = v->lapic;

	if (a->mode != VLAPIC_X2APIC || reg >= REG_NR || !(X2_WRITABLE & BIT(reg)) ||
	    val & ~x2_bits(reg))
		return -EINVAL;
	if (reg == REG_EOI) {
		vlapic_eoi(v);
	} else if (reg == REG_ICR) {
		a->icr_lo = (u32)val;
		a->icr_hi = (u32)(val >> 32);
		write_icr(v, a->icr_lo, a->icr_hi);
	} else if (reg == REG_SELF_IPI) {
		write_icr(v, (u32)val | TO_SELF << 18, 0);
	} else if (reg == REG_TPR) {
		vlapic_set_tpr(v, (u8)val);
	} else {
		reg_write(v, reg, (u32)val);
	}
	return 0;
}

static int x2_read(struct vcpu *v, u32 reg, u64 *val)
{
	struct vlapic *a = v->lapic;

	if (a->mode != VLAPIC_X2APIC || reg >= REG_NR || !(X2_READABLE & BIT(reg)))
		return -EINVAL;
	*val = reg_read(a, reg);
	if (reg == REG_ICR)
		*val |= (u64)a->icr_hi << 32;
	return 0;
}

/* Source: Intel SDM 3A "x2APIC State Transitions". */
static int apic_base_write(struct vcpu *v, u64 val)
{
	struct vlapic *a = v->lapic;
	enum vlapic_mode mode;

	if (val & ~(APIC_BASE_BSP | APIC_BASE_EXTD | APIC_BASE_EN | MASK(51, 12)))
		return -EINVAL;
	if ((val & MASK(51, 12)) != VM_LAPIC_BASE) {
		vm_log(v->vm, "vCPU %u may not move its local APIC to %#llx: it stays at %#llx",
		       v->id, (unsigned long long)(val & MASK(51, 12)), VM_LAPIC_BASE);
		return -EINVAL;
	}
	mode = !(val & APIC_BASE_EN)    ? VLAPIC_OFF
	       : (val & APIC_BASE_EXTD) ? VLAPIC_X2APIC
					: VLAPIC_XAPIC;
	if ((mode == VLAPIC_OFF && val & APIC_BASE_EXTD) ||
	    (mode == VLAPIC_XAPIC && a->mode == VLAPIC_X2APIC) ||
	    (mode == VLAPIC_X2APIC && a->mode == VLAPIC_OFF))
		return -EINVAL;
	v->apic_base = val;
	if (mode == a->mode)
		return 0;
	if (mode == VLAPIC_OFF || a->mode == VLAPIC_OFF)
		vlapic_clear(a);
	vlapic_set_mode(a, mode);
	return 0;
}

int vlapic_msr_read(struct vcpu *v, u32 msr, u64 *val)
{
	switch (msr) {
	case MSR_APIC_BASE:
		*val = v->apic_base;
		return 0;
	case MSR_TSC_DEADLINE:
		*val = v->lapic->tsc_deadline;
		return 0;
	default:
		return x2_read(v, msr - MSR_X2APIC_FIRST, val);
	}
}

int vlapic_msr_write(struct vcpu *v, u32 msr, u64 val)
{
	switch (msr) {
	case MSR_APIC_BASE:
		return apic_base_write(v, val);
	case MSR_TSC_DEADLINE:
		vlapic_deadline_write(v, val);
		return 0;
	default:
		return x2_write(v, msr - MSR_X2APIC_FIRST, val);
	}
}
