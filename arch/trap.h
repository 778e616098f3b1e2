/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions and interrupts of the hypervisor itself. */
#pragma once

#include "lib/types.h"

#define TRAP_STUB_SIZE 16

extern char trap_stubs[];

/* As pushed by arch/trap.S. */
struct trap_frame {
	u64 gpr[15]; /* rax rcx rdx rbx rbp rsi rdi r8..r15 */
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

/* Vectors. */
#define VEC_IRQ_BASE 0x30 /* host ISA interrupt n arrives at VEC_IRQ_BASE + n */
#define VEC_TIMER    0xf0
#define VEC_REQUEST  0xf1
#define VEC_SPURIOUS 0xff

/* Handler for an interrupt vector; runs with interrupts off and no lock held. Boot CPU, once. */
void trap_set_irq(u8 vector, void (*fn)(u8 vector));
/*
 * An interrupt that the CPU has acknowledged without delivering it: what its delivery would have
 * come to. Interrupts off, no lock held.
 */
void trap_irq(u8 vector);
