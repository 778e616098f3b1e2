/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/lapic.h"

#include <errno.h>

#include "lib/log.h"

#include "arch/cpufeat.h"
#include "arch/mem.h"
#include "arch/msr.h"
#include "arch/percpu.h"
#include "arch/timer.h"
#include "arch/trap.h"
#include "arch/x86.h"

/* Register offsets in the xAPIC page; the x2APIC MSR is 0x800 + offset / 16. */
enum {
	REG_ID = 0x20,
	REG_TPR = 0x80,
	REG_EOI = 0xb0,
	REG_SVR = 0xf0,
	REG_ESR = 0x280,
	REG_ICR = 0x300,
	REG_ICR_HI = 0x310,
	REG_LVT_TIMER = 0x320,
	REG_LVT_LINT0 = 0x350,
	REG_LVT_LINT1 = 0x360,
	REG_LVT_ERROR = 0x370,
	REG_TIMER_INIT = 0x380,
	REG_TIMER_CUR = 0x390,
	REG_TIMER_DIV = 0x3e0,
};

#define SVR_ENABLE       BIT32(8)
#define LVT_MASKED       BIT32(16)
#define LVT_TSC_DEADLINE BIT32(18)
#define LVT_NMI          (4U << 8)
#define ICR_NMI          (4U << 8)
#define ICR_INIT         (5U << 8)
#define ICR_SIPI         (6U << 8)
#define ICR_BUSY         BIT32(12)
#define ICR_ASSERT       BIT32(14)
#define ICR_ALL_BUT_SELF (3U << 18)
#define DIV_BY_1         0xb

#define APIC_BASE_X2APIC BIT(10)
#define APIC_BASE_ENABLE BIT(11)

static bool x2apic;
static volatile u32 *regs;
static u64 ticks_per_tsc; /* timer ticks per TSC tick, 32.32 fixed point */

static u32 apic_read(u32 reg)
{
	return x2apic ? (u32)rdmsr(0x800 + reg / 16) : regs[reg / 4];
}

static void apic_write(u32 reg, u32 val)
{
	if (x2apic)
		wrmsr(0x800 + reg / 16, val);
	else
		regs[reg / 4] = val;
}

int lapic_init(bool allow_x2apic)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	/* Firmware that left x2APIC on leaves no legal way back but through disabling. */
	x2apic = base & APIC_BASE_X2APIC || (allow_x2apic && cpu_has(CPU_X2APIC));
	if (!x2apic) {
		regs = mmio_map(HPA(base & MASK(51, 12)), PAGE_SIZE);
		if (!regs)
			return -ENOMEM;
	}
	return 0;
}

void lapic_enable(void)
{
	u64 base = rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;

	wrmsr(MSR_APIC_BASE, base);
	if (x2apic)
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
	apic_write(REG_TPR, 0);
	/* First: while it is off the entries below stay masked. Source: Intel SDM 3A "Local APIC
	 * State After It Has Been Software Disabled". */
	apic_write(REG_SVR, SVR_ENABLE | VEC_SPURIOUS);
	apic_write(REG_LVT_LINT0, LVT_MASKED);
	apic_write(REG_LVT_LINT1, LVT_NMI);
	apic_write(REG_LVT_ERROR, LVT_MASKED);
	apic_write(REG_TIMER_DIV, DIV_BY_1);
	apic_write(REG_LVT_TIMER, VEC_TIMER | (cpu_has(CPU_TSC_DEADLINE) ? LVT_TSC_DEADLINE : 0));
	/* A write to memory is not ordered with the WRMSR that arms the timer. Source: Intel SDM 3A
	 * "TSC-Deadline Mode". */
	fence_full();
}

u32 lapic_id(void)
{
	return x2apic ? apic_read(REG_ID) : apic_read(REG_ID) >> 24;
}

void lapic_eoi(void)
{
	apic_write(REG_EOI, 0);
}

static void icr_write(u32 apic_id, u32 low)
{
	if (x2apic) {
		wrmsr(0x800 + REG_ICR / 16, (u64)apic_id << 32 | low);
		return;
	}
	while (regs[REG_ICR / 4] & ICR_BUSY)
		cpu_pause();
	regs[REG_ICR_HI / 4] = apic_id << 24;
	regs[REG_ICR / 4] = low;
}

void lapic_ipi(u32 apic_id, u8 vector)
{
	fence_full(); /* x2APIC: earlier stores must be visible before the IPI arrives */
	icr_write(apic_id, ICR_ASSERT | vector);
}

void lapic_send_init(u32 apic_id)
{
	icr_write(apic_id, ICR_INIT | ICR_ASSERT);
}

void lapic_send_sipi(u32 apic_id, u8 page)
{
	icr_write(apic_id, ICR_SIPI | ICR_ASSERT | page);
}

void lapic_nmi(u32 apic_id)
{
	icr_write(apic_id, ICR_NMI | ICR_ASSERT);
}

void lapic_nmi_others(void)
{
	if (nr_cpus > 1)
		icr_write(0, ICR_NMI | ICR_ASSERT | ICR_ALL_BUT_SELF);
}

void lapic_timer_arm(u64 deadline_tsc)
{
	u64 now, ticks;

	if (cpu_has(CPU_TSC_DEADLINE)) {
		wrmsr(MSR_TSC_DEADLINE, deadline_tsc);
		return;
	}
	now = rdtsc();
	/* Late by at most a tick rather than early, so that one interrupt is enough. */
	ticks = deadline_tsc > now ? deadline_tsc - now : 0;
	ticks = (u64)(((unsigned __int128)ticks * ticks_per_tsc) >> 32) + 1;
	apic_write(REG_TIMER_INIT, (u32)MIN(ticks, 0xffffffffULL));
}

void lapic_timer_stop(void)
{
	if (cpu_has(CPU_TSC_DEADLINE))
		wrmsr(MSR_TSC_DEADLINE, 0);
	else
		apic_write(REG_TIMER_INIT, 0);
}

bool lapic_is_x2apic(void)
{
	return x2apic;
}

void lapic_timer_free_run(void)
{
	apic_write(REG_LVT_TIMER, VEC_TIMER | LVT_MASKED);
	apic_write(REG_TIMER_INIT, 0xffffffff);
}

u32 lapic_timer_count(void)
{
	u32 cur = apic_read(REG_TIMER_CUR);

	return 0xffffffff - cur;
}

void lapic_set_timer_khz(u64 khz)
{
	ticks_per_tsc = (khz << 32) / tsc_khz;
	apic_write(REG_TIMER_INIT, 0);
	apic_write(REG_LVT_TIMER, VEC_TIMER | (cpu_has(CPU_TSC_DEADLINE) ? LVT_TSC_DEADLINE : 0));
}
