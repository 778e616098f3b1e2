/* SPDX-License-Identifier: BSD-2-Clause */
/* Host device interrupts, routed by the host I/O APIC to the boot CPU. */
#pragma once

#include "lib/types.h"

/*
 * fn(arg) runs on the boot CPU at each interrupt of that ISA line, with interrupts off and no lock
 * held. -ENODEV when there is no I/O APIC for it: the caller then polls.
 */
int irq_request(u32 isa_irq, void (*fn)(void *arg), void *arg) __must_check;
