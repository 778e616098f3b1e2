/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The local APIC's timer. The count is never stored: it follows from the TSC at which counting
 * began. The callback runs on the vCPU's own CPU while its thread does not run hypervisor code, so
 * it may touch what the thread owns. Source: Intel SDM 3A "APIC Timer".
 */
#include "arch/x86.h"
#include "vm/dev/vlapic_int.h"

/* Own thread or CPU. */
static void fire(struct vlapic *a)
{
	u32 lvt = a->lvt[LVT_TIMER];

	if (lvt & LVT_MASKED)
		return;
	if (LVT_VECTOR(lvt) < VECTOR_FIRST)
		vlapic_error(a->vcpu, ESR_RECV_ILLEGAL);
	else
		vlapic_set_irr(a->vcpu, LVT_VECTOR(lvt), false);
}

/* Host cycles from loading the count to zero. */
static u64 period(const struct vlapic *a)
{
	u64 cycles = vclock_cycles(&a->bus, (u64)a->timer_init << a->div_shift);

	if (a->timer_mode == TIMER_PERIODIC)
		cycles = MAX(cycles, ns_to_tsc(VLAPIC_MIN_PERIOD_NS));
	return cycles;
}

/* The next period starts where the last ended, so no time is lost; whole periods that a busy CPU
 * missed are dropped, as their interrupts would have merged. */
static void next_period(struct vlapic *a)
{
	u64 now = rdtsc(), len = period(a);

	a->timer_start += len;
	if (now - a->timer_start >= len && now > a->timer_start)
		a->timer_start += (now - a->timer_start) / len * len;
	timer_set(&a->timer, a->timer_start + len);
}

static void expired(struct timer *t)
{
	struct vlapic *a = container_of(t, struct vlapic, timer);

	if (READ_ONCE(a->stopped))
		return;
	if (a->timer_mode == TIMER_PERIODIC) {
		next_period(a);
	} else {
		a->timer_start = 0;
		a->tsc_deadline = 0;
	}
	fire(a);
}

void vlapic_timer_create(struct vlapic *a)
{
	vclock_init(&a->bus, VLAPIC_BUS_HZ);
	timer_init(&a->timer, expired);
}

static void stop(struct vlapic *a)
{
	timer_cancel(&a->timer);
	a->timer_start = 0;
	a->tsc_deadline = 0;
}

void vlapic_timer_reset(struct vlapic *a)
{
	stop(a);
	a->timer_mode = TIMER_ONESHOT;
	a->timer_init = 0;
	a->timer_div = 0;
	a->div_shift = 1;
}

void vlapic_timer_set_mode(struct vlapic *a, enum vlapic_timer_mode mode)
{
	bool counts = mode <= TIMER_PERIODIC && a->timer_mode <= TIMER_PERIODIC;

	if (mode == a->timer_mode)
		return;
	/* Source: Intel SDM 3A "TSC-Deadline Mode": a change to or from it disarms the timer. */
	if (!counts) {
		stop(a);
		a->timer_init = 0;
	}
	a->timer_mode = (u8)mode;
	if (a->timer_start) /* a period has a lower bound */
		timer_set(&a->timer, a->timer_start + period(a));
}

void vlapic_timer_set_init(struct vlapic *a, u32 count)
{
	if (a->timer_mode == TIMER_DEADLINE)
		return;
	a->timer_init = count;
	if (!count || a->timer_mode == TIMER_RESERVED) {
		stop(a);
		return;
	}
	a->timer_start = rdtsc();
	timer_set(&a->timer, a->timer_start + period(a));
}

u32 vlapic_timer_count(const struct vlapic *a)
{
	u64 ticks;

	if (!a->timer_start)
		return 0;
	ticks = vclock_ticks(&a->bus, rdtsc() - a->timer_start) >> a->div_shift;
	if (a->timer_mode == TIMER_PERIODIC)
		return a->timer_init - (u32)(ticks % a->timer_init);
	return ticks >= a->timer_init ? 0 : a->timer_init - (u32)ticks;
}

/* The count goes on from where it is, at the new rate. */
void vlapic_timer_set_div(struct vlapic *a, u32 div)
{
	u32 done = a->timer_init - vlapic_timer_count(a);
	u32 code = ((div >> 1) & 4) | (div & 3);

	a->timer_div = div & 0xb;
	a->div_shift = (u8)((code + 1) & 7);
	if (!a->timer_start)
		return;
	a->timer_start = rdtsc() - vclock_cycles(&a->bus, (u64)done << a->div_shift);
	timer_set(&a->timer, a->timer_start + period(a));
}

/* Deadline in guest TSC to host TSC, without wrapping for one that is centuries away. */
static void arm_deadline(struct vlapic *a)
{
	u64 now = rdtsc(), guest_now = now + a->vcpu->tsc_offset, at;

	if (a->tsc_deadline <= guest_now) {
		stop(a);
		fire(a);
		return;
	}
	at = now + (a->tsc_deadline - guest_now);
	timer_set(&a->timer, at < now ? ~0ULL : at);
}

void vlapic_deadline_write(struct vcpu *v, u64 val)
{
	struct vlapic *a = v->lapic;

	if (a->timer_mode != TIMER_DEADLINE)
		return;
	a->tsc_deadline = val;
	if (val)
		arm_deadline(a);
	else
		timer_cancel(&a->timer);
}

void vlapic_tsc_changed(struct vcpu *v)
{
	if (v->lapic->tsc_deadline)
		arm_deadline(v->lapic);
}
