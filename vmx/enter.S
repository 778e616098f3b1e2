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
 * VM-exit loads all of the hypervisor's state at once, with IF = 0. The interrupt that
 * ended the guest is in service until vmx/exit.c has run its handler; an NMI is blocked until
 * vmx/exit.c has raised it.
 */

#include "vm/switch.inc"

#define HOST_RSP      0 /* in struct vmx_vcpu */
#define LAUNCHED      8
#define VMCS_HOST_RSP 0x6c14

.text
.global vmx_switch
.type vmx_switch, @function
vmx_switch:
	push_callees
	push	%rdi
	cmp	%rsp, HOST_RSP(%rsi)
	je	1f
	mov	%rsp, HOST_RSP(%rsi)
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
1:	cmpb	$0, LAUNCHED(%rsi)
	mov	GPR(0)(%rdi), %rax
	load_gprs
	je	2f
	vmresume
	jmp	3f
2:	vmlaunch
	/* No entry: the guest's registers are in struct vcpu as they were. */
3:	pop	%rdi
	pop_callees
	jmp	vmx_refused

.global vmx_exit_point
vmx_exit_point:
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rax, GPR(0)(%rdi)
	store_gprs %rdi
	pop	GPR(7)(%rdi)
	pop	%rdi
	pop_callees
	jmp	vmx_exited
.size vmx_switch, . - vmx_switch
