/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry of a 32-bit test program: protected mode without paging. */

#define ENTRY_CODE 0x08
#define ENTRY_DATA 0x33 /* the user's: it stays valid through user mode */
#define GDT_CODE   0x00cf9b000000ffff /* 32 bits */
#define GDT_UCODE  0x00cffb000000ffff

#include "tests/guests/lib/start.inc"

	mov $0x21, %eax			/* NE, PE */
	mov %eax, %cr0
	mov %ebp, %eax
	xor %ebp, %ebp
	sub $12, %esp
	push %eax
	call cpu_main
1:	hlt
	jmp 1b
