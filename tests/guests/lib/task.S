/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 32-bit half of tests/guests/task.c: what the tasks do. task_main is called by mode_call(). It
 * becomes the task TASK_A and calls *task_action, which switches tasks and returns; the others are
 * started at task_body and note down what they find. Nothing here judges.
 *
 * All addresses are absolute: segments have base 0, and memory is mapped to itself.
 */

#define SEL_DATA  0x10
#define TASK_A    0x40
#define TASK_B    0x48
#define TASK_C    0x50
#define TASK_X    0x70			/* the descriptor that a test has made */
#define GATE_B    0x68
#define LOW_CODE  0x9000		/* where 16-bit code runs */
#define LOW_DATA  0x8f00
#define SEEN_SIZE 128			/* struct seen of task.c */

	.bss
	.balign 16
	.global task_action, task_after, task_trap, task_seen, task_gdtr, task_idtr, task_ring0
main_esp:	.long 0
task_action:	.long 0
task_after:	.fill 8, 4, 0		/* registers behind the switch */
task_ring0:	.fill 4, 4, 0		/* count, ESP, SS, TR in the handler of vector 0x40 */
task_trap:	.fill 8, 4, 0		/* struct trap32 of task.c */
task_seen:	.fill 4 * SEEN_SIZE
task_gdtr:	.fill 8
task_idtr:	.fill 8

	.text
	.code32
	.global task_main, task_exit
task_main:
	pusha
	mov %esp, main_esp
	lgdt task_gdtr
	lidt task_idtr
	mov $TASK_A, %eax
	ltr %ax
	call *task_action
task_exit:				/* any task may end the test, in ring 0 */
	mov $SEL_DATA, %eax
	mov %eax, %ss
	mov main_esp, %esp
	mov %eax, %ds
	mov %eax, %es
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	lldt %ax
	mov %eax, %dr7
	push $2
	popf
	popa
	ret

	/* What TASK_A does. */
	.macro patterns
	mov $0xa0000000, %eax
	mov $0xa0000001, %ecx
	mov $0xa0000002, %edx
	mov $0xa0000003, %ebx
	mov $0xa0000005, %ebp
	mov $0xa0000006, %esi
	mov $0xa0000007, %edi
	.endm
	.macro after
	mov %eax, task_after
	mov %ecx, task_after + 4
	mov %edx, task_after + 8
	mov %ebx, task_after + 12
	mov %esp, task_after + 16
	mov %ebp, task_after + 20
	mov %esi, task_after + 24
	mov %edi, task_after + 28
	.endm
	.macro action name:req
	.global act_\name, at_\name, next_\name
act_\name:
	push %ebx
	push %esi
	push %edi
	push %ebp
	patterns
	.endm
	.macro action_end
	after
	pop %ebp
	pop %edi
	pop %esi
	pop %ebx
	ret
	.endm

	action jmp
at_jmp:	ljmp $TASK_B, $0
next_jmp:
	action_end

	action call
at_call: lcall $TASK_B, $0
next_call:
	action_end

	action twice
at_twice: lcall $TASK_B, $0
	lcall $TASK_B, $0
next_twice:
	action_end

	action gate
at_gate: lcall $GATE_B, $0
next_gate:
	action_end

	action x
at_x:	ljmp $TASK_X, $0
next_x:
	action_end

	action int
at_int:	int $0x41
next_int:
	action_end

	action int3
at_int3: int3
next_int3:
	action_end

	action irq
	movl $0x44042, 0xfee00300	/* to this CPU itself: vector 0x42 */
at_irq:	sti
	nop
	nop
	nop
	cli
next_irq:
	action_end

	action nmi
	movl $0, 0xfee00310
	movl $0x4400, 0xfee00300	/* to CPU 0 */
at_nmi:	jmp 1f				/* TCG looks for interrupts at jumps */
1:	nop
	movl $0x4400, 0xfee00300
	jmp 1f
1:	nop
next_nmi:
	action_end

	action ud
at_ud:	ud2
next_ud:
	action_end

	action gp
	mov $0x1003, %eax
at_gp:	mov %eax, %fs
next_gp:
	action_end

	action pf
	mov $0x2001000, %eax
at_pf:	mov (%eax), %eax
next_pf:
	action_end

	action iret
	pushf
	orl $0x4000, (%esp)
	popf
at_iret: iret
next_iret:
	action_end

	/* The common program of the other tasks; SEEN is at task_seen by the number of the task. */
	.global task_body, next_iret_body, next_jmp_body
task_body:
	push %ebx
	push %eax
	xor %eax, %eax
	str %ax
	shl $4, %eax
	lea task_seen - TASK_A * 16(%eax), %ebx
	pop %eax
	mov %eax, (%ebx)
	mov %ecx, 4(%ebx)
	mov %edx, 8(%ebx)
	pop %eax
	mov %eax, 12(%ebx)
	mov %esp, 16(%ebx)
	mov %ebp, 20(%ebx)
	mov %esi, 24(%ebx)
	mov %edi, 28(%ebx)
	pushf
	pop %eax
	mov %eax, 32(%ebx)
	xor %eax, %eax
	str %ax
	mov %eax, 36(%ebx)
	mov %ds, 48(%ebx)
	mov %es, 52(%ebx)
	mov %fs, 56(%ebx)
	mov %gs, 60(%ebx)
	mov %ss, 64(%ebx)
	mov %cs, 68(%ebx)
	sldt %ax
	mov %eax, 72(%ebx)
	mov (%esp), %eax
	mov %eax, 84(%ebx)
	mov 0x2000000, %eax
	mov %eax, 80(%ebx)
	incl 92(%ebx)
	testb $3, 68(%ebx)
	jnz 1f
	mov %cr3, %eax
	mov %eax, 40(%ebx)
	mov %cr0, %eax
	mov %eax, 44(%ebx)
	clts
	mov %dr7, %eax
	mov %eax, 76(%ebx)
	mov %cr2, %eax
	mov %eax, 88(%ebx)
1:	mov 100(%ebx), %eax		/* over the instruction that faulted in the old task */
	test %eax, %eax
	jz 2f
	mov 108(%ebx), %ecx
	add %eax, 0x20(%ecx)
2:	cmpl $0, 112(%ebx)		/* its error code */
	je 7f
	add $4, %esp
7:	cmpl $0, 104(%ebx)
	je 3f
	movl $0, 0xfee000b0
3:	mov 96(%ebx), %eax
	cmp $1, %eax
	je 4f
	cmp $2, %eax
	je task_exit
	cmp $3, %eax
	je 5f
	cmp $4, %eax
	jne 6f
	int $0x40
	jmp 6f
5:	lcall $TASK_C, $0
6:	iret
next_iret_body:
	jmp task_body
4:	ljmp $TASK_A, $0
next_jmp_body:
	jmp task_body

	/* Interrupt gate at vector 0x40, for ring 3. */
	.global task_ring0_entry
task_ring0_entry:
	push %eax
	incl task_ring0
	mov %esp, task_ring0 + 4
	xor %eax, %eax
	mov %ss, %ax
	mov %eax, task_ring0 + 8
	str %ax
	mov %eax, task_ring0 + 12
	pop %eax
	iret

	/* Exceptions that go through interrupt gates: noted down; the end of the test. */
	.balign 16
	.global task_vectors
task_vectors:
	.set v, 0
	.rept 32
	.balign 16
	.if !((v == 8) || (v >= 10 && v <= 14) || (v == 17) || (v == 21))
	push $0
	.endif
	push $v
	jmp 1f
	.set v, v + 1
	.endr
1:	mov $SEL_DATA, %eax
	mov %eax, %ds
	pop task_trap			/* vector, error, EIP, CS, EFLAGS */
	pop task_trap + 4
	pop task_trap + 8
	pop task_trap + 12
	pop task_trap + 16
	xor %eax, %eax
	str %ax
	mov %eax, task_trap + 20
	mov %cr2, %eax
	mov %eax, task_trap + 24
	mov %dr6, %eax
	mov %eax, task_trap + 28
	jmp task_exit

	/* Copied to LOW_CODE: a task of a 16-bit TSS, and one in virtual-8086 mode. */
	.code16
	.global task_low, task_low_end, task16, task86, at_hlt86
task_low:
task16:
	mov %ax, LOW_DATA
	mov %bx, LOW_DATA + 2
	mov %sp, LOW_DATA + 4
	str LOW_DATA + 6
	mov %fs, %ax
	mov %ax, LOW_DATA + 8
	pushf
	pop %ax
	mov %ax, LOW_DATA + 10
	mov $0x1616, %ax
	iret
	jmp task16
task86:
	mov %ax, LOW_DATA
	mov %cs, %ax
	mov %ax, LOW_DATA + 2
	mov %fs, %ax
	mov %ax, LOW_DATA + 4
	movw %es:0, %ax
	mov %ax, LOW_DATA + 6
at_hlt86: hlt
task_low_end:
