/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reset: every way to reset a PC resets this machine, and only this one.
 *
 * The program resets the machine in one way after the other: a triple fault, the reset register at
 * port 0xcf9, the keyboard controller's reset line, the fast reset bit of port 0x92. Which way is
 * next it keeps in a byte of the clock's memory, which a reset leaves alone as the battery does.
 * Each time it must find itself started anew by the loader: entered with the magic number, data and
 * bss fresh. If a way does not work, the program is still there a second later and says so.
 */

#include "tests/guests/lib/guest.h"

#define CMOS_STAGE 0x7e
#define MARK       0xb0

static const char *const names[] = { "reset.triple_fault", "reset.port_cf9", "reset.keyboard",
				     "reset.port_92" };
static u32 fresh_data = 0x1234;
static u32 fresh_bss;

static u8 cmos_get(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static void cmos_set(u8 reg, u8 val)
{
	outb(0x70, reg);
	outb(0x71, val);
}

static void reset_by(u32 way)
{
	static const u8 empty_idt[10];

	switch (way) {
	case 0:
		__asm__ volatile("lidt %0; ud2" : : "m"(empty_idt));
		break;
	case 1:
		outb(0xcf9, 2);
		outb(0xcf9, 6);
		break;
	case 2:
		while (inb(0x64) & 2)
			cpu_pause();
		outb(0x64, 0xfe);
		break;
	default:
		outb(0x92, (u8)(inb(0x92) & ~1));
		outb(0x92, (u8)(inb(0x92) | 1));
		break;
	}
}

void guest_main(void)
{
	u8 stage = cmos_get(CMOS_STAGE);
	u32 way = (stage & 0xf0) == MARK ? stage & 0xfU : 0;

	if (way > 0)
		check(fresh_data == 0x1234 && fresh_bss == 0, names[way - 1],
		      "data 0x%x, bss 0x%x: not loaded anew", fresh_data, fresh_bss);
	if (way == ARRAY_SIZE(names)) {
		cmos_set(CMOS_STAGE, 0);
		return;
	}
	fresh_data = 0;
	fresh_bss = 1;
	cmos_set(CMOS_STAGE, (u8)(MARK | (way + 1)));
	reset_by(way);
	delay_us(1000000);
	cmos_set(CMOS_STAGE, 0);
	check(false, names[way], "the machine runs on");
}
