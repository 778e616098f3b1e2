/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * void thread_switch(u64 *save_rsp, u64 load_rsp)
 * Saves what a C call must preserve, changes stacks, restores. A new thread's stack is built so
 * that the return goes to thread_start (arch/thread.c).
 */
	.text
	.globl thread_switch
thread_switch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.section .note.GNU-stack, "", @progbits
