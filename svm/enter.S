/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world switch.
 *
 *	svm_switch(struct vcpu *v, u64 vmcb, u64 host_vmcb)
 *
 * runs the guest of v once and continues in svm_exited(v), whose result it returns. RAX, RSP, RIP
 * and RFLAGS travel in the VMCB.
 *
 * GIF is 0 from CLGI to STGI, so that nothing, not even an NMI, comes while GS, TR and the stack
 * table behind it are the guest's. Inside, IF is 1: a physical interrupt is held off by GIF, but
 * makes the guest exit. STI stands away from VMRUN, or its shadow would be taken into the guest.
 * After #VMEXIT GIF is 0; first IF, then GIF goes back to what the hypervisor runs with, so a
 * pending NMI is taken at STGI with all of the host's state in place, an interrupt at the next
 * window.
 */

#include "vm/switch.inc"

.text
.global svm_switch
.type svm_switch, @function
svm_switch:
	push_callees
	push	%rdx
	push	%rdi
	mov	%rsi, %rax
	clgi
	sti
	load_gprs
	vmload	%rax
.global svm_vmrun
svm_vmrun:
	vmrun	%rax
	vmsave	%rax
	pop	%rax
	mov	%rdi, GPR(7)(%rax)
	store_gprs %rax
	mov	%rax, %rdi
	pop	%rax
	vmload	%rax
	cli
	stgi
	pop_callees
	jmp	svm_exited
.size svm_switch, . - svm_switch
