/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 16550 for tests of what drives one: what is sent can be read, the line moves only when the test
 * says so, and received bytes wait in a queue. Included by one .c file of a program.
 */
#pragma once

#include <string.h>

#include "arch/x86.h"
#include "drivers/uart16550.h"

static struct {
	bool present, stuck; /* stuck: the transmitter stays full */
	u8 scr, ier, lcr, fcr, mcr;
	u16 divisor;
	u32 in_fifo;
	u8 sent[1 << 20];
	size_t nr_sent;
	u8 rx[256];
	u32 rx_in, rx_out;
	u32 reads; /* of any register */
} port = { .present = true };

static u8 uart_lsr(void)
{
	return (u8)((port.rx_in != port.rx_out ? 0x01 : 0) | (port.in_fifo == 0 ? 0x60 : 0));
}

static u8 uart_iir(void)
{
	if ((port.ier & 1) && port.rx_in != port.rx_out)
		return 0x04;
	return (port.ier & 2) && port.in_fifo == 0 ? 0x02 : 0x01;
}

u8 inb(u16 p)
{
	port.reads++;
	if (!port.present || p < UART_COM1 || p > UART_COM1 + 7)
		return 0xff;
	switch (p - UART_COM1) {
	case 0:
		return port.rx_in != port.rx_out ? port.rx[port.rx_out++ % sizeof(port.rx)] : 0;
	case 1:
		return port.ier;
	case 2:
		return uart_iir();
	case 5:
		return uart_lsr();
	case 7:
		return port.scr;
	default:
		return 0;
	}
}

static void uart_send(u8 v)
{
	if (port.nr_sent < sizeof(port.sent))
		port.sent[port.nr_sent++] = v;
	port.in_fifo += port.stuck;
}

void outb(u16 p, u8 v)
{
	bool dlab = port.lcr & 0x80;

	if (!port.present || p < UART_COM1 || p > UART_COM1 + 7)
		return;
	switch (p - UART_COM1) {
	case 0:
		if (dlab)
			port.divisor = (u16)((port.divisor & 0xff00) | v);
		else
			uart_send(v);
		break;
	case 1:
		if (dlab)
			port.divisor = (u16)((port.divisor & 0xff) | v << 8);
		else
			port.ier = v;
		break;
	case 2:
		port.fcr = v;
		break;
	case 3:
		port.lcr = v;
		break;
	case 4:
		port.mcr = v;
		break;
	case 7:
		port.scr = v;
		break;
	default:
		break;
	}
}

static inline void uart_receive(const char *s)
{
	while (*s)
		port.rx[port.rx_in++ % sizeof(port.rx)] = (u8)*s++;
}
