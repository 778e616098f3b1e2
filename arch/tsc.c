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
#define PIT_WINDOW 11932 /* 10 ms */

u64 tsc_khz;
u64 tsc_boot; /* boot/multiboot2.S; the loader has cleared .bss before */

static bool pit_done(void)
{
	return inb(0x61) & 0x20;
}

int tsc_calibrate(void)
{
	u64 start, end, limit;
	u32 ticks;

	outb(0x61, (u8)((inb(0x61) & ~2) | 1)); /* gate on, speaker off */
	outb(0x43, 0xb0);                       /* channel 2, low then high byte, mode 0 */
	outb(0x42, PIT_WINDOW & 0xff);
	lapic_timer_free_run();
	outb(0x42, PIT_WINDOW >> 8);
	start = rdtsc();
	limit = start + (1ULL << 36);
	while (!pit_done() && rdtsc() < limit)
		;
	end = rdtsc();
	ticks = lapic_timer_count();
	if (end >= limit)
		return -EIO;
	tsc_khz = (end - start) * PIT_HZ / PIT_WINDOW / 1000;
	lapic_set_timer_khz((u64)ticks * PIT_HZ / PIT_WINDOW / 1000);
	pr_info("tsc: %llu kHz, local APIC timer %llu kHz", (unsigned long long)tsc_khz,
		(unsigned long long)((u64)ticks * PIT_HZ / PIT_WINDOW / 1000));
	return 0;
}

void udelay(u64 us)
{
	u64 end = rdtsc() + us * tsc_khz / 1000;

	while (rdtsc() < end)
		cpu_pause();
}
