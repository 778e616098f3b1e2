/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550 serial port behind I/O ports. No locks and no buffering: drivers/console.c has both.
 * Source: Texas Instruments PC16550D data sheet, "Registers".
 */
#pragma once

#include "lib/types.h"

#define UART_COM1     0x3f8
#define UART_COM1_IRQ 4
#define UART_FIFO     16 /* bytes that an empty transmitter takes at once */

struct uart {
	u16 base; /* first port; 0 = there is no port */
};

/*
 * Looks for a port at base and programs it: 115200 baud, 8N1, FIFOs on, interrupts off. -ENODEV
 * when nobody answers there; the other functions then do nothing.
 */
int uart_init(struct uart *u, u16 base) __must_check;

/* The next byte received, or -1. */
int uart_getc(const struct uart *u);
/* How many bytes uart_putc() may send now: 0 or UART_FIFO. */
u32 uart_tx_room(const struct uart *u);
void uart_putc(const struct uart *u, u8 c);
/*
 * Waits a bounded time for the transmitter, then sends. For boot and panic. False: the line stands.
 */
bool uart_putc_polled(const struct uart *u, u8 c);
/* Waits a bounded time until the last bit is on the wire. */
void uart_drain(const struct uart *u);

/* Interrupt for a received byte; interrupt while the transmitter is empty. */
void uart_set_irq(const struct uart *u, bool rx, bool tx);
/* Acknowledges the transmitter's interrupt. True when the port still asks for service. */
bool uart_irq_pending(const struct uart *u);
