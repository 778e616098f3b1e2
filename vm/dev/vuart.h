/* SPDX-License-Identifier: BSD-2-Clause */
/* COM1: a 16550A at 0x3f8, IRQ 4. Source: National Semiconductor "PC16550D Universal Asynchronous
 * Receiver/Transmitter with FIFOs" datasheet. */
#pragma once

#include "lib/types.h"

struct vm;

int vuart_create(struct vm *vm) __must_check;
/* Chipset lock held. */
void vuart_reset(struct vm *vm);
void vuart_destroy(struct vm *vm);
/* Bytes arrive on the line. What the guest does not read waits behind the FIFO; when that is full
 * too, the rest is lost and the guest sees an overrun. Takes the chipset lock. */
void vuart_input(struct vm *vm, const char *s, size_t n);
