/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hostile_code: random bytes are executed.
 *
 * First in user mode, many times: a page of random bytes is entered at its start with random
 * registers; every exception comes back to the kernel, and a timer ends what loops. A hypervisor
 * sees instructions in every state of undress here, and may neither crash nor lose the guest. Then,
 * after the verdicts, in kernel mode under a hypervisor: now the bytes can write to control
 * registers, ports and all of memory, and the guest does not survive. The hypervisor's shell must.
 *
 * The seed of the kernel-mode part is the time, and is printed.
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

#define ROUNDS 3000
#define TIMER  0x51

static u8 room[3 * SZ_2M];
static u8 *page; /* 2 MiB that user mode may touch: code at its start, stack at its end */
static u8 kernel_stack[8192];
static u64 seed = 0x123456789abcdef;
static u32 came[256];
static bool kernel_mode;

extern u64 resume[4]; /* RSP and RIP to come back to, RIP and RSP of user mode; named in asm */
u64 resume[4];

static u64 random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void come_back(struct frame *f)
{
	came[f->vector]++;
	if (f->vector == TIMER)
		apic_write(APIC_EOI, 0);
	/* TCG's IRET takes 64-bit user code to virtual-8086 mode when the flag says so. */
	if ((f->cs & 3) == 0 && !(f->rflags & RFLAGS_VM) && f->vector != TIMER && !kernel_mode)
		fatal("exception %llu in the kernel at 0x%llx:0x%llx",
		      (unsigned long long)f->vector, (unsigned long long)f->cs,
		      (unsigned long long)f->rip);
	f->cs = SEL_CODE64;
	f->ss = SEL_DATA;
	f->rflags = RFLAGS_ONE;
	f->rsp = resume[0];
	f->rip = resume[1];
}

static void fill_page(void)
{
	for (u32 i = 0; i < 64; i++) {
		u64 r = random();

		memcpy(page + i * 8, &r, 8);
	}
}

static void run_user(void)
{
	resume[2] = (u64)page;
	resume[3] = (u64)page + SZ_2M - 0x1000;
	apic_write(APIC_TMICT, 300000);
	__asm__ volatile(
		"push %%rbp; push %%rbx\n"
		"mov %%rsp, resume\n"
		"movq $1f, resume + 8\n"
		"pushq %[ss]; pushq resume + 24; pushq $0x202; pushq %[cs]; pushq resume + 16\n"
		"mov resume + 16, %%rbx; mov resume + 24, %%rbp\n"
		"mov %%rbx, %%rdi; mov %%rbp, %%rsi\n"
		"iretq\n"
		"1: pop %%rbx; pop %%rbp"
		:
		: [ss] "i"(SEL_UDATA), [cs] "i"(SEL_UCODE)
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
		  "r15", "memory", "cc");
	apic_write(APIC_TMICT, 0);
}

static void user_rounds(void)
{
	for (u32 i = 0; i < 32; i++)
		trap_set((u8)i, come_back);
	trap_set(TIMER, come_back);
	tss[0].rsp[0] = (u64)kernel_stack + sizeof(kernel_stack);
	apic_write(APIC_TDCR, 0xb);
	apic_write(APIC_LVT_TIMER, TIMER);
	for (u32 i = 0; i < ROUNDS; i++) {
		fill_page();
		run_user();
	}
	check(true, "hostile_code.user_mode", "survived");
	say("# #UD %u #GP %u #PF %u, %u ended by the timer\n", came[EXC_UD], came[EXC_GP],
	    came[EXC_PF], came[TIMER]);
}

/* For as long as anything comes back: sooner or later the bytes destroy the ground they run on. */
static void kernel_rounds(void)
{
	kernel_mode = true;
	page_l2[(u64)page / SZ_2M] &= ~4ULL;
	for (;;) {
		seed = rdtsc() | 1;
		invlpg(page);
		fill_page();
		say("# kernel mode, seed 0x%llx\n", (unsigned long long)seed);
		apic_write(APIC_TMICT, 300000);
		__asm__ volatile("push %%rbp; push %%rbx\n"
				 "mov %%rsp, resume\n"
				 "movq $1f, resume + 8\n"
				 "sti\n"
				 "jmp *%0\n"
				 "1: pop %%rbx; pop %%rbp"
				 :
				 : "a"(page)
				 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
				   "r13", "r14", "r15", "memory", "cc");
	}
}

void guest_main(void)
{
	page = at(ALIGN_UP((u64)room, SZ_2M));
	page_user(page);
	user_rounds();
	say("done: 1 ok, 0 not ok, 0 skip\n");
	if (!on_tcg())
		kernel_rounds();
	guest_exit(0);
}
