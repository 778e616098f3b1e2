/* SPDX-License-Identifier: BSD-2-Clause */
/* The 256 entry points of the IDT, and the way to trap(struct frame *) and back. */

	.text
	.code32
	.balign 16
	.global vectors
vectors:
	.set v, 0
	.rept 256
	.balign 16
	.if !((v == 8) || (v >= 10 && v <= 14) || (v == 17) || (v == 21))
	push $0				/* stands in for the error code */
	.endif
	push $v
	jmp common
	.set v, v + 1
	.endr

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
