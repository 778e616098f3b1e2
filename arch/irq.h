/* SPDX-License-Identifier: BSD-2-Clause */
/* Host device interrupts: ISA lines through the I/O APIC. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

/* Masks the legacy PICs. */
void irq_init(void);
/* What ACPI says; called before any irq_request(). */
int irq_add_ioapic(hpa_t base, u32 gsi_base);
void irq_override(u8 isa, u32 gsi, bool active_low, bool level);
/* Routes an ISA interrupt; fn runs on the boot CPU, interrupts off, no lock held. -ENODEV when no
 * I/O APIC serves it. */
int irq_request(u32 isa_irq, void (*fn)(void *arg), void *arg) __must_check;
/* The same, but each interrupt goes to all CPUs. */
int irq_request_all(u32 isa_irq, void (*fn)(void *arg), void *arg) __must_check;
