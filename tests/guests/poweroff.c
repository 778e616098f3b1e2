/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * poweroff: ACPI's soft-off switches the machine off.
 *
 * The fixed description table names the control register, and the object \_S5 of the definition
 * block the value for it. The program finds both as an operating system does, without an
 * interpreter: the package after the name "_S5_" holds the value as its first byte or integer. It
 * announces the end of its verdicts first, because nothing can follow.
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

#define SLP_EN   BIT32(13)
#define COM1_LSR 0x3fd
#define LSR_TEMT 0x40

static u32 word(const u8 *p)
{
	u32 v;

	memcpy(&v, p, 4);
	return v;
}

static const u8 *find(const u8 *p, u64 len, const char *what, u64 step)
{
	for (u64 i = 0; i + 8 <= len; i += step)
		if (!memcmp(p + i, what, strlen(what)))
			return p + i;
	return NULL;
}

static const u8 *find_fadt(void)
{
	const u8 *rsdp = find(at(0xe0000), 0x20000, "RSD PTR ", 16);
	const u8 *rsdt = rsdp ? at(word(rsdp + 16)) : NULL;

	for (u32 i = 36; rsdt && i + 4 <= word(rsdt + 4); i += 4)
		if (!memcmp(at(word(rsdt + i)), "FACP", 4))
			return at(word(rsdt + i));
	return NULL;
}

void guest_main(void)
{
	const u8 *fadt = find_fadt(), *dsdt, *s5;
	u32 port, type;

	if (!check(fadt != NULL, "poweroff.fadt", "not found"))
		return;
	dsdt = at(word(fadt + 40));
	s5 = find(dsdt, word(dsdt + 4), "_S5_", 1);
	if (!check(s5 && s5[4] == 0x12, "poweroff.s5", "no package \\_S5 in the DSDT"))
		return;
	type = s5[7] == 0x0a ? s5[8]
			     : s5[7]; /* after the lengths: BytePrefix, or ZeroOp and OneOp */
	port = word(fadt + 64);
	say("done: 2 ok, 0 not ok, 0 skip\n");
	while (!(inb(COM1_LSR) & LSR_TEMT)) /* what is still on its way would be lost */
		cpu_pause();
	outw((u16)port, (u16)(SLP_EN | type << 10));
	delay_us(1000000);
	check(false, "poweroff.happens", "the machine runs on after 0x%x to port 0x%x",
	      SLP_EN | type << 10, port);
}
