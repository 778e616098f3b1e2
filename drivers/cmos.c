/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Source: Motorola "MC146818A Real-Time Clock Plus RAM" datasheet; ACPI specification, FADT
 * CENTURY.
 */
#include "drivers/cmos.h"

#include "arch/x86.h"
#include "lib/date.h"

#define INDEX 0x70
#define DATA  0x71

enum {
	SECONDS = 0,
	MINUTES = 2,
	HOURS = 4,
	DAY = 7,
	MONTH = 8,
	YEAR = 9,
	STATUS_A = 10,
	STATUS_B = 11,
};

#define A_UPDATING BIT32(7)
#define B_24H      BIT32(1)
#define B_BINARY   BIT32(2)
#define HOURS_PM   BIT32(7)

/* An update takes 2 ms at most; reading the port that often takes longer than that. */
#define MAX_WAIT 20000

static u8 read_reg(u8 reg)
{
	outb(INDEX, reg);
	return inb(DATA);
}

struct raw {
	u8 sec, min, hour, day, month, year;
};

static void read_raw(struct raw *r)
{
	for (u32 i = 0; i < MAX_WAIT && read_reg(STATUS_A) & A_UPDATING; i++)
		cpu_pause();
	r->sec = read_reg(SECONDS);
	r->min = read_reg(MINUTES);
	r->hour = read_reg(HOURS);
	r->day = read_reg(DAY);
	r->month = read_reg(MONTH);
	r->year = read_reg(YEAR);
}

static u8 value(u8 raw, u8 status_b)
{
	return status_b & B_BINARY ? raw : (u8)((raw >> 4) * 10 + (raw & 15));
}

u64 cmos_time(void)
{
	struct raw r, again;
	struct date d;
	u32 tries = 0;
	u8 b;

	read_raw(&again);
	/* Twice the same means that no update came between; two updates are a second apart. */
	do {
		r = again;
		read_raw(&again);
	} while (r.sec != again.sec && ++tries < 4);
	b = read_reg(STATUS_B);
	d.sec = value(r.sec, b);
	d.min = value(r.min, b);
	d.hour = value(r.hour & 0x7f, b);
	d.day = value(r.day, b);
	d.month = value(r.month, b);
	d.year = 2000U + value(r.year, b);
	if (!(b & B_24H))
		d.hour = (u8)(d.hour % 12 + (r.hour & HOURS_PM ? 12 : 0));
	if (d.sec > 59 || d.min > 59 || d.hour > 23 || !d.day || d.day > 31 || !d.month ||
	    d.month > 12)
		return 0;
	return date_to_seconds(&d);
}
