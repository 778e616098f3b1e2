/* SPDX-License-Identifier: BSD-2-Clause */
/* Starting CPUs, and the way from start.S to the program. */

#include "tests/guests/lib/guest.h"

#include <stdlib.h>
#include <string.h>

#define TRAMPOLINE 0x8000

extern u8 trampoline[], trampoline_end[];
extern volatile u32 ap_index;

void cpu_main(u32 index);
void trap_init(u32 cpu);
void report_end(void);

static void (*volatile ap_fn)(void);
static volatile u32 ap_running;

void cpu_main(u32 index)
{
	trap_init(index);
	apic_setup();
	if (index == 0) {
		guest_main();
		report_end();
	}
	ap_running = index;
	ap_fn();
	for (;;)
		__asm__ volatile("sti; hlt");
}

u32 cpu_index(void)
{
	u16 tr;

	__asm__ volatile("str %0" : "=r"(tr));
	return (u32)(tr - SEL_TSS) / 16 % MAX_CPUS;
}

bool cpu_start(u32 i, void (*fn)(void))
{
	u64 end;

	memcpy(at(TRAMPOLINE), trampoline, (size_t)(trampoline_end - trampoline));
	ap_index = i;
	ap_fn = fn;
	ap_running = 0;
	apic_ipi(i, ICR_INIT | ICR_ASSERT);
	delay_us(10000);
	for (int tries = 0; tries < 2; tries++) {
		apic_ipi(i, ICR_SIPI | ICR_ASSERT | TRAMPOLINE >> 12);
		end = rdtsc() + tsc_us(tries ? 2000000 : 200000);
		while (ap_running != i && rdtsc() < end)
			cpu_pause();
		if (ap_running == i)
			return true;
	}
	return false;
}

/* fw_cfg item 5, a number of CPUs. Source: QEMU docs/specs/fw_cfg "Selector Register". */
u32 cpu_count(void)
{
	const char *arg = strstr(boot_args(), "cpus=");
	u32 n;

	if (arg)
		return MIN((u32)strtoull(arg + 5, NULL, 10), (u32)MAX_CPUS);
	outw(0x510, 5);
	n = inb(0x511);
	n |= (u32)inb(0x511) << 8;
	return n == 0 || n == 0xffff ? 1 : MIN(n, (u32)MAX_CPUS);
}
