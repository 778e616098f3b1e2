/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hlt: waiting for interrupts, and the one-instruction shadows.
 *
 * STI opens interrupts only after the next instruction, so STI; HLT cannot lose an interrupt that
 * is already pending: HLT begins and ends at once. MOV to SS holds interrupts back for one
 * instruction in the same way. A halted CPU wakes by an interrupt that its flag admits and goes on
 * behind the HLT, for each source: timer, interrupt controller, own IPI. POPF and IRET open
 * interrupts at once. A hypervisor that emulates HLT or injects events has to know about all of
 * this.
 */

#include "tests/guests/lib/guest.h"

#define VECTOR 0x41
#define TIMER  0x51

static u64 interrupted_at;

static void note(struct frame *f)
{
	interrupted_at = f->rip;
	apic_write(APIC_EOI, 0);
}

static void pend(void)
{
	apic_ipi(0, ICR_SELF | VECTOR);
	while (!apic_bit(APIC_IRR, VECTOR))
		;
}

static void shadows(void)
{
	u64 one, two;

	pend();
	__asm__ volatile("lea 1f(%%rip), %0; lea 2f(%%rip), %1; sti; 1: nop; 2: nop; cli"
			 : "=&r"(one), "=&r"(two)
			 :
			 : "memory");
	check(interrupted_at == two, "hlt.sti_shadow", "interrupted at +%lld",
	      (long long)(interrupted_at - one));
	pend();
	__asm__ volatile("lea 2f(%%rip), %1; pushf; orl $0x200, (%%rsp); popf; 2: nop; cli"
			 : "=&r"(one), "=&r"(two)
			 :
			 : "memory", "cc");
	check(interrupted_at == two, "hlt.popf_has_no_shadow", "interrupted at +%lld",
	      (long long)(interrupted_at - two));
	/* With STI's shadow over it, MOV SS extends it by one instruction. */
	pend();
	__asm__ volatile(
		"lea 3f(%%rip), %1; mov %%ss, %k0; sti; nop; cli; sti; mov %k0, %%ss; nop; 3: nop; cli"
		: "=&r"(one), "=&r"(two)
		:
		: "memory");
	check(interrupted_at != 0, "hlt.mov_ss", "no interrupt");
}

static void mov_ss_shadow(void)
{
	u64 at_mov, after;
	u32 ss = SEL_DATA;

	/*
	 * Pending, and let in by POPF exactly before MOV SS: impossible; so by TPR inside the
	 * shadow.
	 */
	apic_write(APIC_TPR, 0x50);
	pend();
	irq_enable();
	__asm__ volatile("lea 1f(%%rip), %0; lea 2f(%%rip), %1\n"
			 "mov %2, %%ss\n"
			 "1: movl $0, (%3)\n"
			 "2: nop; nop; cli"
			 : "=&r"(at_mov), "=&r"(after)
			 : "r"(ss), "r"(APIC_PAGE + APIC_TPR)
			 : "memory");
	check(interrupted_at >= after && interrupted_at <= after + 2, "hlt.mov_ss_shadow",
	      "interrupted at +%lld", (long long)(interrupted_at - at_mov));
}

static void wakes(void)
{
	u32 n = trap_count[VECTOR];
	u64 before, after;

	pend();
	sti_hlt_cli();
	check(trap_count[VECTOR] == n + 1, "hlt.pending_wakes_at_once", "%u came",
	      trap_count[VECTOR] - n);
	trap_set(TIMER, note);
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVT_TIMER, TIMER);
	apic_write(APIC_TMICT, 1000000);
	before = rdtsc();
	__asm__ volatile("lea 1f(%%rip), %0; sti; hlt; 1: cli" : "=&r"(after) : : "memory");
	check(interrupted_at == after, "hlt.goes_on_behind", "interrupted at 0x%llx, not 0x%llx",
	      (unsigned long long)interrupted_at, (unsigned long long)after);
	check(rdtsc() - before >= tsc_us(500), "hlt.waits", "only %llu ticks",
	      (unsigned long long)(rdtsc() - before));
	for (u32 i = 0; i < 200; i++) {
		apic_write(APIC_TMICT, 20000);
		sti_hlt_cli();
	}
	check(trap_count[TIMER] == 201, "hlt.two_hundred_times", "%u came", trap_count[TIMER]);
}

/* PIT channel 0 through the first interrupt controller: IRQ 0 is vector 0x20. */
static void pic_wakes(void)
{
	u32 n = trap_count[0x20];

	apic_write(APIC_LVT_LINT0, 0x700); /* ExtINT */
	outb(0x43, 0x30);
	outb(0x40, 0x00);
	outb(0x40, 0x10);
	outb(0x21, 0xfe);
	sti_hlt_cli();
	outb(0x21, 0xff);
	check(trap_count[0x20] == n + 1, "hlt.pic_wakes", "%u came", trap_count[0x20] - n);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
}

void guest_main(void)
{
	trap_set(VECTOR, note);
	shadows();
	mov_ss_shadow();
	wakes();
	pic_wakes();
}
