/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out of 64-bit mode and back: runs a function in another mode of the CPU. There is no IDT there,
 * so the function must not fault.
 *
 *	u32 mode_call(u64 cr0, u64 cr3, u64 cr4, u64 efer, u64 entry)
 *
 * Leaves long mode, loads the registers, and calls entry: in 64-bit mode if efer has LME and cr0
 * has PG, otherwise in 32-bit protected mode, with or without paging. The low 16 MiB must be mapped
 * to themselves wherever paging is on. Returns EAX of the function.
 *
 *	u32 mode_real(void)
 *
 * Runs real_code, of which modes.c's program has put a copy at REAL_CODE, in real mode at
 * 0000:REAL_CODE; it ends with a near return. Returns EAX of it.
 */

#define REAL_CODE  0x9000
#define REAL_STUB  0x8e00
#define REAL_STACK 0x7000
#define EFER_LME   0x100

	.bss
	.balign 8
save_cr0:  .quad 0
save_cr3:  .quad 0
save_cr4:  .quad 0
save_efer: .quad 0
save_rsp:  .quad 0
save_idt:  .fill 16
result:    .long 0

	.text
	.code64
	.macro enter_compat
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	sidt save_idt
	mov %cr0, %rax
	mov %rax, save_cr0
	mov %cr3, %rax
	mov %rax, save_cr3
	mov %cr4, %rax
	mov %rax, save_cr4
	mov %rsp, save_rsp
	.endm

	.global mode_call
mode_call:
	enter_compat
	mov %edi, %ebx			/* CR0 */
	mov %edx, %edi			/* CR4; ESI is CR3 */
	mov %ecx, %edx			/* EFER */
	mov %r8d, %ebp			/* entry */
	pushq $0x18
	pushq $1f
	lretq
	.code32
1:	mov $0x10, %eax
	mov %eax, %ss
	mov %eax, %ds
	mov %eax, %es
	mov save_rsp, %esp
	push %edx
	mov $0x11, %eax			/* paging off */
	mov %eax, %cr0
	mov $0xc0000080, %ecx
	rdmsr
	mov %eax, save_efer
	pop %eax
	xor %edx, %edx
	wrmsr
	mov %edi, %cr4
	mov %esi, %cr3
	mov %ebx, %cr0
	jmp 2f
2:	test $EFER_LME, %eax
	jz 3f
	test %ebx, %ebx			/* PG is the sign */
	jns 3f
	ljmp $0x08, $4f
3:	call *%ebp
	jmp leave32
	.code64
4:	mov %ebp, %ebp
	call *%rbp
	mov %eax, result
	pushq $0x18
	pushq $5f
	lretq
	.code32
5:	mov result, %eax
leave32:
	mov %eax, result
	mov $0x11, %eax
	mov %eax, %cr0
	mov $0xc0000080, %ecx
	mov save_efer, %eax
	xor %edx, %edx
	wrmsr
	mov save_cr4, %eax
	mov %eax, %cr4
	mov save_cr3, %eax
	mov %eax, %cr3
	mov save_cr0, %eax
	mov %eax, %cr0
	ljmp $0x08, $6f
	.code64
6:	mov save_rsp, %rsp
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	lidt save_idt
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	mov result, %eax
	ret

	.global mode_real
mode_real:
	enter_compat
	/* The way down and up must lie below 64 KiB. */
	mov $real_stub, %esi
	mov $REAL_STUB, %edi
	mov $(real_stub_end - real_stub), %ecx
	rep movsb
	pushq $0x18
	pushq $1f
	lretq
	.code32
1:	mov $0x10, %eax
	mov %eax, %ss
	mov %eax, %ds
	mov $0x11, %eax
	mov %eax, %cr0
	mov $0xc0000080, %ecx
	rdmsr
	mov %eax, save_efer
	xor %eax, %eax
	xor %edx, %edx
	wrmsr
	mov %eax, %cr4
	ljmp $0x20, $REAL_STUB

real_stub:
	.code16
	mov $0x28, %ax			/* their limits stay in real mode */
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %fs
	mov %ax, %ss
	mov %ax, %fs
	mov %ax, %gs
	mov $0x10, %eax
	mov %eax, %cr0
	ljmp $0, $(REAL_STUB + (1f - real_stub))
1:	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $REAL_STACK, %sp
	lidtl REAL_STUB + (real_idt - real_stub)
	mov $REAL_CODE, %ax
	call *%ax
	cli
	mov %eax, %ebx
	mov $0x11, %eax
	mov %eax, %cr0
	ljmpl $0x18, $real_back
	.balign 4
real_idt:
	.word 0x3ff
	.long 0
real_stub_end:

	.code32
real_back:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov save_rsp, %esp
	mov %ebx, %eax
	jmp leave32
