/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt lines of the machine, and what became of an edge on them. vm_irq_set() itself is
 * declared in vdev.h. Everything here runs with the chipset lock held.
 */
#pragma once

#include "lib/types.h"

struct vm;

/* Ordered: the larger one wins when a line reaches two controllers. */
enum virq_result {
	VIRQ_IGNORED,   /* masked everywhere: nobody listens */
	VIRQ_MERGED,    /* joined an interrupt that the guest has not taken yet */
	VIRQ_DELIVERED, /* a new interrupt */
};

/* A rising edge: drops the line and raises it, which is how a timer ticks. */
enum virq_result virq_pulse(struct vm *vm, u32 gsi);
/* The PICs' INTR output changed: tells LINT0 of every local APIC, and pin 0 of the I/O APIC. */
void virq_pic_output(struct vm *vm, bool level);
