/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world switch.
 *
 *	vmx_switch(struct vcpu *v, struct vmx_vcpu *s)
 *
 * runs the guest of v once and continues in vmx_exited(v), or in vmx_refused(v) if there was no
 * entry, and returns the result. struct vcpu begins with the general registers in encoding order;
 * RSP, RIP and RFLAGS travel in the VMCS. struct vmx_vcpu begins with the stack pointer that the
 * VMCS holds for the hypervisor, and with whether VMRESUME is due.
 *
 * VM-exit loads all of the hypervisor's state at once, with IF = 0: a physical interrupt stays
 * pending until the next window. An NMI that ended the guest is blocked until vmx/exit.c has
 * raised it.
 */

#define GPR(n)        (8 * (n))
#define HOST_RSP      0 /* in struct vmx_vcpu */
#define LAUNCHED      8
#define VMCS_HOST_RSP 0x6c14

.text
.global vmx_switch
.type vmx_switch, @function
vmx_switch:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	cmp	%rsp, HOST_RSP(%rsi)
	je	1f
	mov	%rsp, HOST_RSP(%rsi)
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
1:	cmpb	$0, LAUNCHED(%rsi)
	mov	GPR(0)(%rdi), %rax
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
	je	2f
	vmresume
	jmp	3f
2:	vmlaunch
	/* No entry: the guest's registers are in struct vcpu as they were. */
3:	pop	%rdi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	jmp	vmx_refused

.global vmx_exit_point
vmx_exit_point:
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rax, GPR(0)(%rdi)
	mov	%rcx, GPR(1)(%rdi)
	mov	%rdx, GPR(2)(%rdi)
	mov	%rbx, GPR(3)(%rdi)
	mov	%rbp, GPR(5)(%rdi)
	mov	%rsi, GPR(6)(%rdi)
	mov	%r8, GPR(8)(%rdi)
	mov	%r9, GPR(9)(%rdi)
	mov	%r10, GPR(10)(%rdi)
	mov	%r11, GPR(11)(%rdi)
	mov	%r12, GPR(12)(%rdi)
	mov	%r13, GPR(13)(%rdi)
	mov	%r14, GPR(14)(%rdi)
	mov	%r15, GPR(15)(%rdi)
	pop	GPR(7)(%rdi)
	pop	%rdi
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	jmp	vmx_exited
.size vmx_switch, . - vmx_switch
