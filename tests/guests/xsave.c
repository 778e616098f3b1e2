/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * xsave: floating-point and vector state belongs to its CPU and survives everything.
 *
 * XCR0 takes exactly the combinations that CPUID lists: x87 always, AVX only with SSE, no unknown
 * bits. Registers keep their values over instructions that a hypervisor intercepts, over HLT, and
 * while other virtual CPUs on the same CPU use the same registers for their own: two CPUs fill the
 * vector registers with different patterns and look at them again and again, while both halt and
 * are preempted. MXCSR and the x87 control word are part of the state. XSAVE writes what XRSTOR
 * reads. Source: AMD APM 2 "XSAVE/XRSTOR Instructions"; Intel SDM 1 "Managing State Using the XSAVE
 * Feature Set".
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

#define TIMER  0x51
#define ROUNDS 300

static u8 area[4096] __aligned(64);
static volatile u32 other_done, other_bad;
static bool avx;

static int try_xcr0(u64 val)
{
	return PROBE("xsetbv", , OPERANDS("c"(0), "a"((u32)val), "d"((u32)(val >> 32))));
}

static void xcr0(void)
{
	u64 mask = cpuid(0xd, 0).eax | (u64)cpuid(0xd, 0).edx << 32;

	write_cr4(read_cr4() & ~CR4_OSXSAVE);
	check(try_xcr0(1) == EXC_UD, "xsave.xsetbv_needs_osxsave", "vector %d", caught()->vector);
	write_cr4(read_cr4() | CR4_OSXSAVE);
	check(try_xcr0(1) == NO_TRAP && xgetbv(0) == 1, "xsave.x87_alone", "vector %d",
	      caught()->vector);
	check(try_xcr0(3) == NO_TRAP && xgetbv(0) == 3, "xsave.sse", "vector %d", caught()->vector);
	check(try_xcr0(2) == EXC_GP, "xsave.x87_is_required", "vector %d", caught()->vector);
	check(try_xcr0(5) == EXC_GP, "xsave.avx_needs_sse", "vector %d", caught()->vector);
	check(try_xcr0(3 | BIT(62)) == EXC_GP, "xsave.unknown_bit", "vector %d", caught()->vector);
	check(PROBE("xsetbv", , OPERANDS("c"(1), "a"(1), "d"(0))) == EXC_GP, "xsave.xcr1",
	      "vector %d", caught()->vector);
	check(xgetbv(0) == 3, "xsave.refused_changes_nothing", "XCR0 = 0x%llx",
	      (unsigned long long)xgetbv(0));
	avx = mask & 4;
	if (avx)
		check(try_xcr0(7) == NO_TRAP && xgetbv(0) == 7, "xsave.avx", "vector %d",
		      caught()->vector);
	else
		skip("xsave.avx", "the CPU has no AVX");
}

/* Fills all vector registers with a pattern of this byte. */
static void fill(u8 byte)
{
	u8 v[32];

	memset(v, byte, sizeof(v));
	if (avx)
		__asm__ volatile("vmovups %0, %%ymm0; vmovups %0, %%ymm1; vmovups %0, %%ymm7\n"
				 "vmovups %0, %%ymm8; vmovups %0, %%ymm15"
				 :
				 : "m"(v));
	else
		__asm__ volatile("movups %0, %%xmm0; movups %0, %%xmm1; movups %0, %%xmm7\n"
				 "movups %0, %%xmm8; movups %0, %%xmm15"
				 :
				 : "m"(v));
}

static bool filled(u8 byte)
{
	u8 v[5][32], want[32];
	u32 size = avx ? 32 : 16;

	memset(want, byte, sizeof(want));
	if (avx)
		__asm__ volatile("vmovups %%ymm0, %0; vmovups %%ymm1, %1; vmovups %%ymm7, %2\n"
				 "vmovups %%ymm8, %3; vmovups %%ymm15, %4"
				 : "=m"(v[0]), "=m"(v[1]), "=m"(v[2]), "=m"(v[3]), "=m"(v[4]));
	else
		__asm__ volatile("movups %%xmm0, %0; movups %%xmm1, %1; movups %%xmm7, %2\n"
				 "movups %%xmm8, %3; movups %%xmm15, %4"
				 : "=m"(v[0]), "=m"(v[1]), "=m"(v[2]), "=m"(v[3]), "=m"(v[4]));
	for (u32 i = 0; i < 5; i++)
		if (memcmp(v[i], want, size))
			return false;
	return true;
}

static void enable_sse(void)
{
	write_cr0((read_cr0() | CR0_MP) & ~(CR0_EM | CR0_TS));
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
}

static void short_halt(void)
{
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVT_TIMER, TIMER);
	apic_write(APIC_TMICT, 50000);
	sti_hlt_cli();
}

static void survives_exits(void)
{
	u16 cw = 0x27f, got_cw = 0;
	u32 mxcsr = 0x1fa0, got_mxcsr = 0;

	fill(0x5a);
	__asm__ volatile("fldcw %0; ldmxcsr %1" : : "m"(cw), "m"(mxcsr));
	cpuid(0, 0);
	outb(0x80, 0);
	(void)rdmsr(MSR_APIC_BASE);
	short_halt();
	__asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(got_cw), "=m"(got_mxcsr));
	check(filled(0x5a), "xsave.vectors_survive_exits", "they changed");
	check(got_cw == cw && got_mxcsr == mxcsr, "xsave.control_survives_exits", "0x%x 0x%x",
	      got_cw, got_mxcsr);
}

static void save_and_restore(void)
{
	memset(area, 0, sizeof(area));
	fill(0x33);
	__asm__ volatile("xsave (%0)" : : "r"(area), "a"(7), "d"(0) : "memory");
	check(area[512] & 2, "xsave.header", "XSTATE_BV = 0x%x", area[512]);
	fill(0x44);
	__asm__ volatile("xrstor (%0)" : : "r"(area), "a"(7), "d"(0) : "memory");
	check(filled(0x33), "xsave.xrstor", "other values came back");
}

/* Keeps its own pattern for many rounds of halting and spinning. */
static bool keep(u8 byte)
{
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 end = rdtsc() + tsc_us(50);

		fill((u8)(byte + i));
		if (i % 3)
			short_halt();
		while (rdtsc() < end)
			cpu_pause();
		if (!filled((u8)(byte + i)))
			return false;
	}
	return true;
}

static void other_cpu(void)
{
	write_cr4(read_cr4() | CR4_OSXSAVE);
	enable_sse();
	xsetbv(0, avx ? 7 : 3);
	if (!keep(0x80))
		other_bad = 1;
	other_done = 1;
}

static void survives_other_cpus(void)
{
	u64 end;
	bool kept;

	if (cpu_count() < 2) {
		skip("xsave.two_cpus", "the machine has one CPU");
		return;
	}
	check(cpu_start(1, other_cpu), "xsave.second_cpu", "it did not come");
	kept = keep(1);
	end = rdtsc() + tsc_us(5000000);
	while (!other_done && rdtsc() < end)
		short_halt();
	check(kept && filled((u8)(1 + ROUNDS - 1)), "xsave.first_keeps_its_state", "it changed");
	check(other_done && !other_bad, "xsave.second_keeps_its_state", "done %u, changed %u",
	      other_done, other_bad);
}

void guest_main(void)
{
	if (!(cpuid(1, 0).ecx & BIT32(26))) {
		skip("xsave", "the CPU has no XSAVE");
		return;
	}
	tsc_us(1); /* calibrate before the second CPU comes */
	xcr0();
	enable_sse();
	survives_exits();
	save_and_restore();
	survives_other_cpus();
}
