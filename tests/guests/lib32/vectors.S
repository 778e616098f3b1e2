/* SPDX-License-Identifier: BSD-2-Clause */
/* The entry points of the IDT, and the way to trap(struct frame *) and back. */

	.text
	.code32

#include "tests/guests/lib/vectors.inc"

common:
	pusha
	cld
	mov %esp, %ebx
	and $-16, %esp
	sub $12, %esp
	push %ebx
	call trap
	mov %ebx, %esp
	popa
	add $8, %esp
	iret
