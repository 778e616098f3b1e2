/* SPDX-License-Identifier: BSD-2-Clause */
/* The IDT and what happens on an exception or interrupt. */

#include "tests/guests/lib/guest.h"

struct gate {
	u16 off0, sel;
	u8 ist, type;
	u16 off1;
	u32 off2, zero;
};

extern u8 vectors[];
extern const u64 ex_table_start[][2], ex_table_end[][2];

volatile u32 trap_count[256];
struct tss tss[MAX_CPUS];

static struct gate idt[256];
static trap_fn handlers[256];
static struct caught last[MAX_CPUS];

void trap(struct frame *f);
void trap_init(u32 cpu);

struct caught *caught(void)
{
	return &last[cpu_index()];
}

void trap_set(u8 vector, trap_fn fn)
{
	handlers[vector] = fn;
}

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

void idt_set_entry(u8 vector, void (*entry)(void))
{
	set_gate(vector, (u64)entry, 0, 0);
}

bool trap_wait(u8 vector, u32 n)
{
	u64 end = rdtsc() + tsc_us(1000000);

	while (trap_count[vector] < n && rdtsc() < end)
		sti_nop();
	return trap_count[vector] >= n;
}

static void end_interrupt(u8 vector)
{
	if (vector >= 0x30) {
		apic_write(APIC_EOI, 0);
		return;
	}
	if (vector >= 0x28)
		outb(0xa0, 0x20);
	outb(0x20, 0x20);
}

/* An exception inside a PROBE(): remember it and go on behind the instruction. */
static bool fix_up(struct frame *f)
{
	for (u64 i = 0; i < (u64)(ex_table_end - ex_table_start); i++) {
		if (f->rip < ex_table_start[i][0] || f->rip >= ex_table_start[i][1])
			continue;
		*caught() = (struct caught){ (int)f->vector, (u32)f->error, f->rip, read_cr2() };
		f->rip = ex_table_start[i][1];
		return true;
	}
	return false;
}

void trap(struct frame *f)
{
	u8 vector = (u8)f->vector;

	__atomic_add_fetch(&trap_count[vector], 1, __ATOMIC_SEQ_CST);
	if (handlers[vector]) {
		handlers[vector](f);
		return;
	}
	if (vector >= 32) {
		end_interrupt(vector);
		return;
	}
	if (!fix_up(f))
		fatal("unexpected exception %u, error 0x%x, at 0x%llx, CR2 0x%llx", vector,
		      (u32)f->error, (unsigned long long)f->rip, (unsigned long long)read_cr2());
}

int try_rdmsr(u32 msr, u64 *val)
{
	u32 lo = 0, hi = 0;
	int vector = PROBE("rdmsr", OPERANDS("+a"(lo), "+d"(hi)), "c"(msr));

	*val = lo | (u64)hi << 32;
	return vector;
}

int try_wrmsr(u32 msr, u64 val)
{
	return PROBE("wrmsr", , OPERANDS("c"(msr), "a"((u32)val), "d"((u32)(val >> 32))));
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
