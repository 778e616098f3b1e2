/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the local APIC share: registers' bits and each other's functions. */
#pragma once

#include "vm/dev/vapic_msg.h"
#include "vm/dev/vlapic.h"

#define SVR_ENABLE BIT32(8)

#define LVT_VECTOR(lvt) ((u8)(lvt))
#define LVT_MODE(lvt)   (((lvt) >> 8) & 7)
#define LVT_MASKED      BIT32(16)
#define LVT_TIMER_SHIFT 17
#define LVT_TIMER_MODES (3U << LVT_TIMER_SHIFT)

#define ESR_SEND_ILLEGAL BIT32(5)
#define ESR_RECV_ILLEGAL BIT32(6)
#define ESR_REGISTER     BIT32(7)

/* Vectors below are reserved for exceptions; an APIC neither sends nor accepts them. */
#define VECTOR_FIRST 16

enum vlapic_timer_mode {
	TIMER_ONESHOT,
	TIMER_PERIODIC,
	TIMER_DEADLINE,
	TIMER_RESERVED, /* stands still */
};

/*
 * Notes a fixed interrupt without telling the vCPU. The trigger mode is stored first, so that
 * whoever sees the request sees it. True when it was not pending yet.
 */
static inline bool vlapic_irr_or(struct vlapic *a, u8 vector, bool level)
{
	u32 w = vector >> 6;
	u64 bit = BIT(vector & 63);

	if (unlikely(level != !!(READ_ONCE(a->tmr[w]) & bit)))
		__atomic_fetch_xor(&a->tmr[w], bit, __ATOMIC_RELAXED);
	/* Release: pairs with the acquire of whoever consumes VREQ_EVENT. */
	return !(__atomic_fetch_or(&a->irr[w], bit, __ATOMIC_RELEASE) & bit);
}

/* Own thread: a fixed interrupt of this APIC to itself. */
static inline void vlapic_self(struct vcpu *v, u8 vector)
{
	if (likely(v->lapic->enabled) && vlapic_irr_or(v->lapic, vector, false))
		vcpu_request_self(v, VREQ_EVENT);
}

/* vlapic_timer.c; own thread */
void vlapic_timer_create(struct vlapic *a);
void vlapic_timer_reset(struct vlapic *a);
void vlapic_timer_set_mode(struct vlapic *a, enum vlapic_timer_mode mode);
void vlapic_timer_set_init(struct vlapic *a, u32 count);
void vlapic_timer_set_div(struct vlapic *a, u32 div);
u32 vlapic_timer_count(const struct vlapic *a);

/* vlapic.c; own thread. Everything but id, LDR of x2APIC mode and APIC_BASE. */
void vlapic_clear(struct vlapic *a);
void vlapic_set_svr(struct vlapic *a, u32 val);
/* Derives enabled, and in x2APIC mode LDR, after a change of the mode. */
void vlapic_set_mode(struct vlapic *a, enum vlapic_mode mode);
