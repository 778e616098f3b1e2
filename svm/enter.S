/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world switch.
 *
 *	svm_switch(struct vcpu *v, u64 vmcb, u64 host_vmcb)
 *
 * runs the guest of v once and continues in svm_exited(v), whose result it returns. struct vcpu
 * begins with the general registers in encoding order; RAX, RSP, RIP and RFLAGS travel in the VMCB.
 *
 * GIF is 0 from CLGI to STGI, so that nothing, not even an NMI, comes while GS, TR and the stack
 * table behind it are the guest's. Inside, IF is 1: a physical interrupt is held off by GIF, but
 * makes the guest exit. STI stands away from VMRUN, or its shadow would be taken into the guest.
 * After #VMEXIT GIF is 0; first IF, then GIF goes back to what the hypervisor runs with, so a
 * pending NMI is taken at STGI with all of the host's state in place, an interrupt at the next
 * window.
 */

#define GPR(n) (8 * (n))

.text
.global svm_switch
.type svm_switch, @function
svm_switch:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdx
	push	%rdi
	mov	%rsi, %rax
	clgi
	sti
	mov	GPR(1)(%rdi), %rcx
	mov	GPR(2)(%rdi), %rdx
	mov	GPR(3)(%rdi), %rbx
	mov	GPR(5)(%rdi), %rbp
	mov	GPR(6)(%rdi), %rsi
	mov	GPR(8)(%rdi), %r8
	mov	GPR(9)(%rdi), %r9
	mov	GPR(10)(%rdi), %r10
	mov	GPR(11)(%rdi), %r11
	mov	GPR(12)(%rdi), %r12
	mov	GPR(13)(%rdi), %r13
	mov	GPR(14)(%rdi), %r14
	mov	GPR(15)(%rdi), %r15
	mov	GPR(7)(%rdi), %rdi
	vmload	%rax
.global svm_vmrun
svm_vmrun:
	vmrun	%rax
	vmsave	%rax
	pop	%rax
	mov	%rdi, GPR(7)(%rax)
	mov	%rcx, GPR(1)(%rax)
	mov	%rdx, GPR(2)(%rax)
	mov	%rbx, GPR(3)(%rax)
	mov	%rbp, GPR(5)(%rax)
	mov	%rsi, GPR(6)(%rax)
	mov	%r8, GPR(8)(%rax)
	mov	%r9, GPR(9)(%rax)
	mov	%r10, GPR(10)(%rax)
	mov	%r11, GPR(11)(%rax)
	mov	%r12, GPR(12)(%rax)
	mov	%r13, GPR(13)(%rax)
	mov	%r14, GPR(14)(%rax)
	mov	%r15, GPR(15)(%rax)
	mov	%rax, %rdi
	pop	%rax
	vmload	%rax
	cli
	stgi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	jmp	svm_exited
.size svm_switch, . - svm_switch
