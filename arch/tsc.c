/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TSC and local APIC timer frequencies, against PIT channel 2 (the one device with a known
 * frequency that every PC has). Source: Intel 8254 data sheet, mode 0; port 0x61 of the PC/AT.
 */
#include "arch/tsc.h"

#include <errno.h>

#include "lib/log.h"

#include "arch/lapic.h"
#include "arch/timer.h"
#include "arch/x86.h"

#define PIT_HZ     1193182ULL
#define PIT_WINDOW 3977 /* 3.33 ms */
#define WINDOWS    3

u64 tsc_khz;
u64 tsc_boot; /* boot/multiboot2.S; the loader has cleared .bss before */

static bool pit_done(void)
{
	return inb(0x61) & 0x20;
}

/* TSC and timer ticks of one window; false when the PIT does not count. */
static bool measure(u64 *tsc, u64 *ticks)
{
	u64 start, limit;

	outb(0x61, (u8)((inb(0x61) & ~2) | 1)); /* gate on, speaker off */
	outb(0x43, 0xb0);                       /* channel 2, low then high byte, mode 0 */
	outb(0x42, PIT_WINDOW & 0xff);
	lapic_timer_free_run();
	outb(0x42, PIT_WINDOW >> 8);
	start = rdtsc();
	limit = start + (1ULL << 36);
	while (!pit_done() && rdtsc() < limit)
		;
	*tsc = rdtsc() - start;
	*ticks = lapic_timer_count();
	return start + *tsc < limit;
}

/*
 * The shortest of three windows counts: firmware or a hypervisor below that takes the CPU away
 * makes a window longer, nothing makes one shorter.
 */
int tsc_calibrate(void)
{
	u64 best = ~0ULL, best_ticks = 0, tsc, ticks, timer_khz;

	for (u32 i = 0; i < WINDOWS; i++) {
		if (!measure(&tsc, &ticks))
			return -EIO;
		if (tsc < best) {
			best = tsc;
			best_ticks = ticks;
		}
	}
	tsc_khz = best * PIT_HZ / PIT_WINDOW / 1000;
	timer_khz = best_ticks * PIT_HZ / PIT_WINDOW / 1000;
	lapic_set_timer_khz(timer_khz);
	pr_info("tsc: %llu kHz, local APIC timer %llu kHz", (unsigned long long)tsc_khz,
		(unsigned long long)timer_khz);
	return 0;
}

void udelay(u64 us)
{
	u64 end = rdtsc() + us * tsc_khz / 1000;

	while (rdtsc() < end)
		cpu_pause();
}
