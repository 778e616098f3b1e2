/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * debug: breakpoints, watchpoints and single steps.
 *
 * The debug registers belong to the guest: they keep what is written, fire on execution before the
 * instruction and on data after it, and DR6 says which. DR4 and DR5 stand for DR6 and DR7 unless
 * CR4.DE makes them illegal; general detect catches the next access. The trap flag stops after
 * every instruction, also after one that the hypervisor does in the guest's place (CPUID, IN,
 * RDMSR, an access to device memory), and once for each of them; a stop forgotten or doubled there
 * is the classical mistake. Source: AMD APM 2 "Debug and Performance Resources".
 */

#include "tests/guests/lib/guest.h"

static u64 dr6_seen, rip_seen;
static u32 steps;
static u64 stepped[64];

static u64 read_dr7(void)
{
	u64 v;

	__asm__ volatile("mov %%dr7, %0" : "=r"(v));
	return v;
}

static void write_dr7(u64 v)
{
	__asm__ volatile("mov %0, %%dr7" : : "r"(v) : "memory");
}

static void write_dr6(u64 v)
{
	__asm__ volatile("mov %0, %%dr6" : : "r"(v) : "memory");
}

static void write_dr0(u64 v)
{
	__asm__ volatile("mov %0, %%dr0" : : "r"(v) : "memory");
}

static void on_debug(struct frame *f)
{
	dr6_seen = read_dr6();
	rip_seen = f->rip;
	if (dr6_seen & BIT(14) && steps < ARRAY_SIZE(stepped))
		stepped[steps++] = f->rip;
	if ((dr6_seen & 0xf) || !(dr6_seen & BIT(14)))
		f->rflags |= RFLAGS_RF;
	write_dr6(0xffff0ff0);
}

static void registers(void)
{
	u64 got[4];

	__asm__ volatile("mov %0, %%dr0" : : "r"(0x1111222233334444));
	__asm__ volatile("mov %0, %%dr1" : : "r"(0x400000ULL));
	__asm__ volatile("mov %0, %%dr2" : : "r"(0x500000ULL));
	__asm__ volatile("mov %0, %%dr3" : : "r"(0xffffffff81234567));
	cpuid(0, 0);
	__asm__ volatile("mov %%dr0, %0" : "=r"(got[0]));
	__asm__ volatile("mov %%dr1, %0" : "=r"(got[1]));
	__asm__ volatile("mov %%dr2, %0" : "=r"(got[2]));
	__asm__ volatile("mov %%dr3, %0" : "=r"(got[3]));
	check(got[0] == 0x1111222233334444 && got[1] == 0x400000 && got[2] == 0x500000 &&
		      got[3] == 0xffffffff81234567,
	      "debug.addresses_are_kept", "DR0 = 0x%llx", (unsigned long long)got[0]);
	check(read_dr7() == 0x400, "debug.dr7_reset", "0x%llx", (unsigned long long)read_dr7());
	check((read_dr6() & 0xfff0ff0) == 0xfff0ff0, "debug.dr6_reset", "0x%llx",
	      (unsigned long long)read_dr6());
}

static void breakpoints(void)
{
	u64 where;
	static volatile u64 cell;

	dr6_seen = rip_seen = 0;
	__asm__ volatile("lea 1f(%%rip), %0; mov %0, %%dr0; mov %1, %%dr7; nop; 1: nop; nop"
			 : "=&r"(where)
			 : "r"(0x402ULL)
			 : "memory");
	write_dr7(0x400);
	check_known(BOCHS_SVM, rip_seen == where && dr6_seen & 1, "debug.execution",
		    "#DB at another place or without B0 in DR6");
	dr6_seen = rip_seen = 0;
	write_dr0((u64)&cell);
	write_dr7(0x400 | 2 | 0x9ULL << 16 | 1ULL << 18 | 1ULL << 19); /* write, 8 bytes ... */
	write_dr7(0x400 | 2 | 1ULL << 16 | 2ULL << 18);                /* write, 8 bytes */
	__asm__ volatile("lea 1f(%%rip), %0; movq $1, %1; 1: nop" : "=&r"(where), "=m"(cell));
	write_dr7(0x400);
	check_known(BOCHS_SVM, rip_seen == where && dr6_seen & 1, "debug.data_write",
		    "#DB at another place or without B0 in DR6");
	dr6_seen = 0;
	write_dr7(0x400 | 2 | 1ULL << 16 | 2ULL << 18);
	__asm__ volatile("mov %1, %0" : "=r"(where) : "m"(cell));
	write_dr7(0x400);
	check(dr6_seen == 0, "debug.data_read_passes_a_write_watch", "DR6 0x%llx",
	      (unsigned long long)dr6_seen);
}

/* Every instruction between setting and clearing TF stops once. */
static void single_step(void)
{
	u64 mark[6];

	if (runs_on(BOCHS_SVM)) {
		skip("debug.step", "erratum: Bochs: the step at a #VMEXIT hits the host");
		return;
	}
	steps = 0;
	__asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0\n"
			 "lea 2f(%%rip), %%rax; mov %%rax, %1\n"
			 "lea 3f(%%rip), %%rax; mov %%rax, %2\n"
			 "lea 4f(%%rip), %%rax; mov %%rax, %3\n"
			 "lea 5f(%%rip), %%rax; mov %%rax, %4\n"
			 "lea 6f(%%rip), %%rax; mov %%rax, %5\n"
			 "mov $0xfee00030, %%esi\n"
			 "xor %%eax, %%eax\n"
			 "mov $0x1b, %%ecx\n"
			 "pushf; orl $0x100, (%%rsp); popf\n"
			 "nop; 1: cpuid\n"
			 "2: in $0x21, %%al\n"
			 "3: mov $0x1b, %%ecx; rdmsr\n"
			 "4: mov (%%rsi), %%eax\n"
			 "5: out %%al, $0x80\n"
			 "6: pushf; andl $0xfffffeff, (%%rsp); popf\n"
			 : "=m"(mark[0]), "=m"(mark[1]), "=m"(mark[2]), "=m"(mark[3]),
			   "=m"(mark[4]), "=m"(mark[5])
			 :
			 : "rax", "rbx", "rcx", "rdx", "rsi", "memory", "cc");
	for (u32 i = 0; i < 6; i++) {
		static const char *const names[] = { "debug.step_nop",  "debug.step_cpuid",
						     "debug.step_in",   "debug.step_rdmsr",
						     "debug.step_mmio", "debug.step_out" };
		u32 hits = 0;

		for (u32 k = 0; k < steps; k++)
			hits += stepped[k] == mark[i];
		check(hits == 1, names[i], "%u stops behind it", hits);
	}
	check(steps == 10, "debug.step_count", "%u stops", steps);
}

static void special(void)
{
	u64 v;

	write_cr4(read_cr4() & ~CR4_DE);
	check(PROBE("mov %%dr4, %0", "=r"(v), ) == NO_TRAP && v == read_dr6(), "debug.dr4_is_dr6",
	      "vector %d", caught()->vector);
	write_cr4(read_cr4() | CR4_DE);
	check(PROBE("mov %%dr4, %0", "=r"(v), ) == EXC_UD, "debug.dr4_with_de", "vector %d",
	      caught()->vector);
	write_cr4(read_cr4() & ~CR4_DE);
	check_cpu_erratum(PROBE("mov %0, %%dr7", , "r"(0x400 | BIT(32))) == EXC_GP,
			  "debug.dr7_upper_half", "DR7 took bit 32");
	write_dr7(0x400);
	dr6_seen = 0;
	rip_seen = 0;
	check_known(CPU_TCG | BOCHS_SVM,
		    PROBE(".byte 0xf1; nop", , ) == NO_TRAP && rip_seen && !(dr6_seen & 0xe00f),
		    "debug.icebp", "INT1 did not raise #DB alone");
}

void guest_main(void)
{
	trap_set(EXC_DB, on_debug);
	registers();
	breakpoints();
	single_step();
	special();
}
