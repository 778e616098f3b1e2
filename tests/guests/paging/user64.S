/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One access in user mode: int pg_go_user(va, stub, struct tss *, value). The return value is what
 * the stub read. A fault in a stub goes on behind the access (ex_table).
 */

#include "tests/guests/paging/user.inc"

	.section .text.user, "ax"
	.balign 4096
	.global pg_stubs, pg_stub_end
pg_stubs:
	stub pg_stub_read "mov (%rdi), %eax"
	stub pg_stub_write "mov %eax, (%rdi)"
	.balign 16
	.global pg_stub_fetch
pg_stub_fetch:
	jmp *%rdi
	.balign 16
pg_stub_end:
	int $VECTOR
	.balign 4096

	.text
	.global pg_go_user, pg_user_back
pg_go_user:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, %r12			/* stays through user mode */
	mov %rsp, %rax
	add pg_stack_shift, %rax
	mov %rax, 4(%rdx)		/* RSP0 */
	mov %ecx, %eax
	pushq $SEL_UDATA
	pushq $0
	pushq $2
	pushq $SEL_UCODE
	push %rsi
	iretq
pg_user_back:
	mov %r12, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

	/* Supervisor fetch that faults: the return address is on the stack already. */
	.global pg_ret
pg_ret:
	ret

/*
 * void pg_set_la57(u64 cr3, u64 cr4): from a root to another of other depth, by way of 32-bit code.
 */
	.global pg_set_la57
pg_set_la57:
	push %rbx
	pushq $0x18
	pushq $1f
	lretq
	.code32
1:	mov %cr0, %eax
	mov %eax, %ebx
	and $0x7fffffff, %eax
	mov %eax, %cr0
	mov %esi, %cr4
	mov %edi, %cr3
	mov %ebx, %cr0
	ljmp $0x08, $2f
	.code64
2:	pop %rbx
	ret

	.bss
	.balign 8
	.global pg_stack_shift
pg_stack_shift:
	.quad 0
