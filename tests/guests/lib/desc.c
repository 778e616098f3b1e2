/* SPDX-License-Identifier: BSD-2-Clause */
/* The IDT and the task states of 64-bit mode. */

#include "tests/guests/lib/guest.h"

struct gate {
	u16 off0, sel;
	u8 ist, type;
	u16 off1;
	u32 off2, zero;
};

extern u8 vectors[];

struct tss tss[MAX_CPUS];

static struct gate idt[256] __aligned(4096);

void trap_init(u32 cpu);

static void set_gate(u8 vector, u64 entry, u8 ist, u8 dpl)
{
	idt[vector] = (struct gate){
		.off0 = (u16)entry,
		.sel = SEL_CODE64,
		.ist = ist,
		.type = (u8)(0x8e | dpl << 5),
		.off1 = (u16)(entry >> 16),
	};
}

void idt_set(u8 vector, u8 ist, u8 dpl)
{
	set_gate(vector, (u64)vectors + vector * 16ULL, ist, dpl);
}

void idt_set_entry(u8 vector, u8 dpl, void (*entry)(void))
{
	set_gate(vector, (u64)entry, 0, dpl);
}

void *idt_address(void)
{
	return idt;
}

void page_user(const void *p)
{
	page_l2[(u64)p / SZ_2M] |= 4;
	invlpg(p);
}

/* Each CPU: its TSS and the common IDT. */
void trap_init(u32 cpu)
{
	u64 base = (u64)&tss[cpu];

	struct {
		u16 limit;
		u64 base;
	} __packed pointer = { sizeof(idt) - 1, (u64)idt };

	if (cpu == 0)
		for (u32 i = 0; i < 256; i++)
			idt_set((u8)i, 0, 0);
	tss[cpu].iomap = sizeof(struct tss);
	gdt[SEL_TSS / 8 + 2 * cpu] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 |
				     0x89ULL << 40 | (base >> 24 & 0xff) << 56;
	gdt[SEL_TSS / 8 + 2 * cpu + 1] = base >> 32;
	__asm__ volatile("lidt %0" : : "m"(pointer));
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS + 16 * cpu));
}
