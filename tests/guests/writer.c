/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * writer: at each key it touches memory, and says so. 'c' calls a function in the frame at 36 MiB,
 * 'r' reads from that frame, 'q' ends the program, and any other key writes a byte to each of 700
 * frames from 32 MiB on. For tests of the dirty log and of watches, and for anything that wants a
 * guest that waits.
 */
#include <string.h>

#include "tests/guests/lib/guest.h"

#define COM1      0x3f8
#define LSR       5
#define LSR_READY 0x01

#define FIRST  0x2000000ULL
#define FRAMES 700

#define CODE 0x2400000ULL

#define VECTOR 0x40
#define NAP    1000000 /* ticks of the APIC timer */

static void woken(struct frame *f)
{
	(void)f;
	apic_write(APIC_EOI, 0);
}

/* Sleeps in between: polling all the time would leave little of an emulator to the others. */
static u8 key(void)
{
	while (!(inb(COM1 + LSR) & LSR_READY)) {
		irq_disable();
		apic_write(APIC_TMICT, NAP);
		__asm__ volatile("sti; hlt" : : : "memory");
	}
	return inb(COM1);
}

static void write_all(void)
{
	for (u64 i = 0; i < FRAMES; i++)
		(*(volatile u8 *)at(FIRST + i * 0x1000))++;
	say("wrote %u frames\n", FRAMES);
}

void guest_main(void)
{
	static const u8 code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */
	u32 (*call)(void) = (u32(*)(void))(u64)CODE;
	u8 c;

	memcpy(at(CODE), code, sizeof(code));
	trap_set(VECTOR, woken);
	apic_write(APIC_TDCR, 0xb); /* divide by 1 */
	apic_write(APIC_LVT_TIMER, VECTOR);
	say("writer waits\n");
	while ((c = key()) != 'q') {
		if (c == 'c')
			say("called %u\n", call());
		else if (c == 'r')
			say("read %u\n", *(volatile u8 *)at(CODE + 1));
		else
			write_all();
	}
	check(true, "writer.ended", "it did");
}
