/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entry from GRUB: 32-bit protected mode, paging off, EAX = magic, EBX = information. Builds the
 * first page tables (identity and top 2 GiB, both only until arch/hostmap.c takes over), enters
 * long mode and calls boot_main(magic, info).
 * Source: Multiboot2 Specification "Machine state", "OS image format".
 */
#define PHYS(x) ((x) - 0xffffffff80000000)

#define MB2_MAGIC 0xe85250d6

	.section .multiboot2, "ax"
	.balign 8
mb2_header:
	.long MB2_MAGIC
	.long 0
	.long mb2_end - mb2_header
	.long -(MB2_MAGIC + 0 + (mb2_end - mb2_header))
	/* information request: memory map and ACPI, both needed; no flag, so their lack is ours
	 * to report */
	.balign 8
	.short 1, 1
	.long 5 * 4 + 8
	.long 1, 3, 6, 14, 15
	/* modules start on page borders */
	.balign 8
	.short 6, 0
	.long 8
	.balign 8
	.short 0, 0
	.long 8
mb2_end:

	.section .text.boot, "ax"
	.code32
	.globl _start
_start:
	cli
	cld
	/* The TSC here is the origin of "instructions to the first guest entry". */
	movl %eax, %esi
	rdtsc
	movl %eax, PHYS(tsc_boot)
	movl %edx, PHYS(tsc_boot + 4)
	movl $PHYS(boot_stack_top), %esp
	movl %esi, %edi
	movl %ebx, %esi

	/* Long mode present? CPUID itself is: multiboot2 needs a CPU that has it. */
	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb no_long_mode
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx
	jnc no_long_mode
	btl $20, %edx
	jnc no_nx

	/* 4 GiB identity and, the same tables, direct map; 1 GiB at -2 GiB. */
	movl $PHYS(boot_pdpt_low) + 3, PHYS(boot_pml4)
	movl $PHYS(boot_pdpt_low) + 3, PHYS(boot_pml4 + 256 * 8)
	movl $PHYS(boot_pdpt_high) + 3, PHYS(boot_pml4 + 511 * 8)
	movl $PHYS(boot_pd) + 3, PHYS(boot_pdpt_high + 510 * 8)
	movl $PHYS(boot_pd) + 3, %eax
	movl $PHYS(boot_pdpt_low), %ecx
	movl $4, %edx
1:	movl %eax, (%ecx)
	addl $4096, %eax
	addl $8, %ecx
	decl %edx
	jnz 1b
	movl $0x83, %eax
	movl $PHYS(boot_pd), %ecx
	movl $2048, %edx
2:	movl %eax, (%ecx)
	addl $0x200000, %eax
	addl $8, %ecx
	decl %edx
	jnz 2b

	movl %cr4, %eax
	orl $0x20, %eax			/* PAE */
	movl %eax, %cr4
	movl $PHYS(boot_pml4), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx		/* EFER: LME, NXE */
	rdmsr
	orl $0x900, %eax
	wrmsr
	movl %cr0, %eax
	orl $0x80010001, %eax		/* PG, WP, PE */
	movl %eax, %cr0
	lgdt PHYS(boot_gdt_ptr)
	ljmp $8, $PHYS(long_mode)

no_nx:	/* Source: Intel SDM 4 "IA32_MISC_ENABLE", XD Bit Disable */
	movl $PHYS(no_nx_text), %esi
	jmp 5f
no_long_mode:
	movl $PHYS(no_lm_text), %esi
5:	movw $0x3f8, %dx
3:	lodsb
	testb %al, %al
	jz 4f
	outb %al, %dx
	jmp 3b
4:	hlt
	jmp 4b

	.code64
long_mode:
	movabsq $long_mode_high, %rax
	jmp *%rax
long_mode_high:
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl %eax, %fs
	movl %eax, %gs
	movq $boot_stack_top, %rsp
	xorl %ebp, %ebp
	movl %edi, %edi
	movl %esi, %esi
	call boot_main
5:	hlt
	jmp 5b

	.section .rodata
no_lm_text:
	.asciz "umbra: this CPU has no 64-bit mode; Umbra needs an x86-64 CPU.\r\n"
no_nx_text:
	.asciz "umbra: NX is off; enable Execute Disable in the firmware's setup.\r\n"
	.balign 8
boot_gdt:
	.quad 0
	.quad 0x00af9a000000ffff
boot_gdt_ptr:
	.short 15
	.long PHYS(boot_gdt)

	.section .bss.boot_stack, "aw", @nobits
	.balign 4096
boot_stack:
	.skip 16384
boot_stack_top:

	.section .bss.boot_tables, "aw", @nobits
	.balign 4096
boot_pml4:
	.skip 4096
boot_pdpt_low:
	.skip 4096
boot_pdpt_high:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	.section .note.GNU-stack, "", @progbits
