/* SPDX-License-Identifier: BSD-2-Clause */
/* user64.S for 32-bit mode: int pg_go_user(va, stub, struct tss *, value). */

#include "tests/guests/paging/user.inc"

	.code32
	.section .text.user, "ax"
	.balign 4096
	.global pg_stubs, pg_stub_end
pg_stubs:
	stub pg_stub_read "mov (%edi), %eax"
	stub pg_stub_write "mov %eax, (%edi)"
	.balign 16
	.global pg_stub_fetch
pg_stub_fetch:
	jmp *%edi
	.balign 16
pg_stub_end:
	int $VECTOR
	.balign 4096

	.text
	.global pg_go_user, pg_user_back
pg_go_user:
	push %ebx
	push %ebp
	push %esi
	push %edi
	mov 20(%esp), %edi
	mov 24(%esp), %ecx
	mov 28(%esp), %edx
	mov 32(%esp), %eax
	mov %esp, %ebx			/* stays through user mode */
	mov %esp, %ebp
	add pg_stack_shift, %ebp
	mov %ebp, 4(%edx)		/* ESP0 */
	push $SEL_UDATA
	push $0
	push $2
	push $SEL_UCODE
	push %ecx
	iret
pg_user_back:
	mov %ebx, %esp
	pop %edi
	pop %esi
	pop %ebp
	pop %ebx
	ret

	.global pg_ret
pg_ret:
	ret

	.bss
	.balign 4
	.global pg_stack_shift
pg_stack_shift:
	.long 0
