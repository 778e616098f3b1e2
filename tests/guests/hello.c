/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hello: the machine that a test program starts in.
 *
 * A multiboot1 loader enters in 32-bit protected mode with its magic in EAX and the address of an
 * information structure in EBX. The start-up code goes to 64-bit mode from there. This program
 * looks at what the others take for granted: the magic, the memory sizes and the command line of
 * the information structure, that bss is clear, that exceptions are caught, and that time passes.
 *
 * If this one fails, the verdicts of the others mean nothing.
 */

#include "tests/guests/lib/guest.h"

static u8 bss[100000];

static bool all_zero(const u8 *p, u64 n)
{
	for (u64 i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

void guest_main(void)
{
	const u32 *info = at(boot_info);
	u64 start;

	check(boot_magic == 0x2badb002, "hello.magic", "EAX = 0x%x", boot_magic);
	check((info[0] & 0x5) == 0x5, "hello.flags", "flags = 0x%x", info[0]);
	check(info[1] >= 600 && info[1] <= 640, "hello.mem_lower", "%u KiB", info[1]);
	check(info[2] >= 8 * 1024, "hello.mem_upper", "%u KiB", info[2]);
	check(all_zero(bss, sizeof(bss)), "hello.bss_is_zero", "it is not");
	check(PROBE("ud2", , ) == EXC_UD, "hello.exceptions_are_caught", "vector %d",
	      caught()->vector);
	start = rdtsc();
	delay_us(1000);
	check(rdtsc() > start, "hello.time_passes", "the TSC stands at %llu",
	      (unsigned long long)start);
}
