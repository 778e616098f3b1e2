/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O APIC with 24 pins at VM_IOAPIC_BASE. Source: Intel "82093AA I/O Advanced Programmable
 * Interrupt Controller (IOAPIC)" datasheet. Chipset lock held unless said otherwise.
 */
#pragma once

#include "lib/types.h"

#include "vm/dev/virq.h"

struct vm;

#define VIOAPIC_PINS 24

int vioapic_create(struct vm *vm) __must_check;
void vioapic_reset(struct vm *vm);
void vioapic_destroy(struct vm *vm);
enum virq_result vioapic_set(struct vm *vm, u32 pin, bool level);
/* A local APIC ended a level-triggered interrupt. Takes the chipset lock. */
void vioapic_eoi(struct vm *vm, u8 vector);
