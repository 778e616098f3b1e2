/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * traps: exceptions arrive with the right vector, error code and address.
 *
 * Every exception that software can raise is raised once: by the instruction itself, by a bad
 * descriptor or address, by control-register rules, and by page tables for each kind of access. The
 * error code must name the selector or the access; CR2 the address; the return address the faulting
 * instruction, or the next one for a trap. A fault while another is delivered becomes a double
 * fault on the stack that the IST names. User mode is entered and left: its faults carry the user
 * bit, a software interrupt needs the gate's privilege level, an interrupt switches to the kernel's
 * stack. Reserved bits of control registers raise #GP and change nothing.
 *
 * Under a hypervisor some of these instructions exit and are emulated or reflected, so a wrong
 * length, a lost error code or a lost CR2 shows here. Source: AMD APM 2 "Exceptions and
 * Interrupts".
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

#define HOLE 0x40000000ULL /* 1 GiB: unmapped by by_page_table() */

static u8 room[2 * SZ_2M]; /* holds a whole 2 MiB page */
static u8 *page;           /* that page */
static struct frame seen;  /* the frame of a test's own handler */

static void expect(const char *name, int vector, int want, u32 error)
{
	check(vector == want && caught()->error == error, name,
	      "vector %d error 0x%x, not vector %d error 0x%x", vector, caught()->error, want,
	      error);
}

/* The same where TCG does not check. */
static void expect_gp(const char *name, int vector, const char *reason)
{
	check_cpu_erratum(vector == EXC_GP && caught()->error == 0, name, reason);
}

static void by_instruction(void)
{
	u32 zero = 0, ax = 1, dx = 0;

	expect("traps.de", PROBE("div %2", OPERANDS("+a"(ax), "+d"(dx)), "r"(zero)), EXC_DE, 0);
	expect("traps.ud", PROBE("ud2", , ), EXC_UD, 0);
	expect("traps.ud_lock", PROBE(".byte 0xf0, 0x90", , ), EXC_UD, 0);
	expect("traps.ud_into", PROBE(".byte 0xce", , ), EXC_UD, 0);
	expect("traps.gp_15_bytes", PROBE(".fill 14, 1, 0x66; .byte 0x0f, 0x0b", , ), EXC_GP, 0);
	write_cr0(read_cr0() | CR0_TS);
	expect("traps.nm", PROBE("fnop", , ), EXC_NM, 0);
	write_cr0(read_cr0() & ~CR0_TS);
	expect("traps.bp", PROBE("int3; nop", , ), EXC_BP, 0);
	check(*(u8 *)at(caught()->rip - 1) == 0xcc, "traps.bp_is_a_trap", "byte before RIP is 0x%x",
	      *(u8 *)at(caught()->rip - 1));
}

static void by_segment(void)
{
	u32 beyond = 0x1f8, code = SEL_CODE64, absent = SEL_DATA16;

	expect("traps.gp_selector", PROBE("mov %0, %%ds", , "r"(beyond)), EXC_GP, beyond);
	expect("traps.gp_ss_code", PROBE("mov %0, %%ss", , "r"(code)), EXC_GP, code);
	gdt[SEL_DATA16 / 8] &= ~(1ULL << 47);
	expect("traps.np", PROBE("mov %0, %%fs", , "r"(absent)), EXC_NP, absent);
	expect("traps.ss_not_present", PROBE("mov %0, %%ss", , "r"(absent)), EXC_SS, absent);
	gdt[SEL_DATA16 / 8] |= 1ULL << 47;
}

static void by_address(void)
{
	u64 bad = 0x8000000000000000ULL, val;

	expect("traps.gp_noncanonical", PROBE("mov (%1), %0", "=r"(val), "r"(bad)), EXC_GP, 0);
	__asm__ volatile("mov %%rsp, %0" : "=r"(val));
	check_cpu_erratum(
		PROBE("xchg %0, %%rbp; mov (%%rbp), %0; nop", "+r"(bad), "m"(page)) == EXC_SS,
		"traps.ss_noncanonical", "a non-canonical stack address raised another vector");
	/* the fault left the halves of the exchange: put RBP back */
	__asm__ volatile("xchg %0, %%rbp" : "+r"(bad));
}

/* A fetch fault: the return address is on the stack, as after any call. */
static void return_to_caller(struct frame *f)
{
	seen = *f;
	f->rip = *(u64 *)at(f->rsp);
	f->rsp += 8;
}

static void by_page_table(void)
{
	u64 *entry = &page_l2[(u64)page / SZ_2M], old = *entry, val;

	page_l2[HOLE / SZ_2M] = 0;
	invlpg(at(HOLE));
	expect("traps.pf_read", PROBE("mov (%1), %0", "=r"(val), "r"(HOLE + 0x123)), EXC_PF, 0);
	check(caught()->cr2 == HOLE + 0x123, "traps.pf_cr2", "0x%llx",
	      (unsigned long long)caught()->cr2);
	expect("traps.pf_write", PROBE("movb $1, (%0)", , "r"(HOLE)), EXC_PF, PFEC_W);
	*entry = old & ~2ULL;
	invlpg(page);
	expect("traps.pf_read_only", PROBE("movb $1, (%0)", , "r"(page)), EXC_PF, PFEC_W | PFEC_P);
	write_cr0(read_cr0() & ~CR0_WP);
	check(PROBE("movb $0xc3, (%0)", , "r"(page)) == NO_TRAP && *page == 0xc3,
	      "traps.wp_off_writes", "vector %d", caught()->vector);
	write_cr0(read_cr0() | CR0_WP);
	*entry = old | BIT(63);
	invlpg(page);
	trap_set(EXC_PF, return_to_caller);
	__asm__ volatile("call *%0" : : "r"(page) : "memory");
	trap_set(EXC_PF, NULL);
	check(seen.vector == EXC_PF && seen.error == (PFEC_F | PFEC_P) && seen.rip == (u64)page,
	      "traps.pf_nx", "vector %llu error 0x%llx", (unsigned long long)seen.vector,
	      (unsigned long long)seen.error);
	*entry = old;
	invlpg(page);
}

static void by_control_register(void)
{
	u64 cr0 = read_cr0(), cr4 = read_cr4();

	/* Taken back at once: VMRUN refuses a guest with such a CR0. */
	expect_gp("traps.cr0_nw_without_cd",
		  PROBE("mov %0, %%cr0; mov %1, %%cr0", ,
			OPERANDS("r"((cr0 | CR0_NW) & ~CR0_CD), "r"(cr0))),
		  "CR0 took NW without CD");
	expect_gp("traps.cr0_upper_half", PROBE("mov %0, %%cr0", , "r"(cr0 | BIT(32))),
		  "CR0 took bit 32");
	expect("traps.ud_cr1", PROBE("mov %%cr1, %0", "=r"(cr0), ), EXC_UD, 0);
	cr0 = read_cr0();
	if (runs_on(CPU_TCG | BOCHS_SVM)) { /* they do what is asked, and are lost */
		skip("traps.cr_reserved", "erratum: the CPU takes impossible CR0 and CR4 values");
		return;
	}
	expect_gp("traps.cr0_pg_without_pe", PROBE("mov %0, %%cr0", , "r"(cr0 & ~CR0_PE)),
		  "CR0 took PG without PE");
	expect_gp("traps.cr4_reserved", PROBE("mov %0, %%cr4", , "r"(cr4 | BIT(15))),
		  "CR4 took bit 15");
	expect_gp("traps.cr4_pae_in_long_mode", PROBE("mov %0, %%cr4", , "r"(cr4 & ~CR4_PAE)),
		  "CR4.PAE was cleared in long mode");
	check(read_cr0() == cr0 && read_cr4() == cr4, "traps.cr_unchanged", "CR0 0x%llx CR4 0x%llx",
	      (unsigned long long)read_cr0(), (unsigned long long)read_cr4());
}

/* --- double fault ----------------------------------------------------------------------------- */

static u8 df_stack[4096];
extern u64 df_resume[2]; /* RSP and RIP after it; named in asm */
u64 df_resume[2];

static void on_double_fault(struct frame *f)
{
	seen = *f;
	f->rsp = df_resume[0];
	f->rip = df_resume[1];
}

/* A page fault whose frame cannot be pushed: the stack is not mapped. */
static void double_fault(void)
{
	u64 bad_stack = HOLE + 0x1000;

	tss[0].ist[0] = (u64)df_stack + sizeof(df_stack);
	idt_set(EXC_DF, 1, 0);
	trap_set(EXC_DF, on_double_fault);
	__asm__ volatile("mov %%rsp, df_resume\n"
			 "movq $1f, df_resume + 8\n"
			 "mov %0, %%rsp\n"
			 "push %%rax\n"
			 "1: nop"
			 :
			 : "r"(bad_stack)
			 : "memory");
	trap_set(EXC_DF, NULL);
	check(seen.vector == EXC_DF && seen.error == 0 && seen.rsp == bad_stack, "traps.df",
	      "vector %llu, RSP 0x%llx", (unsigned long long)seen.vector,
	      (unsigned long long)seen.rsp);
}

/* --- user mode -------------------------------------------------------------------------------- */

static u8 kernel_stack[8192];
extern u64 user_return[2]; /* named in asm */
u64 user_return[2];

/* Every trap of the user program ends it. */
static void leave_user(struct frame *f)
{
	seen = *f;
	f->cs = SEL_CODE64;
	f->ss = SEL_DATA;
	f->rflags = RFLAGS_ONE;
	f->rsp = user_return[0];
	f->rip = user_return[1];
}

/* Copies code to the user page and runs it at CPL 3 until the vector arrives. */
static void run_user(const u8 *code, u64 len, u8 vector)
{
	u64 rsp = (u64)page + SZ_2M;

	memcpy(page, code, len);
	memset(&seen, 0, sizeof(seen));
	tss[0].rsp[0] = (u64)kernel_stack + sizeof(kernel_stack);
	trap_set(vector, leave_user);
	__asm__ volatile("push %%rbp; push %%rbx\n"
			 "mov %%rsp, user_return\n"
			 "movq $1f, user_return + 8\n"
			 "pushq %[ss]; push %[sp]; pushq $0x202; pushq %[cs]; push %[ip]\n"
			 "iretq\n"
			 "1: pop %%rbx; pop %%rbp"
			 :
			 : [ss] "i"(SEL_UDATA), [sp] "r"(rsp), [cs] "i"(SEL_UCODE), [ip] "r"(page)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory",
			   "cc");
	trap_set(vector, NULL);
}

static void expect_user(const char *name, u8 vector, u32 error, u64 rip_off)
{
	check(seen.vector == vector && seen.error == error && seen.cs == SEL_UCODE &&
		      seen.rip == (u64)page + rip_off,
	      name, "vector %llu error 0x%llx at +0x%llx CS 0x%llx",
	      (unsigned long long)seen.vector, (unsigned long long)seen.error,
	      (unsigned long long)(seen.rip - (u64)page), (unsigned long long)seen.cs);
}

static void user_mode(void)
{
	static const u8 int80[] = { 0xcd, 0x80 }, hlt[] = { 0xf4 }, int3[] = { 0xcc };
	static const u8 in[] = { 0xe4, 0x21 }, rdmsr_[] = { 0x0f, 0x32 },
			cr0[] = { 0x0f, 0x20, 0xc0 };
	static const u8 load[] = { 0x8b, 0x04, 0x25, 0x00, 0x00, 0x50, 0x00 }; /* kernel memory */

	page_user(page);
	idt_set(0x80, 0, 3);
	idt_set(EXC_BP, 0, 3);
	run_user(int80, sizeof(int80), 0x80);
	expect_user("traps.user_int", 0x80, 0, 2);
	run_user(int3, sizeof(int3), EXC_BP);
	expect_user("traps.user_int3", EXC_BP, 0, 1);
	idt_set(0x80, 0, 0);
	run_user(int80, sizeof(int80), EXC_GP);
	check_cpu_erratum(seen.vector == EXC_GP && seen.error == 0x80 * 8 + 2 &&
				  seen.rip == (u64)page,
			  "traps.user_int_dpl", "the error code is not the index in the IDT");
	run_user(hlt, sizeof(hlt), EXC_GP);
	expect_user("traps.user_hlt", EXC_GP, 0, 0);
	run_user(in, sizeof(in), EXC_GP);
	expect_user("traps.user_in", EXC_GP, 0, 0);
	run_user(rdmsr_, sizeof(rdmsr_), EXC_GP);
	expect_user("traps.user_rdmsr", EXC_GP, 0, 0);
	run_user(cr0, sizeof(cr0), EXC_GP);
	expect_user("traps.user_cr0", EXC_GP, 0, 0);
	run_user(load, sizeof(load), EXC_PF);
	expect_user("traps.user_pf", EXC_PF, PFEC_U | PFEC_P, 0);
}

/* Ports that the TSS opens to user mode still work there. */
static void user_io_bitmap(void)
{
	static struct {
		struct tss t;
		u8 map[0x2001];
	} __packed big;

	static const u8 in[] = { 0xe4, 0x21, 0xcd, 0x80 };
	u64 base = (u64)&big;

	big.t = tss[0];
	memset(big.map, 0xff, sizeof(big.map));
	big.map[0x21 / 8] = (u8)~BIT32(0x21 % 8);
	big.t.iomap = sizeof(struct tss);
	big.t.rsp[0] = (u64)kernel_stack + sizeof(kernel_stack);
	gdt[SEL_TSS / 8] = (sizeof(big) - 1) | (base & 0xffffff) << 16 | 0x89ULL << 40 |
			   (base >> 24 & 0xff) << 56;
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
	idt_set(0x80, 0, 3);
	run_user(in, sizeof(in), 0x80);
	expect_user("traps.user_io_bitmap", 0x80, 0, 4);
	check((seen.ax & 0xff) == 0xff, "traps.user_io_value", "AL = 0x%llx",
	      (unsigned long long)seen.ax & 0xff);
}

void guest_main(void)
{
	page = at(ALIGN_UP((u64)room, SZ_2M));
	by_instruction();
	by_segment();
	by_address();
	by_page_table();
	by_control_register();
	double_fault();
	user_mode();
	user_io_bitmap();
}
