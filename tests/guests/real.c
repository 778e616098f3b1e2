/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * real: what code in real mode may do besides what modes.c tries.
 *
 * Every kind of event goes through the table of vectors with the right return address; PUSHF, POPF
 * and IRET have two sizes, and IOPL is a flag like others; TF traps behind one instruction; the
 * tables, CR0 and MSRs read as they are; a segment with a 4 GiB limit ("unreal mode") takes strings
 * and arithmetic beyond 64 KiB; HLT behind STI wakes up.
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
};

_Static_assert(offsetof(struct seen, flags16) == 0x08 && offsetof(struct seen, trap_ip) == 0x14 &&
		       offsetof(struct seen, cr0) == 0x18 &&
		       offsetof(struct seen, idt_limit) == 0x20 &&
		       offsetof(struct seen, ticks) == 0x26 &&
		       offsetof(struct seen, far_sum) == 0x28 &&
		       offsetof(struct seen, iret_ok) == 0x2c &&
		       offsetof(struct seen, odd_ok) == 0x30,
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
	"on_de:	incb D + 0\n"
	"	jmp skip2\n"
	"on_ud:	incb D + 6\n"
	"skip2:	push %bp\n"
	"	mov %sp, %bp\n"
	"	addw $2, 2(%bp)\n"
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
	timer();
	eax = mode_real();
	outb(0x21, 0xff);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	check(eax == 0x600d, "real.ends", "EAX = 0x%x", eax);
	check(d->count[EXC_BP] == 1, "real.int3", "%u", d->count[EXC_BP]);
	check(d->count[EXC_OF] == 1, "real.into", "%u", d->count[EXC_OF]);
	check(d->count[EXC_UD] == 1, "real.invalid_opcode", "%u", d->count[EXC_UD]);
	check(d->count[EXC_DE] == 1, "real.divide_error", "%u", d->count[EXC_DE]);
	check((d->flags16 & 0x3000) == 0x3000, "real.iopl", "FLAGS = 0x%x", d->flags16);
	check(!((d->flags32 ^ d->flags32_before) & BIT(21)), "real.popf_of_32_bits",
	      "EFLAGS = 0x%x, not 0x%x", d->flags32, d->flags32_before);
	check(d->count[EXC_DB] == 1 && d->trap_ip == offset(trapped), "real.trap_flag",
	      "%u, IP = 0x%x, not 0x%x", d->count[EXC_DB], d->trap_ip, offset(trapped));
	check(!(d->msw & 1) && !(d->cr0 & 1), "real.cr0", "MSW = 0x%x, CR0 = 0x%x", d->msw, d->cr0);
	check(d->apic_base == (u32)rdmsr(MSR_APIC_BASE), "real.msr", "0x%x", d->apic_base);
	check(d->idt_limit == 0x3ff && !d->idt_base[0] && !d->idt_base[1], "real.sidt",
	      "limit 0x%x, base 0x%x%04x", d->idt_limit, d->idt_base[1], d->idt_base[0]);
	check(d->iret_ok == 1, "real.iret_of_32_bits", "%u", d->iret_ok);
	check(far[0] == 0x01020304 && far[FAR_WORDS - 1] == 0x01020304 && !far[FAR_WORDS],
	      "real.big_string", "0x%x 0x%x 0x%x", far[0], far[FAR_WORDS - 1], far[FAR_WORDS]);
	check(d->far_sum == 0x01020314, "real.big_add", "0x%x", d->far_sum);
	if (d->try_odd)
		check(d->odd_ok == 1, "real.odd_selectors", "%u", d->odd_ok);
	else
		skip("real.odd_selectors", "erratum: VM-entry takes the CPL from CS");
	check(d->hlt_ok == 1 && d->ticks == 1, "real.hlt", "%u ticks", d->ticks);
}
