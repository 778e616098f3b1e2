/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modes: the CPU goes through all its modes and comes back each time.
 *
 * From 64-bit mode to 32-bit protected mode without paging, with two-level paging (4 KiB and 4 MiB
 * pages), with PAE paging, to 64-bit mode with five-level paging where the CPU has it, and to real
 * mode. In each the same things are tried: memory is where the tables say, a remapped page shows
 * its new frame after the flush that the mode demands, segment limits and bases count, ports and
 * CPUID work. In real mode interrupts go through the vector table at address 0, segments are
 * paragraphs, and a data segment that was loaded in protected mode keeps its 4 GiB limit.
 *
 * For a hypervisor each of these is another set of paging rules and another decoder mode, and the
 * changes between them are its hardest control-register writes. Source: AMD APM 2 "Processor
 * Initialization and Long Mode Activation", "Page Translation and Protection".
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

#define CR0_FLAT  (CR0_PE | CR0_ET | CR0_NE)
#define CR0_PAGED (CR0_FLAT | CR0_PG | CR0_WP)
#define WINDOW    0x2000000U /* 32 MiB: virtual address that the tables below map */
#define REAL_CODE 0x9000
#define REAL_DATA 0x8f00

u32 mode_call(u64 cr0, u64 cr3, u64 cr4, u64 efer, u64 entry);
u32 mode_real(void);

static u8 frames[2][4096] __aligned(4096); /* what the window shows */
static u32 legacy_root[1024] __aligned(4096), legacy_table[1024] __aligned(4096);
static u64 pae_root[4] __aligned(32);
static u64 pae_l2[512] __aligned(4096), pae_table[512] __aligned(4096);
static u64 root5[512] __aligned(4096);

/* 32-bit code. Called with nothing, returns in EAX. The window's entry is at *window_entry. */
extern u32 window_entry, window_second;
u32 window_entry, window_second;
extern u8 read_window[], remap_window[], check_flat[], check_long[];
__asm__(".text\n.code32\n"
	"read_window: mov 0x2000000, %eax\n"
	"	ret\n"
	"remap_window: push %ebx\n"
	"	mov 0x2000000, %ebx\n" /* fills the TLB */
	"	mov window_entry, %ecx\n"
	"	mov window_second, %eax\n"
	"	mov %eax, (%ecx)\n"
	"	invlpg 0x2000000\n"
	"	mov 0x2000000, %eax\n"
	"	shl $16, %ebx\n"
	"	or %ebx, %eax\n"
	"	pop %ebx\n"
	"	ret\n"
	"check_flat: push %ebx\n"
	"	xor %eax, %eax\n"
	"	cpuid\n"
	"	mov %eax, %ecx\n"
	"	in $0x21, %al\n"
	"	movzbl %al, %eax\n"
	"	test %ecx, %ecx\n"
	"	jz 1f\n"
	"	or $0x100, %eax\n"
	"1:	mov 0xfee00030, %ecx\n" /* a decoder in 32-bit mode */
	"	cmpb $0x10, %cl\n"
	"	jb 2f\n"
	"	or $0x200, %eax\n"
	"2:	pop %ebx\n"
	"	ret\n"
	".code64\n"
	"check_long: mov $0x2000000, %rcx\n"
	"	mov (%rcx), %eax\n"
	"	ret\n");

static u32 addr(const void *p)
{
	return (u32)(u64)p;
}

/* Maps the low 16 MiB to themselves and the window to the first frame, in three formats. */
static void make_tables(void)
{
	for (u32 i = 0; i < 4; i++)
		legacy_root[i] = i << 22 | 0x83;
	legacy_root[WINDOW >> 22] = addr(legacy_table) | 3;
	legacy_table[0] = addr(frames[0]) | 3;
	legacy_root[0xfee00000U >> 22] = 0xfec00000U | 0x9b;
	for (u64 i = 0; i < 8; i++)
		pae_l2[i] = i << 21 | 0x83;
	pae_l2[WINDOW >> 21] = addr(pae_table) | 3;
	pae_table[0] = addr(frames[0]) | 3;
	pae_root[0] = addr(pae_l2) | 1;
	root5[0] = addr(page_root) | 3;
}

static void protected_mode(void)
{
	u32 eax = mode_call(CR0_FLAT, 0, 0, 0, addr(check_flat));

	check(eax == 0x3ff, "modes.protected", "EAX = 0x%x", eax);
	memset(at(WINDOW), 0x77, 4);
	eax = mode_call(CR0_FLAT, 0, 0, 0, addr(read_window));
	check(eax == 0x77777777, "modes.protected_memory", "EAX = 0x%x", eax);
}

static void paged(const char *name, const char *remap, u64 cr3, u64 cr4, void *entry)
{
	u32 eax = mode_call(CR0_PAGED, cr3, cr4, 0, addr(read_window));

	check(eax == 0x1111, name, "EAX = 0x%x", eax);
	window_entry = addr(entry);
	window_second = addr(frames[1]) | 3;
	eax = mode_call(CR0_PAGED, cr3, cr4, 0, addr(remap_window));
	check(eax == 0x11112222, remap, "EAX = 0x%x", eax);
}

static void five_levels(void)
{
	u64 flags = EFER_LME | EFER_NXE;
	u32 eax;

	if (!(cpuid(7, 0).ecx & BIT32(16))) {
		skip("modes.five_levels", "the CPU has no LA57");
		return;
	}
	memset(at(WINDOW), 0x55, 4);
	eax = mode_call(CR0_PAGED, addr(root5), CR4_PAE | CR4_LA57, flags, addr(check_long));
	check(eax == 0x55555555, "modes.five_levels", "EAX = 0x%x", eax);
	eax = mode_call(CR0_PAGED, addr(page_root), CR4_PAE, flags, addr(check_long));
	check(eax == 0x55555555, "modes.four_levels_again", "EAX = 0x%x", eax);
}

/* Real-mode code, position-dependent on REAL_CODE only in its vector. */
extern u8 real_code[], real_code_end[];
__asm__(".text\n.code16\n"
	".set RC, 0x9000\n"
	"real_code:\n"
	"	movw $(RC + real_int - real_code), 0x60 * 4\n"
	"	movw $0, 0x60 * 4 + 2\n"
	"	movl $0, 0x8f00\n"
	"	int $0x60\n"
	"	int $0x60\n"
	"	mov $0x8f0, %ax\n" /* the same byte through another segment */
	"	mov %ax, %fs\n"
	"	movw %fs:0, %ax\n"
	"	movw %ax, 0x8f04\n"
	"	mov $0x8f10, %di\n"
	"	mov $0xabab, %ax\n"
	"	mov $8, %cx\n"
	"	cld\n"
	"	rep stosw\n"
	"	in $0x21, %al\n"
	"	movb %al, 0x8f06\n"
	"	xor %eax, %eax\n"
	"	cpuid\n"
	"	movb %al, 0x8f07\n"
	"	pushf\n"
	"	pop %ax\n"
	"	movw %ax, 0x8f08\n"
	/* a segment with a 4 GiB limit from protected mode stays so */
	"	mov %cr0, %eax\n"
	"	or $1, %al\n"
	"	mov %eax, %cr0\n"
	"	mov $0x10, %bx\n"
	"	mov %bx, %es\n"
	"	and $0xfe, %al\n"
	"	mov %eax, %cr0\n"
	"	mov $0xfee00030, %edi\n"
	"	movl %es:(%edi), %ecx\n" /* device memory from real mode */
	"	movl %ecx, 0x8f20\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %es\n"
	"	mov $0x600d, %eax\n"
	"	ret\n"
	"real_int: incw 0x8f00\n"
	"	iret\n"
	"real_code_end:\n"
	".code64\n");

static void real_mode(void)
{
	volatile u8 *data = at(REAL_DATA);
	u32 eax, version = apic_read(APIC_VERSION);

	memcpy(at(REAL_CODE), real_code, (size_t)(real_code_end - real_code));
	eax = mode_real();
	check(eax == 0x600d, "modes.real", "EAX = 0x%x", eax);
	check(data[0] == 2, "modes.real_interrupts", "%u of 2", data[0]);
	check(data[4] == 2, "modes.real_segments", "0x%x", data[4]);
	check(data[0x10] == 0xab && data[0x1f] == 0xab, "modes.real_strings", "0x%x 0x%x",
	      data[0x10], data[0x1f]);
	check(data[6] == 0xff && data[7] == cpuid(0, 0).eax, "modes.real_port_and_cpuid",
	      "0x%x 0x%x", data[6], data[7]);
	check((data[9] & 2) == 0, "modes.real_flags", "FLAGS = 0x%x%02x", data[9], data[8]);
	check(*(volatile u32 *)(data + 0x20) == version, "modes.real_device_memory",
	      "0x%x, not 0x%x", *(volatile u32 *)(data + 0x20), version);
}

void guest_main(void)
{
	u32 one = 0x1111, two = 0x2222;

	make_tables();
	memcpy(frames[0], &one, 4);
	memcpy(frames[1], &two, 4);
	protected_mode();
	paged("modes.two_levels", "modes.two_levels_remap", addr(legacy_root), CR4_PSE,
	      legacy_table);
	paged("modes.pae", "modes.pae_remap", addr(pae_root), CR4_PAE, pae_table);
	five_levels();
	real_mode();
	check(PROBE("ud2", , ) == EXC_UD, "modes.back_in_long_mode", "no exceptions any more");
}
