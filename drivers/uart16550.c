/* SPDX-License-Identifier: BSD-2-Clause */
/* The 16550's registers. Source: PC16550D data sheet, "Registers". */

#include "drivers/uart16550.h"

#include <errno.h>

#include "arch/x86.h"

enum {
	REG_DATA = 0, /* receive buffer, transmit holding */
	REG_IER = 1,
	REG_IIR = 2, /* read */
	REG_FCR = 2, /* write */
	REG_LCR = 3,
	REG_MCR = 4,
	REG_LSR = 5,
	REG_SCR = 7,
	REG_DLL = 0, /* with LCR_DLAB */
	REG_DLM = 1,
};

#define IER_RX     0x01
#define IER_TX     0x02
#define IIR_NONE   0x01
#define FCR_ENABLE 0x07 /* FIFOs on, both cleared, receive interrupt after one byte */
#define LCR_8N1    0x03
#define LCR_DLAB   0x80
#define MCR_ON     0x0b /* DTR, RTS, and OUT2, which lets the interrupt out on a PC */
#define LSR_DR     0x01
#define LSR_THRE   0x20
#define LSR_TEMT   0x40

#define DIVISOR_115200 1

/* One byte takes 87 us; a port read on a PC takes about 1 us. Generous, and still bounded. */
#define POLL_MAX 20000

static u8 reg_read(const struct uart *u, u16 reg)
{
	return inb((u16)(u->base + reg));
}

static void reg_write(const struct uart *u, u16 reg, u8 v)
{
	outb((u16)(u->base + reg), v);
}

static bool answers(const struct uart *u)
{
	reg_write(u, REG_SCR, 0x5a);
	if (reg_read(u, REG_SCR) != 0x5a)
		return false;
	reg_write(u, REG_SCR, 0xa5);
	return reg_read(u, REG_SCR) == 0xa5;
}

int uart_init(struct uart *u, u16 base)
{
	u->base = base;
	if (!answers(u)) {
		u->base = 0;
		return -ENODEV;
	}
	reg_write(u, REG_IER, 0);
	reg_write(u, REG_LCR, LCR_DLAB | LCR_8N1);
	reg_write(u, REG_DLL, DIVISOR_115200);
	reg_write(u, REG_DLM, 0);
	reg_write(u, REG_LCR, LCR_8N1);
	reg_write(u, REG_FCR, FCR_ENABLE);
	reg_write(u, REG_MCR, MCR_ON);
	return 0;
}

int uart_getc(const struct uart *u)
{
	if (!u->base || !(reg_read(u, REG_LSR) & LSR_DR))
		return -1;
	return reg_read(u, REG_DATA);
}

u32 uart_tx_room(const struct uart *u)
{
	return u->base && (reg_read(u, REG_LSR) & LSR_THRE) ? UART_FIFO : 0;
}

void uart_putc(const struct uart *u, u8 c)
{
	if (u->base)
		reg_write(u, REG_DATA, c);
}

static bool wait_lsr(const struct uart *u, u8 bit)
{
	for (u32 i = 0; i < POLL_MAX; i++) {
		if (reg_read(u, REG_LSR) & bit)
			return true;
		cpu_pause();
	}
	return false;
}

bool uart_putc_polled(const struct uart *u, u8 c)
{
	if (!u->base || !wait_lsr(u, LSR_THRE))
		return false;
	reg_write(u, REG_DATA, c);
	return true;
}

void uart_drain(const struct uart *u)
{
	if (u->base)
		wait_lsr(u, LSR_TEMT);
}

void uart_set_irq(const struct uart *u, bool rx, bool tx)
{
	if (u->base)
		reg_write(u, REG_IER, (u8)((rx ? IER_RX : 0) | (tx ? IER_TX : 0)));
}

bool uart_irq_pending(const struct uart *u)
{
	return u->base && !(reg_read(u, REG_IIR) & IIR_NONE);
}
