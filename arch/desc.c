/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/desc.h"

#include <errno.h>

#include "arch/mem.h"
#include "arch/msr.h"
#include "arch/percpu.h"
#include "arch/trap.h"
#include "arch/x86.h"

struct tss {
	u32 rsvd0;
	u64 rsp[3];
	u64 rsvd1;
	u64 ist[7];
	u64 rsvd2;
	u16 rsvd3, iomap;
} __packed;

struct idt_gate {
	u16 off_lo, sel;
	u8 ist, type;
	u16 off_mid;
	u32 off_hi, rsvd;
};

struct desc_ptr {
	u16 limit;
	u64 base;
} __packed;

struct desc_cpu {
	u64 gdt[8];
	struct tss tss;
};

static struct idt_gate idt[256];

#define GDT_CODE64 0x00af9b000000ffffULL
#define GDT_DATA   0x00cf93000000ffffULL

static void set_gate(u32 vec, u64 handler, u8 ist)
{
	idt[vec] = (struct idt_gate){
		.off_lo = (u16)handler,
		.sel = SEL_CODE,
		.ist = ist,
		.type = 0x8e, /* present, 64-bit interrupt gate */
		.off_mid = (u16)(handler >> 16),
		.off_hi = (u32)(handler >> 32),
	};
}

static void idt_build(void)
{
	for (u32 i = 0; i < 256; i++)
		set_gate(i, (u64)trap_stubs + i * TRAP_STUB_SIZE, 0);
	idt[2].ist = IST_NMI;
	idt[8].ist = IST_DF;
	idt[18].ist = IST_MC;
}

int desc_alloc(struct cpu *c)
{
	struct desc_cpu *d = kzalloc(sizeof(*d));
	u64 base = (u64)&d->tss, limit = sizeof(d->tss) - 1;

	if (!d)
		return -ENOMEM;
	for (u32 i = 0; i < IST_NR; i++) {
		char *s = stack_alloc();

		if (!s)
			return -ENOMEM;
		d->tss.ist[i] = (u64)s + STACK_SIZE;
	}
	d->tss.iomap = sizeof(d->tss);
	d->gdt[SEL_CODE / 8] = GDT_CODE64;
	d->gdt[SEL_DATA / 8] = GDT_DATA;
	/* 64-bit TSS, available (type 9), present */
	d->gdt[SEL_TSS / 8] =
		limit | FIELD(base, 23, 0) << 16 | 0x89ULL << 40 | FIELD(base, 31, 24) << 56;
	d->gdt[SEL_TSS / 8 + 1] = base >> 32;
	c->desc = d;
	return 0;
}

void desc_load(struct cpu *c)
{
	struct desc_cpu *d = c->desc;
	struct desc_ptr gp = { sizeof(d->gdt) - 1, (u64)d->gdt };
	struct desc_ptr ip = { sizeof(idt) - 1, (u64)idt };

	if (!idt[0].sel)
		idt_build();
	__asm__ volatile("lgdt %0" : : "m"(gp));
	__asm__ volatile("pushq %0\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\n\t"
			 "movl %1, %%ds\n\t"
			 "movl %1, %%es\n\t"
			 "movl %1, %%ss\n\t"
			 "movl %2, %%fs\n\t"
			 "movl %2, %%gs"
			 :
			 : "i"(SEL_CODE), "r"(SEL_DATA), "r"(0)
			 : "rax", "memory");
	__asm__ volatile("lidt %0" : : "m"(ip));
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
	wrmsr(MSR_GS_BASE, (u64)c);
}

void desc_tables(struct desc_tables *t)
{
	struct desc_cpu *d = this_cpu()->desc;

	*t = (struct desc_tables){ (u64)d->gdt, (u64)idt, (u64)&d->tss };
}
