/* SPDX-License-Identifier: BSD-2-Clause */
/* One-instruction wrappers. Nothing here has a policy. 32-bit test programs use them, too. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

static __always_inline u8 inb(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static __always_inline u16 inw(u16 port)
{
	u16 v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static __always_inline u32 inl(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static __always_inline void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static __always_inline void outw(u16 port, u16 v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static __always_inline void outl(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static __always_inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return ((u64)hi << 32) | lo;
}

static __always_inline void wrmsr(u32 msr, u64 v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

static __always_inline struct cpuid_regs cpuid(u32 leaf, u32 sub)
{
	struct cpuid_regs r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(sub));
	return r;
}

static __always_inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return ((u64)hi << 32) | lo;
}

static __always_inline u64 read_cr0(void)
{
	unsigned long v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

static __always_inline u64 read_cr2(void)
{
	unsigned long v;

	__asm__ volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}

static __always_inline u64 read_cr3(void)
{
	unsigned long v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

static __always_inline u64 read_cr4(void)
{
	unsigned long v;

	__asm__ volatile("mov %%cr4, %0" : "=r"(v));
	return v;
}

static __always_inline void write_cr0(u64 v)
{
	__asm__ volatile("mov %0, %%cr0" : : "r"((unsigned long)v) : "memory");
}

static __always_inline void write_cr2(u64 v)
{
	__asm__ volatile("mov %0, %%cr2" : : "r"((unsigned long)v) : "memory");
}

static __always_inline void write_cr3(u64 v)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"((unsigned long)v) : "memory");
}

static __always_inline void write_cr4(u64 v)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"((unsigned long)v) : "memory");
}

static __always_inline u64 read_dr6(void)
{
	unsigned long v;

	__asm__ volatile("mov %%dr6, %0" : "=r"(v));
	return v;
}

/* DR0 .. DR3 */
static inline void read_dr0_3(u64 dr[4])
{
	unsigned long v[4];

	__asm__ volatile("mov %%db0, %0" : "=r"(v[0]));
	__asm__ volatile("mov %%db1, %0" : "=r"(v[1]));
	__asm__ volatile("mov %%db2, %0" : "=r"(v[2]));
	__asm__ volatile("mov %%db3, %0" : "=r"(v[3]));
	for (u32 i = 0; i < 4; i++)
		dr[i] = v[i];
}

static inline void write_dr0_3(const u64 dr[4])
{
	__asm__ volatile("mov %0, %%db0" : : "r"((unsigned long)dr[0]));
	__asm__ volatile("mov %0, %%db1" : : "r"((unsigned long)dr[1]));
	__asm__ volatile("mov %0, %%db2" : : "r"((unsigned long)dr[2]));
	__asm__ volatile("mov %0, %%db3" : : "r"((unsigned long)dr[3]));
}

static __always_inline u32 rdpkru(void)
{
	u32 v;

	__asm__ volatile("rdpkru" : "=a"(v) : "c"(0) : "edx");
	return v;
}

/* The hypervisor's own handler for machine checks. */
static inline void raise_mc(void)
{
	__asm__ volatile("int $18" : : : "memory");
}

static __always_inline u64 read_rflags(void)
{
	unsigned long v;

	__asm__ volatile("pushf; pop %0" : "=r"(v) : : "memory");
	return v;
}

static __always_inline void invlpg(const void *p)
{
	__asm__ volatile("invlpg (%0)" : : "r"(p) : "memory");
}

static __always_inline u64 xgetbv(u32 idx)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(idx));
	return ((u64)hi << 32) | lo;
}

static __always_inline void xsetbv(u32 idx, u64 v)
{
	__asm__ volatile("xsetbv" : : "c"(idx), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}

static __always_inline void irq_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static __always_inline void irq_enable(void)
{
	__asm__ volatile("sti" : : : "memory");
}

/* Takes the interrupts that are pending. On QEMU TCG nothing shorter lets one in. */
static __always_inline void take_irqs(void)
{
	__asm__ volatile("sti; nop; cli" : : : "memory");
}

static __always_inline void cpu_pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

/* The compiler may not move memory accesses across. */
static __always_inline void barrier(void)
{
	__asm__ volatile("" : : : "memory");
}

/* Earlier stores are visible before later loads (the one reordering that x86 does). */
static __always_inline void fence_full(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

/* Shuts this CPU down, which resets a PC: no vector can be delivered through an empty IDT. */
static __always_inline __noreturn void triple_fault(void)
{
	static const struct {
		u16 limit;
		u64 base;
	} __packed no_idt;

	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
	__builtin_unreachable();
}

/* As rdmsr() and wrmsr(), but an instruction that faults gives -EIO (and *val = 0). arch/trap.c
 * */
int rdmsr_safe(u32 msr, u64 *val);
int wrmsr_safe(u32 msr, u64 val);
