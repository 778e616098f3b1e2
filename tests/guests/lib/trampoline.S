/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where an application processor starts, in real mode: a copy of this, which smp.c puts at
 * TRAMPOLINE. Goes on at ap_enter32 in protected mode.
 */

#define TRAMPOLINE 0x8000
#define GDT_BYTES  (24 * 8)

	.text
	.code16
	.global trampoline, trampoline_end
trampoline:
	cli
	cld
	xor %ax, %ax
	mov %ax, %ds
	lgdtl TRAMPOLINE + (tramp_gdt - trampoline)
	mov $0x11, %eax
	mov %eax, %cr0
	ljmpl $0x18, $ap_enter32
	.align 4
tramp_gdt:
	.word GDT_BYTES - 1
	.long gdt
trampoline_end:
