/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * real: what code in real mode may do besides what modes.c tries.
 *
 * Every kind of event goes through the table of vectors with the right return address; PUSHF, POPF
 * and IRET have two sizes, and IOPL is a flag like others; TF traps behind one instruction; the
 * tables, CR0 and MSRs read as they are; debug registers guard, alias and watch; a segment with a 4
 * GiB limit ("unreal mode") takes strings and arithmetic beyond 64 KiB; with a segment that keeps
 * an odd base from protected mode, or a stack that keeps 32 bits, all usual instructions go on
 * working; HLT behind STI wakes up.
 *
 * A hypervisor on a CPU whose guests cannot be in real mode must make all of this up.
 * Source: Intel SDM 3B "8086 Emulation", "Real-Address Mode".
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

#define REAL_CODE 0x9000
#define REAL_DATA 0x8f00
#define FAR       0x3000000U /* 48 MiB */
#define FAR_WORDS 0x8000

u32 mode_real(void);

/* At REAL_DATA. */
struct seen {
	u8 count[8]; /* of exceptions, by vector */
	u32 flags16, flags32_before, flags32;
	u16 trap_ip, msw;
	u32 cr0, apic_base;
	u16 idt_limit, idt_base[2], ticks;
	u32 far_sum;
	u16 iret_ok, hlt_ok, odd_ok, try_odd;
	u16 tf_ip, watched;
	u32 dr2, watch_dr6, dr4, guard_dr7, guard_dr6;
	u16 ud_len, save_sp;
	u32 far_shl, far_mul;
	u16 calls, far_call, sum, conditions, shifts, quotient, factor, gs, es, di, sign, swapped;
	u32 product, esp;
	u8 copied[4], set[2];
	u16 called32;
	u32 vendor;
	u16 new_stack;
	u16 kept, left;
};

_Static_assert(
	offsetof(struct seen, flags16) == 0x08 && offsetof(struct seen, trap_ip) == 0x14 &&
		offsetof(struct seen, cr0) == 0x18 && offsetof(struct seen, idt_limit) == 0x20 &&
		offsetof(struct seen, ticks) == 0x26 && offsetof(struct seen, far_sum) == 0x28 &&
		offsetof(struct seen, iret_ok) == 0x2c && offsetof(struct seen, odd_ok) == 0x30 &&
		offsetof(struct seen, dr2) == 0x38 && offsetof(struct seen, ud_len) == 0x4c &&
		offsetof(struct seen, far_shl) == 0x50 && offsetof(struct seen, calls) == 0x58 &&
		offsetof(struct seen, product) == 0x70 && offsetof(struct seen, copied) == 0x78 &&
		offsetof(struct seen, vendor) == 0x80 && offsetof(struct seen, new_stack) == 0x84,
	"the code below");

extern u8 code[], code_end[], on_de[], on_db[], on_bp[], on_of[], on_ud[], on_tick[], trapped[];
__asm__(".text\n.code16\n"
	".set RC, 0x9000\n"
	".set D, 0x8f00\n"
	"code:\n"
	"	cld\n"
	"	int3\n"
	"	mov $0x7f, %al\n"
	"	inc %al\n"
	"	into\n"
	"	ud2\n"
	"	xor %cx, %cx\n"
	"	div %cl\n"
	/* flags */
	"	pushw $0x3002\n"
	"	popf\n"
	"	pushf\n"
	"	popw D + 0x8\n"
	"	pushw $2\n"
	"	popf\n"
	"	pushfl\n"
	"	popl %eax\n"
	"	xor $0x200000, %eax\n"
	"	mov %eax, D + 0xc\n"
	"	pushl %eax\n"
	"	popfl\n"
	"	pushfl\n"
	"	popl D + 0x10\n"
	"	pushw $0x102\n"
	"	popf\n"
	"	nop\n"
	"trapped:\n"
	"	nop\n"
	"	mov D + 0x14, %ax\n"
	"	mov %ax, D + 0x34\n"
	/* debug registers: one is written, one watches, DR4 and DR5 are others or nothing */
	"	mov $0x12345678, %eax\n"
	"	mov %eax, %db2\n"
	"	xor %eax, %eax\n"
	"	mov %db2, %eax\n"
	"	mov %eax, D + 0x38\n"
	"	mov $D + 0x36, %eax\n"
	"	mov %eax, %db0\n"
	"	mov $0x50401, %eax\n"
	"	mov %eax, %db7\n"
	"	incw D + 0x36\n"
	"	mov $0x400, %eax\n"
	"	mov %eax, %db7\n"
	"	mov %db6, %eax\n"
	"	mov %eax, D + 0x3c\n"
	"	mov $0xffff0ff0, %eax\n"
	"	mov %eax, %db6\n"
	"	mov %db4, %eax\n"
	"	mov %eax, D + 0x40\n"
	"	mov $8, %eax\n"
	"	mov %eax, %cr4\n"
	"	movw $3, D + 0x4c\n"
	"	mov %db5, %eax\n"
	"	xor %eax, %eax\n"
	"	mov %eax, %cr4\n"
	"	mov $0x2400, %eax\n"
	"	mov %eax, %db7\n"
	"	mov %db7, %eax\n"
	"	mov %eax, D + 0x44\n"
	"	mov $0x400, %eax\n"
	"	mov %eax, %db7\n"
	"	mov %db6, %eax\n"
	"	mov %eax, D + 0x48\n"
	/* what can be read */
	"	smsw D + 0x16\n"
	"	mov %cr0, %eax\n"
	"	mov %eax, D + 0x18\n"
	"	mov $0x1b, %ecx\n"
	"	rdmsr\n"
	"	mov %eax, D + 0x1c\n"
	"	sidtl D + 0x20\n"
	/* a return that changes all of EFLAGS */
	"	pushl $2\n"
	"	pushl $0\n"
	"	pushl $(RC + 1f - code)\n"
	"	iretl\n"
	"	hlt\n"
	"1:	incw D + 0x2c\n"
	/* unreal mode */
	"	mov %cr0, %eax\n"
	"	or $1, %al\n"
	"	mov %eax, %cr0\n"
	"	mov $0x10, %bx\n"
	"	mov %bx, %es\n"
	"	and $0xfe, %al\n"
	"	mov %eax, %cr0\n"
	"	xor %bx, %bx\n"
	"	mov %bx, %es\n"
	"	mov $0x3000000, %edi\n"
	"	mov $0x01020304, %eax\n"
	"	mov $0x8000, %ecx\n"
	"	rep stosl %eax, %es:(%edi)\n"
	"	mov $0x3010000, %esi\n"
	"	addl $0x10, %es:(%esi)\n"
	"	movl %es:(%esi), %eax\n"
	"	mov %eax, D + 0x28\n"
	"	shll $4, %es:(%esi)\n"
	"	movl %es:(%esi), %eax\n"
	"	mov %eax, D + 0x50\n"
	"	mov $0x10000, %eax\n"
	"	mull %es:(%esi)\n"
	"	mov %edx, D + 0x54\n"
	/* a base that no selector names */
	"	mov %cr0, %eax\n"
	"	or $1, %al\n"
	"	mov %eax, %cr0\n"
	"	mov $0x50, %bx\n"
	"	mov %bx, %fs\n"
	"	and $0xfe, %al\n"
	"	mov %eax, %cr0\n"
	"	xor %ax, %ax\n"
	"	call add_1\n"
	"	mov $(RC + add_1 - code), %bp\n"
	"	call *%bp\n"
	"	pushw $0x20\n"
	"	call add_argument\n"
	"	jmp 1f\n"
	"	hlt\n"
	"1:	mov %ax, D + 0x58\n"
	"	lcall $0, $(RC + add_far - code)\n"
	"	mov %ax, D + 0x5a\n"
	"	mov $10, %cx\n"
	"	xor %dx, %dx\n"
	"1:	add %cx, %dx\n"
	"	loop 1b\n"
	"	mov %dx, D + 0x5c\n"
	"	jcxz 1f\n"
	"	hlt\n"
	"1:	xor %si, %si\n"
	"	mov $-1, %ax\n"
	"	cmp $1, %ax\n"
	"	jge 1f\n"
	"	lea 1(%si), %si\n"
	"1:	jbe 1f\n"
	"	lea 2(%si), %si\n"
	"1:	jns 1f\n"
	"	lea 4(%si), %si\n"
	"1:	jo 1f\n"
	"	lea 8(%si), %si\n"
	"1:	mov %si, D + 0x5e\n"
	"	setl D + 0x7c\n"
	"	setb D + 0x7d\n"
	"	mov $0xa421, %ax\n"
	"	shl $3, %ax\n"
	"	rcr %ax\n"
	"	sar $2, %ax\n"
	"	mov $4, %cl\n"
	"	rol %cl, %ax\n"
	"	mov %ax, D + 0x60\n"
	"	mov $0x1234, %ax\n"
	"	mov $0x5678, %bx\n"
	"	mul %bx\n"
	"	mov %ax, D + 0x70\n"
	"	mov %dx, D + 0x72\n"
	"	div %bx\n"
	"	mov %ax, D + 0x62\n"
	"	imul $-3, %ax, %cx\n"
	"	mov %cx, D + 0x64\n"
	"	mov $0x1230, %ax\n"
	"	mov %ax, %gs\n"
	"	push %gs\n"
	"	pop %es\n"
	"	mov %es, D + 0x66\n"
	"	push $0x4567\n"
	"	push $0x89\n"
	"	mov %sp, %bp\n"
	"	les (%bp), %di\n"
	"	add $4, %sp\n"
	"	mov %es, D + 0x68\n"
	"	mov %di, D + 0x6a\n"
	"	mov $0x8000, %ax\n"
	"	cwtd\n"
	"	mov %dx, D + 0x6c\n"
	"	xchg %ax, %dx\n"
	"	dec %ax\n"
	"	test $1, %al\n"
	"	jnz 1f\n"
	"	stc\n"
	"	adc $0, %ax\n"
	"1:	mov %ax, D + 0x6e\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %es\n"
	"	mov $RC, %si\n"
	"	mov $D + 0x78, %di\n"
	"	mov $4, %cx\n"
	"	cld\n"
	"	rep movsb\n"
	"	xor %eax, %eax\n"
	"	cpuid\n"
	"	mov %ebx, D + 0x80\n"
	"	mov $0x5a5a, %di\n"
	"	mov %sp, %bx\n"
	"	pusha\n"
	"	xor %di, %di\n"
	"	xor %bx, %bx\n"
	"	popa\n"
	"	mov %di, D + 0x86\n"
	"	push %bp\n"
	"	mov %sp, %bp\n"
	"	sub $8, %sp\n"
	"	leave\n"
	"	sub %sp, %bx\n"
	"	mov %bx, D + 0x88\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %fs\n"
	"	mov %ax, %gs\n"
	/* such a base of the stack, which ends with interrupts off */
	"	mov %cr0, %eax\n"
	"	or $1, %al\n"
	"	mov %eax, %cr0\n"
	"	mov $0x50, %bx\n"
	"	mov %bx, %ss\n"
	"	and $0xfe, %al\n"
	"	mov %eax, %cr0\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %ss\n"
	"	incw D + 0x84\n"
	/* a stack of 32 bits */
	"	mov %sp, D + 0x4e\n"
	"	mov %cr0, %eax\n"
	"	or $1, %al\n"
	"	mov %eax, %cr0\n"
	"	mov $0x10, %bx\n"
	"	mov %bx, %ss\n"
	"	mov $0x30000, %esp\n"
	"	and $0xfe, %al\n"
	"	mov %eax, %cr0\n"
	"	pushw $0x1234\n"
	"	mov $0x20, %ax\n"
	"	call add_1\n"
	"	mov %ax, D + 0x7e\n"
	"	mov %esp, D + 0x74\n"
	"	pop %bx\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %ss\n"
	"	movzwl D + 0x4e, %esp\n"
	/* protected mode with selectors whose low bits are no privilege level */
	"	cmpw $0, D + 0x32\n"
	"	je 3f\n"
	"	ljmp $0x8fd, $(0x30 + 2f - code)\n"
	"2:	mov $0x8fd, %bx\n"
	"	mov %bx, %ds\n"
	"	mov %cr0, %eax\n"
	"	or $1, %al\n"
	"	mov %eax, %cr0\n"
	"	xor %eax, %eax\n"
	"	cpuid\n"
	"	mov %cr0, %eax\n"
	"	and $0xfe, %al\n"
	"	mov %eax, %cr0\n"
	"	xor %bx, %bx\n"
	"	mov %bx, %ds\n"
	"	incw D + 0x30\n"
	"	ljmp $0, $(RC + 3f - code)\n"
	"3:\n"
	/* the timer's interrupt, in the instant behind STI or later */
	"	sti\n"
	"	hlt\n"
	"	cli\n"
	"	incw D + 0x2e\n"
	"	mov $0x600d, %eax\n"
	"	ret\n"
	"add_1:	inc %ax\n"
	"	ret\n"
	"add_argument:\n"
	"	push %bp\n"
	"	mov %sp, %bp\n"
	"	add 4(%bp), %ax\n"
	"	pop %bp\n"
	"	ret $2\n"
	"add_far:	add $0x10, %ax\n"
	"	lret\n"
	"on_de:	incb D + 0\n"
	"	jmp skip2\n"
	"on_ud:	incb D + 6\n"
	"skip2:	push %bp\n"
	"	push %ax\n"
	"	mov %sp, %bp\n"
	"	mov D + 0x4c, %ax\n"
	"	add %ax, 4(%bp)\n"
	"	pop %ax\n"
	"	pop %bp\n"
	"	iret\n"
	"on_bp:	incb D + 3\n"
	"	iret\n"
	"on_of:	incb D + 4\n"
	"	iret\n"
	"on_db:	incb D + 1\n"
	"	push %bp\n"
	"	mov %sp, %bp\n"
	"	andw $0xfeff, 6(%bp)\n"
	"	push 2(%bp)\n"
	"	popw D + 0x14\n"
	"	pop %bp\n"
	"	iret\n"
	"on_tick: incw D + 0x26\n"
	"	push %ax\n"
	"	mov $0x20, %al\n"
	"	out %al, $0x20\n"
	"	pop %ax\n"
	"	iret\n"
	"code_end:\n"
	".code64\n");

static u32 offset(const u8 *label)
{
	return REAL_CODE + (u32)(label - code);
}

/* The table is at address 0, which C has no objects at. */
static void vector(u32 nr, const u8 *label)
{
	__asm__ volatile("movl %1, (%0)" : : "r"(4ULL * nr), "r"(offset(label)) : "memory");
}

/* The timer's interrupt is vector 8, and the one that is open. */
static void timer(void)
{
	static const struct {
		u8 port, val;
	} init[] = { { 0x20, 0x11 }, { 0x21, 0x08 }, { 0x21, 4 },    { 0x21, 1 },
		     { 0x21, 0xfe }, { 0x43, 0x30 }, { 0x40, 0xff }, { 0x40, 0x7f } };

	apic_write(APIC_LVT_LINT0, 0x700); /* ExtINT */
	for (u32 i = 0; i < ARRAY_SIZE(init); i++)
		outb(init[i].port, init[i].val);
}

static void check_debug_registers(const volatile struct seen *d)
{
	check(d->dr2 == 0x12345678, "real.dr2", "0x%x", d->dr2);
	check(d->count[EXC_DB] >= 2 && d->watched == 1, "real.watchpoint", "%u, %u",
	      d->count[EXC_DB], d->watched);
	check_known(BOCHS_SVM, (d->watch_dr6 & 15) == 1, "real.watchpoint_dr6",
		    "DR6 of an intercepted #DB");
	check(d->dr4 == 0xffff0ff0, "real.dr4", "0x%x", d->dr4);
	check(d->count[EXC_UD] == 2, "real.dr5_with_de", "%u", d->count[EXC_UD]);
	check_cpu_erratum(d->guard_dr7 == 0x400 && d->count[EXC_DB] == 3, "real.guarded_dr",
			  "DR7.GD does nothing");
	check_known(CPU_TCG | BOCHS_SVM, d->guard_dr6 & BIT(13), "real.guarded_dr6",
		    "DR6 of an intercepted #DB");
}

static void check_odd_segments(const volatile struct seen *d)
{
	const volatile u16 *pushed = at(0x30000 - 2);

	check(d->calls == 0x22, "real.calls", "0x%x", d->calls);
	check(d->far_call == 0x32, "real.far_call", "0x%x", d->far_call);
	check(d->sum == 55, "real.loop", "%u", d->sum);
	check(d->conditions == 15 && d->set[0] == 1 && d->set[1] == 0, "real.conditions",
	      "0x%x %u %u", d->conditions, d->set[0], d->set[1]);
	check(d->shifts == 0x421e, "real.shifts", "0x%x", d->shifts);
	check(d->product == 0x1234 * 0x5678 && d->quotient == 0x1234 && d->factor == 0xc964,
	      "real.multiplication", "0x%x 0x%x 0x%x", d->product, d->quotient, d->factor);
	check(d->gs == 0x1230 && d->es == 0x4567 && d->di == 0x89, "real.segment_loads",
	      "0x%x 0x%x:0x%x", d->gs, d->es, d->di);
	check(d->sign == 0xffff && d->swapped == 0xffff, "real.cwd_and_flags", "0x%x 0x%x", d->sign,
	      d->swapped);
	check(d->copied[0] == code[0] && d->copied[3] == code[3], "real.movs", "0x%x 0x%x",
	      d->copied[0], d->copied[3]);
	check(d->vendor == cpuid(0, 0).ebx, "real.cpuid", "0x%x", d->vendor);
	check(d->new_stack == 1, "real.new_stack", "%u", d->new_stack);
	check(d->kept == 0x5a5a && d->left == 0, "real.pusha_and_leave", "0x%x, 0x%x", d->kept,
	      d->left);
	check(d->esp == 0x30000 - 2 && *pushed == 0x1234 && d->called32 == 0x21,
	      "real.stack_of_32_bits", "ESP = 0x%x, 0x%x, 0x%x", d->esp, *pushed, d->called32);
}

void guest_main(void)
{
	volatile struct seen *d = at(REAL_DATA);
	const volatile u32 *far = at(FAR);
	u32 eax;

	memset(at(REAL_DATA), 0, sizeof(*d));
	memset(at(FAR), 0, (FAR_WORDS + 1) * 4);
	memcpy(at(REAL_CODE), code, (size_t)(code_end - code));
	vector(EXC_DE, on_de);
	vector(EXC_DB, on_db);
	vector(EXC_BP, on_bp);
	vector(EXC_OF, on_of);
	vector(EXC_UD, on_ud);
	vector(8, on_tick);
	/* Bochs does so for an unrestricted guest. */
	d->try_odd = !strstr(boot_args(), "host=bochs-vmx") || strstr(boot_args(), "=off");
	d->ud_len = 2;
	gdt[0x50 / 8] = 0x000093200008ffff; /* base 0x200008 */
	timer();
	eax = mode_real();
	outb(0x21, 0xff);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	check(eax == 0x600d, "real.ends", "EAX = 0x%x", eax);
	check(d->count[EXC_BP] == 1, "real.int3", "%u", d->count[EXC_BP]);
	check(d->count[EXC_OF] == 1, "real.into", "%u", d->count[EXC_OF]);
	check(d->count[EXC_UD], "real.invalid_opcode", "%u", d->count[EXC_UD]);
	check(d->count[EXC_DE] == 1, "real.divide_error", "%u", d->count[EXC_DE]);
	check((d->flags16 & 0x3000) == 0x3000, "real.iopl", "FLAGS = 0x%x", d->flags16);
	check(!((d->flags32 ^ d->flags32_before) & BIT(21)), "real.popf_of_32_bits",
	      "EFLAGS = 0x%x, not 0x%x", d->flags32, d->flags32_before);
	check(d->tf_ip == offset(trapped), "real.trap_flag", "IP = 0x%x, not 0x%x", d->tf_ip,
	      offset(trapped));
	check_debug_registers(d);
	check(!(d->msw & 1) && !(d->cr0 & 1), "real.cr0", "MSW = 0x%x, CR0 = 0x%x", d->msw, d->cr0);
	check(d->apic_base == (u32)rdmsr(MSR_APIC_BASE), "real.msr", "0x%x", d->apic_base);
	check(d->idt_limit == 0x3ff && !d->idt_base[0] && !d->idt_base[1], "real.sidt",
	      "limit 0x%x, base 0x%x%04x", d->idt_limit, d->idt_base[1], d->idt_base[0]);
	check(d->iret_ok == 1, "real.iret_of_32_bits", "%u", d->iret_ok);
	check(far[0] == 0x01020304 && far[FAR_WORDS - 1] == 0x01020304 && !far[FAR_WORDS],
	      "real.big_string", "0x%x 0x%x 0x%x", far[0], far[FAR_WORDS - 1], far[FAR_WORDS]);
	check(d->far_sum == 0x01020314, "real.big_add", "0x%x", d->far_sum);
	check(d->far_shl == 0x10203140 && d->far_mul == 0x1020, "real.big_shift", "0x%x 0x%x",
	      d->far_shl, d->far_mul);
	check_odd_segments(d);
	if (d->try_odd)
		check(d->odd_ok == 1, "real.odd_selectors", "%u", d->odd_ok);
	else
		skip("real.odd_selectors", "erratum: VM-entry takes the CPL from CS");
	check(d->hlt_ok == 1 && d->ticks == 1, "real.hlt", "%u ticks", d->ticks);
}
