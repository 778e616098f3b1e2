/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * msr: model-specific registers keep what is written, refuse what they must, and affect what they
 * should.
 *
 * TSC and TSC_ADJUST move together (a write of either moves the other by the same amount); PAT
 * refuses reserved memory types; EFER refuses reserved bits and a change of LME under paging, and
 * SCE shows in SYSCALL; the bases of FS and GS are the segment bases; SYSENTER and SYSCALL
 * registers hold addresses; APIC_BASE keeps the boot flag. An MSR that does not exist raises #GP
 * for reading and for writing. Source: AMD APM 2 "Model-Specific Registers (MSRs)"; Intel SDM 3B
 * "IA32_TSC_ADJUST Register and TSC Writes"; Intel SDM 3A "Page Attribute Table (PAT)".
 *
 * QEMU's TCG never faults on an unknown MSR, reads zero instead, and does not check the types of
 * PAT: those sub-cases are skip(erratum) there, and unit tests of the MSR table cover them.
 */

#include "tests/guests/lib/guest.h"

#define MSR_STAR    0xc0000081
#define MSR_LSTAR   0xc0000082
#define MSR_CSTAR   0xc0000083
#define MSR_SFMASK  0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KGS     0xc0000102
#define MSR_TSC_AUX 0xc0000103
#define MSR_CS      0x174
#define MSR_ESP     0x175
#define MSR_EIP     0x176
#define MSR_UNKNOWN 0x12345678
#define PAT_RESET   0x0007040600070406ULL

static void unknown(void)
{
	u64 val;

	check_erratum(try_rdmsr(MSR_UNKNOWN, &val) == EXC_GP, "msr.unknown_read",
		      "RDMSR of an unknown MSR did not raise #GP");
	check_erratum(try_wrmsr(MSR_UNKNOWN, 0) == EXC_GP, "msr.unknown_write",
		      "WRMSR of an unknown MSR did not raise #GP");
	check_erratum(try_rdmsr(0xc0002000, &val) == EXC_GP, "msr.unknown_high_read",
		      "RDMSR of an unknown MSR did not raise #GP");
}

/* Whoever answers must know which MSRs the machine below has, and must not fault in the guest's
 * place. */
static void each_can_be_asked_for(void)
{
	static const u32 first[] = { 0, 0x40000000, 0xc0000000, 0xc0010000 };
	u32 strange = 0;
	u64 val;

	for (u32 i = 0; i < ARRAY_SIZE(first); i++) {
		for (u32 msr = first[i]; msr < first[i] + 0x2000; msr++) {
			int vector = try_rdmsr(msr, &val);

			strange += vector != NO_TRAP && vector != EXC_GP;
		}
	}
	check(strange == 0, "msr.each_can_be_asked_for", "%u ended otherwise than by #GP", strange);
}

static void keeps(const char *name, u32 msr, u64 val)
{
	u64 old, got = 0;
	int vector = try_rdmsr(msr, &old);

	if (vector == NO_TRAP)
		vector = try_wrmsr(msr, val);
	if (vector == NO_TRAP)
		vector = try_rdmsr(msr, &got);
	if (check(vector == NO_TRAP && got == val, name, "vector %d, wrote 0x%llx, read 0x%llx",
		  vector, (unsigned long long)val, (unsigned long long)got))
		wrmsr(msr, old);
}

/* It comes with RDTSCP. */
static void tsc_aux(void)
{
	u64 val;

	if (cpuid(0x80000001, 0).edx & BIT32(27))
		keeps("msr.tsc_aux", MSR_TSC_AUX, 0x1234);
	else
		check(try_rdmsr(MSR_TSC_AUX, &val) == EXC_GP && try_wrmsr(MSR_TSC_AUX, 0) == EXC_GP,
		      "msr.tsc_aux", "it exists without RDTSCP");
}

static void keepers(void)
{
	keeps("msr.star", MSR_STAR, 0x001b000800000000);
	keeps("msr.lstar", MSR_LSTAR, 0xffffffff81000000);
	keeps("msr.cstar", MSR_CSTAR, 0xffffffff81000040);
	keeps("msr.sfmask", MSR_SFMASK, 0x47700);
	keeps("msr.kernel_gs_base", MSR_KGS, 0xffff888012345678);
	keeps("msr.sysenter_cs", MSR_CS, 0x10);
	keeps("msr.sysenter_esp", MSR_ESP, 0xfffffe0000002000);
	keeps("msr.sysenter_eip", MSR_EIP, 0xffffffff81000080);
	tsc_aux();
	keeps("msr.pat", MSR_PAT, 0x0407050600070106);
}

static void segment_bases(void)
{
	static u64 word = 0x1122334455667788;
	u64 got;

	wrmsr(MSR_FS_BASE, (u64)&word - 0x100);
	__asm__ volatile("mov %%fs:0x100, %0" : "=r"(got));
	check(got == word, "msr.fs_base", "read 0x%llx", (unsigned long long)got);
	wrmsr(MSR_GS_BASE, (u64)&word - 0x200);
	wrmsr(MSR_KGS, 0);
	__asm__ volatile("mov %%gs:0x200, %0" : "=r"(got));
	check(got == word, "msr.gs_base", "read 0x%llx", (unsigned long long)got);
	__asm__ volatile("swapgs");
	check(rdmsr(MSR_GS_BASE) == 0 && rdmsr(MSR_KGS) == (u64)&word - 0x200, "msr.swapgs",
	      "GS base 0x%llx", (unsigned long long)rdmsr(MSR_GS_BASE));
	check_cpu_erratum(try_wrmsr(MSR_FS_BASE, 0x8000000000000000) == EXC_GP,
			  "msr.noncanonical_base",
			  "WRMSR of a non-canonical base did not raise #GP");
	wrmsr(MSR_FS_BASE, 0);
}

static void efer(void)
{
	u64 old = rdmsr(MSR_EFER);

	check((old & (EFER_LME | EFER_LMA)) == (EFER_LME | EFER_LMA), "msr.efer_long", "0x%llx",
	      (unsigned long long)old);
	check_erratum(try_wrmsr(MSR_EFER, old | BIT(40)) == EXC_GP, "msr.efer_reserved",
		      "WRMSR of a reserved EFER bit did not raise #GP");
	wrmsr(MSR_EFER, old);
	check_erratum(try_wrmsr(MSR_EFER, old & ~EFER_LME) == EXC_GP, "msr.efer_lme_under_paging",
		      "EFER.LME changed under paging");
	wrmsr(MSR_EFER, old | EFER_SCE);
	check(rdmsr(MSR_EFER) == (old | EFER_SCE), "msr.efer_sce", "0x%llx",
	      (unsigned long long)rdmsr(MSR_EFER));
	wrmsr(MSR_EFER, old);
}

static void pat(void)
{
	check(rdmsr(MSR_PAT) == PAT_RESET, "msr.pat_reset", "0x%llx",
	      (unsigned long long)rdmsr(MSR_PAT));
	check_erratum(try_wrmsr(MSR_PAT, 0x02) == EXC_GP, "msr.pat_reserved_type",
		      "PAT took memory type 2");
	wrmsr(MSR_PAT, PAT_RESET);
}

static void tsc(void)
{
	u64 a = rdtsc(), b = rdmsr(MSR_TSC), c = rdtsc(), adjust;

	check_erratum(a <= b && b <= c, "msr.tsc_is_rdtsc", "RDMSR of the TSC is not RDTSC");
	if (!(cpuid(7, 0).ebx & BIT32(1)) && !on_tcg()) {
		skip("msr.tsc_adjust", "the CPU has no TSC_ADJUST");
		return;
	}
	adjust = rdmsr(MSR_TSC_ADJUST);
	a = rdtsc();
	wrmsr(MSR_TSC_ADJUST, adjust + (1ULL << 40));
	b = rdtsc();
	check_erratum(b - a >= 1ULL << 40 && b - a < (1ULL << 40) + (1ULL << 33),
		      "msr.tsc_adjust_moves_tsc", "the TSC did not follow TSC_ADJUST");
	wrmsr(MSR_TSC_ADJUST, adjust);
	c = rdtsc();
	check(c - a < 1ULL << 33, "msr.tsc_adjust_back", "moved by %llu",
	      (unsigned long long)(c - a));
	wrmsr(MSR_TSC, rdtsc() + (1ULL << 41));
	check_erratum(rdmsr(MSR_TSC_ADJUST) - adjust >= 1ULL << 40, "msr.tsc_write_moves_adjust",
		      "TSC_ADJUST did not follow a write of the TSC");
	wrmsr(MSR_TSC_ADJUST, adjust);
}

static void apic_base(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	check((base & ~0xfffULL) == APIC_PAGE, "msr.apic_base_address", "0x%llx",
	      (unsigned long long)base);
	check(base & BIT(8), "msr.apic_base_boot_cpu", "0x%llx", (unsigned long long)base);
	check_erratum(try_wrmsr(MSR_APIC_BASE, base | BIT(60)) == EXC_GP, "msr.apic_base_reserved",
		      "APIC_BASE took a reserved bit");
	wrmsr(MSR_APIC_BASE, base);
}

void guest_main(void)
{
	unknown();
	each_can_be_asked_for();
	keepers();
	segment_bases();
	efer();
	pat();
	tsc();
	apic_base();
}
