/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench: what a round trip to the hypervisor costs.
 *
 * Each operation is done many times, and each time the time-stamp counter is read right before and
 * right after it. Under QEMU's -icount shift=0 with one CPU that counter advances by one for every
 * instruction that the machine executes, at whatever level, so the difference is the number of
 * instructions of the round trip: the guest's own (a handful), the hypervisor's, and nothing else.
 * Nothing is subtracted. On other machines the unit is the cycle of the counter.
 *
 * One line for each operation:	bench NAME min=N median=N mean=N n=N
 *
 *	hypercall	VMMCALL or VMCALL with RAX = 0, which does nothing
 *	cpuid		leaf 0
 *	pio_read/write	port 0x21, the mask of the first interrupt controller
 *	rdmsr, wrmsr	TSC_ADJUST
 *	eoi		a write of the EOI register with nothing in service
 *	self_ipi	ICR write on the APIC page, the interrupt, EOI, return
 *	deadline	TSC-deadline armed for now, the interrupt, EOI, return
 *	timer_hlt	one-shot APIC timer armed for the next tick, HLT, the interrupt, EOI, return
 *	ipi		IPI to the second CPU, which halts; it answers through memory
 *	cr0_wp, cr4_pge	the bit off and on again: two writes
 *
 * The interrupt handler is the shortest that a kernel could have: it counts and ends the interrupt.
 */

#include "tests/guests/lib/guest.h"
#include "tests/guests/lib/samples.h"

#define ROUNDS 1000
#define WARM   50
#define VECTOR 0x40

/* Set by the handler below; the address of the EOI register is absolute. */
extern volatile u32 bench_hits;
volatile u32 bench_hits;

void bench_irq(void);
__asm__(".text; .balign 16; .global bench_irq\n"
	"bench_irq: incl bench_hits\n"
	"	push %rax\n"
	"	mov $0xfee000b0, %eax\n"
	"	movl $0, (%rax)\n"
	"	pop %rax\n"
	"	iretq\n");

static u64 samples[ROUNDS];
static volatile u32 answers;

/* Times one operation; inlined, so that only the operation lies between the two readings. */
static __always_inline void measure(const char *name, void (*op)(void))
{
	for (u32 i = 0; i < WARM; i++)
		op();
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 start = rdtsc();

		op();
		samples[i] = rdtsc() - start;
	}
	samples_print(name, samples, ROUNDS);
}

static __always_inline void op_vmmcall(void)
{
	u64 rax = 0;

	__asm__ volatile("vmmcall" : "+a"(rax) : : "memory");
}

static __always_inline void op_vmcall(void)
{
	u64 rax = 0;

	__asm__ volatile("vmcall" : "+a"(rax) : : "memory");
}

static __always_inline void op_cpuid(void)
{
	cpuid(0, 0);
}

static __always_inline void op_pio_read(void)
{
	inb(0x21);
}

static __always_inline void op_pio_write(void)
{
	outb(0x21, 0xff);
}

static __always_inline void op_rdmsr(void)
{
	rdmsr(MSR_TSC_ADJUST);
}

static __always_inline void op_wrmsr(void)
{
	wrmsr(MSR_TSC_ADJUST, 0);
}

static __always_inline void op_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

static __always_inline void await_hit(u32 before)
{
	while (bench_hits == before)
		;
}

static __always_inline void op_self_ipi(void)
{
	u32 before = bench_hits;

	apic_write(APIC_ICR, ICR_SELF | VECTOR);
	await_hit(before);
}

static __always_inline void op_deadline(void)
{
	u32 before = bench_hits;

	wrmsr(MSR_DEADLINE, rdtsc());
	await_hit(before);
}

static __always_inline void op_timer_hlt(void)
{
	irq_disable();
	apic_write(APIC_TMICT, 1);
	__asm__ volatile("sti; hlt" : : : "memory");
}

static __always_inline void op_ipi(void)
{
	u32 before = answers;

	apic_write(APIC_ICR2, 1U << 24);
	apic_write(APIC_ICR, ICR_ASSERT | (VECTOR + 1));
	while (answers == before)
		cpu_pause();
}

static __always_inline void op_cr0_wp(void)
{
	u64 cr0 = read_cr0();

	write_cr0(cr0 & ~CR0_WP);
	write_cr0(cr0);
}

static __always_inline void op_cr4_pge(void)
{
	u64 cr4 = read_cr4();

	write_cr4(cr4 ^ CR4_PGE);
	write_cr4(cr4);
}

static void answer(struct frame *f)
{
	(void)f;
	answers++;
	apic_write(APIC_EOI, 0);
}

static void second_cpu(void)
{
}

static void bench_interrupts(void)
{
	idt_set_entry(VECTOR, 0, bench_irq);
	irq_enable();
	measure("self_ipi", op_self_ipi);
	if (cpuid(1, 0).ecx & BIT32(24)) {
		apic_write(APIC_LVT_TIMER, LVT_DEADLINE | VECTOR);
		fence_full();
		measure("deadline", op_deadline);
	} else {
		skip("bench.deadline", "the CPU has no TSC-deadline timer");
	}
	apic_write(APIC_TDCR, 0xb); /* divide by 1 */
	apic_write(APIC_LVT_TIMER, VECTOR);
	measure("timer_hlt", op_timer_hlt);
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
	irq_disable();
}

void guest_main(void)
{
	if (PROBE("vmmcall", , "a"(0)) == NO_TRAP)
		measure("hypercall", op_vmmcall);
	else if (PROBE("vmcall", , "a"(0)) == NO_TRAP)
		measure("hypercall", op_vmcall);
	else
		skip("bench.hypercall", "no hypervisor takes VMMCALL or VMCALL");
	measure("cpuid", op_cpuid);
	measure("pio_read", op_pio_read);
	measure("pio_write", op_pio_write);
	measure("rdmsr", op_rdmsr);
	measure("wrmsr", op_wrmsr);
	measure("eoi", op_eoi);
	measure("cr0_wp", op_cr0_wp);
	measure("cr4_pge", op_cr4_pge);
	bench_interrupts();
	trap_set(VECTOR + 1, answer);
	if (cpu_count() > 1 && cpu_start(1, second_cpu))
		measure("ipi", op_ipi);
	else
		skip("bench.ipi", "one CPU");
	check(true, "bench.ended", "it did");
}
