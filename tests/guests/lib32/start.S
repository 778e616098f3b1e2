/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry of a 32-bit test program: protected mode without paging, for the first CPU from a
 * multiboot1 loader, for others from the trampoline.
 */

#define STACK_SIZE 0x4000
#define MAX_CPUS   8
#define MB_FLAGS   3
#define SEL_UDATA  0x33

	.section .multiboot, "a"
	.align 4
	.long 0x1badb002, MB_FLAGS, -(0x1badb002 + MB_FLAGS)

	.text
	.code32
	.global _start, ap_enter32
_start:
	cli
	cld
	mov %eax, boot_magic
	mov %ebx, boot_info
	xor %ebp, %ebp			/* index of this CPU */
	lgdt gdt_pointer
	ljmp $0x08, $enter

ap_enter32:
	mov $0x10, %eax
	mov %eax, %ds
	mov ap_index, %ebp
	ljmp $0x08, $enter
enter:
	mov $SEL_UDATA, %eax		/* stays valid through user mode */
	mov %eax, %ds
	mov %eax, %es
	mov $0x10, %eax
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov $0x21, %eax			/* NE, PE */
	mov %eax, %cr0
	lea 1(%ebp), %esp
	imul $STACK_SIZE, %esp
	add $stacks, %esp
	mov %ebp, %eax
	xor %ebp, %ebp
	sub $12, %esp
	push %eax
	call cpu_main
1:	hlt
	jmp 1b

	.data
	.align 16
	.global gdt
gdt:	.quad 0
	.quad 0x00cf9b000000ffff	/* 08: 32-bit code */
	.quad 0x00cf93000000ffff	/* 10: data */
	.quad 0x00cf9b000000ffff	/* 18: the same code, for the trampoline */
	.quad 0x00009b000000ffff	/* 20: 16-bit code, base 0 */
	.quad 0x000093000000ffff	/* 28: 16-bit data, base 0 */
	.quad 0x00cff3000000ffff	/* 33: user data */
	.quad 0x00cffb000000ffff	/* 3b: user code */
	.fill 2 * MAX_CPUS, 8, 0	/* 40: a TSS for each CPU, 16 bytes apart */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.long gdt

	.align 4
	.global boot_magic, boot_info, ap_index
boot_magic:	.long 0
boot_info:	.long 0
ap_index:	.long 0

	.bss
	.balign 16
stacks:	.fill STACK_SIZE * MAX_CPUS
