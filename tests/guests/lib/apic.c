/* SPDX-License-Identifier: BSD-2-Clause */
/* Local APIC set-up, IPIs, and time measured against the PIT. */

#include "tests/guests/lib/guest.h"

#define PIT_HZ    1193182ULL
#define CAL_TICKS 11932U /* 10 ms */

static void pic_setup(void)
{
	static const u8 words[][2] = { { 0x20, 0x11 }, { 0xa0, 0x11 }, { 0x21, 0x20 },
				       { 0xa1, 0x28 }, { 0x21, 0x04 }, { 0xa1, 0x02 },
				       { 0x21, 0x01 }, { 0xa1, 0x01 }, { 0x21, 0xff },
				       { 0xa1, 0xff } };

	for (u32 i = 0; i < ARRAY_SIZE(words); i++)
		outb(words[i][0], words[i][1]);
}

void apic_setup(void)
{
	if (!(apic_read(APIC_ID) >> 24))
		pic_setup();
	apic_write(APIC_SVR, 0x1ff);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_MASKED);
	apic_write(APIC_LVT_ERROR, LVT_MASKED);
}

void apic_ipi(u32 dest, u32 low)
{
	while (apic_read(APIC_ICR) & ICR_PENDING)
		cpu_pause();
	apic_write(APIC_ICR2, dest << 24);
	apic_write(APIC_ICR, low);
}

bool apic_bit(u32 reg, u8 vector)
{
	return apic_read(reg + vector / 32U * 16) >> vector % 32 & 1;
}

/*
 * PIT channel 2 in mode 0 counts down once and goes on below zero; its output shows at port 0x61.
 * How far it has come is read too, as this CPU may not have run when it reached zero. Time lost
 * between the readings of the two clocks makes the result too large, never too small, and ones if
 * the counter has come round.
 */
static u64 tsc_per_second(void)
{
	u64 start, end;
	u16 ticks;

	outb(0x61, (u8)((inb(0x61) & ~2) | 1));
	outb(0x43, 0xb0);
	outb(0x42, CAL_TICKS & 0xff);
	start = rdtsc();
	outb(0x42, CAL_TICKS >> 8);
	while (!(inb(0x61) & 0x20))
		;
	outb(0x43, 0x80); /* latch */
	end = rdtsc();
	ticks = inb(0x42);
	ticks = (u16)(CAL_TICKS - (ticks | inb(0x42) << 8));
	return ticks < CAL_TICKS ? ~0ULL : (end - start) * PIT_HZ / ticks;
}

u64 tsc_us(u64 n)
{
	static u64 hz = ~0ULL;
	static bool known;

	for (u32 i = 0; !known && i < 5; i++)
		hz = MIN(hz, tsc_per_second());
	known = true;
	return hz / 1000000 * n;
}

void delay_us(u64 n)
{
	u64 end = rdtsc() + tsc_us(n);

	while (rdtsc() < end)
		cpu_pause();
}
