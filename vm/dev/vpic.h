/* SPDX-License-Identifier: BSD-2-Clause */
/* The pair of 8259A interrupt controllers with their edge/level registers. Source: Intel "8259A
 * Programmable Interrupt Controller" datasheet; Intel 82371AB (PIIX4) datasheet for ELCR.
 * Chipset lock held unless said otherwise. */
#pragma once

#include "lib/types.h"

#include "vm/dev/virq.h"

struct vm;

int vpic_create(struct vm *vm) __must_check;
void vpic_reset(struct vm *vm);
void vpic_destroy(struct vm *vm);
enum virq_result vpic_set(struct vm *vm, u32 irq, bool level);
/* The INTR output; any CPU, no lock. */
bool vpic_pending(const struct vm *vm);
/* The CPU's interrupt acknowledge: the vector (spurious: IRQ 7). Takes the chipset lock. */
int vpic_ack(struct vm *vm);
