/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start of an application processor: copied to a page below 1 MiB, entered in real mode with CS =
 * page << 8. Goes straight to long mode on the tables in ap_args, which map this page at its own
 * address.
 */
	.section .rodata
	.balign 16
	.code16
	.globl ap_start, ap_args, ap_end
ap_start:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	xorl %ebx, %ebx
	movw %ax, %bx
	shll $4, %ebx			/* EBX = physical address of this page */
	leal (gdt - ap_start)(%ebx), %eax
	movl %eax, gdt_ptr - ap_start + 2
	leal (ap_long - ap_start)(%ebx), %eax
	movl %eax, far_ptr - ap_start
	lgdtl gdt_ptr - ap_start
	movl %cr4, %eax
	orl $0x20, %eax
	movl %eax, %cr4
	movl ap_args - ap_start, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x900, %eax
	wrmsr
	movl $0x80010001, %eax		/* PG, WP, PE; caches on */
	movl %eax, %cr0
	ljmpl *(far_ptr - ap_start)

	.code64
ap_long:
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	movq (ap_args - ap_start + 8)(%rbx), %rsp
	movq (ap_args - ap_start + 16)(%rbx), %rax
	xorl %ebp, %ebp
	call *%rax

	.balign 8
gdt:
	.quad 0
	.quad 0x00af9a000000ffff
gdt_ptr:
	.short 15
	.long 0
far_ptr:
	.long 0
	.short 8
	.balign 8
ap_args:
	.skip 24
ap_end:
	.section .note.GNU-stack, "", @progbits
