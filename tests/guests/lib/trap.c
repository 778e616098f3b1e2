/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens on an exception or interrupt. */

#include "tests/guests/lib/guest.h"

extern const u32 ex_table_start[][2], ex_table_end[][2];

volatile u32 trap_count[256];

static trap_fn handlers[256];
static struct caught last[MAX_CPUS];

void trap(struct frame *f);

struct caught *caught(void)
{
	return &last[cpu_index()];
}

void trap_set(u8 vector, trap_fn fn)
{
	handlers[vector] = fn;
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

static void note(const struct frame *f)
{
	struct caught *c = caught();

	c->vector = (int)f->vector;
	c->error = (u32)f->error;
	c->rip = f->rip;
	c->cr2 = read_cr2();
}

/* An exception inside a PROBE(): remember it and go on behind the instruction. */
static bool fix_up(struct frame *f)
{
	for (u64 i = 0; i < (u64)(ex_table_end - ex_table_start); i++) {
		if (f->rip < ex_table_start[i][0] || f->rip >= ex_table_start[i][1])
			continue;
		note(f);
		f->rip = ex_table_start[i][1];
		return true;
	}
	if (f->rip == caught()->fetch && f->vector == EXC_PF) {
		note(f);
		f->rip = (unsigned long)caught()->resume;
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
