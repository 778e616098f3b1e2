/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry of a test program. A multiboot1 loader enters in 32-bit protected mode; application
 * processors come from real mode through a trampoline that smp.c copies to TRAMPOLINE. Both go to
 * 64-bit mode over page tables that map the low 4 GiB to themselves.
 */

#define STACK_SIZE 0x4000
#define MAX_CPUS   8
#define MB_FLAGS   3

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
	ljmp $0x18, $enter_long

ap_enter32:
	mov $0x10, %eax
	mov %eax, %ds
	mov ap_index, %ebp
enter_long:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov $0x20, %eax			/* PAE */
	mov %eax, %cr4
	mov $page_root, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx		/* EFER: LME, NXE */
	xor %edx, %edx
	mov $0x900, %eax
	wrmsr
	mov $0x80010021, %eax		/* PG, WP, NE, PE */
	mov %eax, %cr0
	lea 1(%ebp), %esp
	imul $STACK_SIZE, %esp
	add $stacks, %esp
	ljmp $0x08, $start64

	.code64
start64:
	mov %ebp, %edi
	xor %ebp, %ebp
	call cpu_main
1:	hlt
	jmp 1b

	.data
	.align 16
	.global gdt
gdt:	.quad 0
	.quad 0x00af9b000000ffff	/* 08: 64-bit code */
	.quad 0x00cf93000000ffff	/* 10: data */
	.quad 0x00cf9b000000ffff	/* 18: 32-bit code */
	.quad 0x00009b000000ffff	/* 20: 16-bit code, base 0 */
	.quad 0x000093000000ffff	/* 28: 16-bit data, base 0 */
	.quad 0x00cff3000000ffff	/* 33: user data */
	.quad 0x00affb000000ffff	/* 3b: user 64-bit code */
	.fill 2 * MAX_CPUS, 8, 0	/* 40: a TSS for each CPU */
gdt_end:
gdt_pointer:
	.word gdt_end - gdt - 1
	.quad gdt

	.align 4
	.global boot_magic, boot_info, ap_index
boot_magic:	.long 0
boot_info:	.long 0
ap_index:	.long 0

	/*
	 * The low 4 GiB; device memory in the last one uncached; for the supervisor (page_user()
	 * opens one)
	 */
	.balign 4096
	.global page_root, page_l3, page_l2
page_root:
	.quad page_l3 + 7
	.fill 511, 8, 0
page_l3:
	.quad page_l2 + 7, page_l2 + 0x1007, page_l2 + 0x2007, page_l2 + 0x3007
	.fill 508, 8, 0
page_l2:
	.set i, 0
	.rept 1536
	.quad i * 0x200000 + 0x83
	.set i, i + 1
	.endr
	.rept 512
	.quad i * 0x200000 + 0x9b
	.set i, i + 1
	.endr

	.bss
	.balign 16
stacks:	.fill STACK_SIZE * MAX_CPUS
