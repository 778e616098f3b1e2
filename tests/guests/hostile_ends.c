/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hostile_ends: ways to end that an honest guest does not choose.
 *
 * The command line names one: code fetched from a device page or from where nothing is; a stack, a
 * descriptor table, an interrupt table or the page tables themselves in a device page; a triple
 * fault in an endless loop of resets; an interrupt storm to itself that never lets go; an endless
 * loop with interrupts off. Some are architectural faults that the guest can take, some are beyond
 * help. The verdict comes first; then nothing is expected of the guest, and everything of the
 * hypervisor: it says what happened, keeps this machine for inspection or resets it, and answers at
 * its shell.
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

#define NOTHING 0xd0000000ULL

static void fetch_device(void)
{
	__asm__ volatile("jmp *%0" : : "r"(APIC_PAGE + 0x40));
}

static void fetch_nothing(void)
{
	__asm__ volatile("jmp *%0" : : "r"(NOTHING));
}

static void stack_in_device(void)
{
	__asm__ volatile("mov %0, %%rsp; int $0x40" : : "r"(APIC_PAGE + 0x800));
}

static void stack_in_nothing(void)
{
	__asm__ volatile("mov %0, %%rsp; int $0x40" : : "r"(NOTHING + 0x800));
}

static void idt_in_device(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed p = { 0xfff, APIC_PAGE };

	__asm__ volatile("lidt %0; int $0x40" : : "m"(p));
}

static void gdt_in_device(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed p = { 0xfff, APIC_PAGE };

	__asm__ volatile("lgdt %0; mov %1, %%ds; mov %1, %%ss" : : "m"(p), "r"(0x30));
}

static void page_tables_in_device(void)
{
	write_cr3(APIC_PAGE);
}

static void page_tables_in_nothing(void)
{
	write_cr3(NOTHING);
}

static void table_entry_in_device(void)
{
	page_l2[512] = APIC_PAGE | 7; /* a level-1 table */
	page_l3[1] = (u64)&page_l2[512] | 7;
	page_root[1] = APIC_PAGE | 7;
	write_cr3(read_cr3());
	*(volatile u32 *)at(1ULL << 39) = 1;
}

static void triple_fault_loop(void)
{
	static const u8 empty_idt[10];

	__asm__ volatile("lidt %0; ud2" : : "m"(empty_idt));
}

static void storm(void)
{
	irq_enable();
	for (;;) {
		apic_write(APIC_ICR, ICR_SELF | 0x41);
		apic_write(APIC_ICR, ICR_SELF | ICR_NMI);
		apic_write(APIC_TMICT, 1);
	}
}

static void spin(void)
{
	irq_disable();
	for (;;)
		;
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
	{ "fetch_device", fetch_device },
	{ "fetch_nothing", fetch_nothing },
	{ "stack_in_device", stack_in_device },
	{ "stack_in_nothing", stack_in_nothing },
	{ "idt_in_device", idt_in_device },
	{ "gdt_in_device", gdt_in_device },
	{ "page_tables_in_device", page_tables_in_device },
	{ "page_tables_in_nothing", page_tables_in_nothing },
	{ "table_entry_in_device", table_entry_in_device },
	{ "triple_fault_loop", triple_fault_loop },
	{ "storm", storm },
	{ "spin", spin },
};

void guest_main(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!strstr(boot_args(), ways[i].name))
			continue;
		check(true, ways[i].name, "chosen");
		say("done: 1 ok, 0 not ok, 0 skip\n");
		ways[i].run();
		say("# came back\n");
		guest_exit(0);
	}
	check(false, "hostile_ends.way", "the command line \"%s\" names none", boot_args());
}
