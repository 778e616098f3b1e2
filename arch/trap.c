/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/trap.h"

#include <errno.h>

#include "arch/lapic.h"
#include "arch/panic.h"
#include "arch/percpu.h"
#include "arch/regs.h"
#include "arch/x86.h"

struct ex_entry {
	u64 rip, fixup;
};

extern const struct ex_entry ex_table_start[], ex_table_end[];

static void (*irq_fn[256])(u8 vector);

void trap_set_irq(u8 vector, void (*fn)(u8 vector))
{
	irq_fn[vector] = fn;
}

static bool fix_up(struct trap_frame *f)
{
	for (const struct ex_entry *e = ex_table_start; e < ex_table_end; e++)
		if (e->rip == f->rip) {
			f->rip = e->fixup;
			return true;
		}
	return false;
}

void trap_irq(u8 vector)
{
	this_cpu()->irqs++;
	if (vector != VEC_SPURIOUS)
		lapic_eoi();
	if (irq_fn[vector])
		irq_fn[vector](vector);
}

void trap_handler(struct trap_frame *f);

void trap_handler(struct trap_frame *f)
{
	u8 vec = (u8)f->vector;

	if (vec >= 32) {
		trap_irq(vec);
		return;
	}
	if (vec == EXC_NMI && panic_nmi())
		return;
	if (fix_up(f))
		return;
	panic_trap(f);
}

/*
 * Instructions that may fault. The fault resumes at the fixup, which sets the result.
 */
#define EX_TABLE(from, to)                 \
	".pushsection ex_table, \"a\"\n\t" \
	".quad " from ", " to "\n\t"       \
	".popsection\n\t"

int rdmsr_safe(u32 msr, u64 *val)
{
	u32 lo, hi;
	int rc;

	__asm__ volatile("1: rdmsr\n\t"
			 "xorl %0, %0\n\t"
			 "jmp 3f\n"
			 "2: movl %4, %0\n\t"
			 "xorl %1, %1\n\t"
			 "xorl %2, %2\n"
			 "3:\n\t" EX_TABLE("1b", "2b")
			 : "=&r"(rc), "=&a"(lo), "=&d"(hi)
			 : "c"(msr), "i"(-EIO));
	*val = ((u64)hi << 32) | lo;
	return rc;
}

int wrmsr_safe(u32 msr, u64 val)
{
	int rc;

	__asm__ volatile("1: wrmsr\n\t"
			 "xorl %0, %0\n\t"
			 "jmp 3f\n"
			 "2: movl %4, %0\n"
			 "3:\n\t" EX_TABLE("1b", "2b")
			 : "=&r"(rc)
			 : "c"(msr), "a"((u32)val), "d"((u32)(val >> 32)), "i"(-EIO)
			 : "memory");
	return rc;
}
