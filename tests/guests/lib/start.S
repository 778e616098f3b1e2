/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry of a 64-bit test program, over page tables that map the low 4 GiB to themselves. */

#define ENTRY_CODE 0x18
#define ENTRY_DATA 0x10
#define GDT_CODE   0x00af9b000000ffff /* 64 bits */
#define GDT_UCODE  0x00affb000000ffff

#include "tests/guests/lib/start.inc"

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
	ljmp $0x08, $start64

	.code64
start64:
	mov %ebp, %edi
	xor %ebp, %ebp
	call cpu_main
1:	hlt
	jmp 1b

	.data
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
