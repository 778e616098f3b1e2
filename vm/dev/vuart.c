/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line has no speed: what the guest sends is gone at once, and what it receives waits in a ring
 * whose oldest 16 bytes are the FIFO. OUT2 does not gate the interrupt: on QEMU it does not either,
 * and small systems written for it rely on that. Section titles in comments are the PC16550D
 * datasheet's.
 */
#include "vm/dev/vuart.h"

#include <errno.h>
#include <string.h>

#include "arch/mem.h"
#include "lib/ring.h"
#include "vm/vm.h"

#define BASE      0x3f8
#define IRQ       4
#define FIFO_SIZE 16
#define RING_SIZE 1024

enum {
	REG_DATA = 0, /* with DLAB: divisor, low byte */
	REG_IER = 1,  /* with DLAB: divisor, high byte */
	REG_IIR = 2,  /* writes go to FCR */
	REG_LCR = 3,
	REG_MCR = 4,
	REG_LSR = 5,
	REG_MSR = 6,
	REG_SCR = 7,
};

#define IER_RX     BIT32(0)
#define IER_TX     BIT32(1)
#define IER_LINE   BIT32(2)
#define IER_MODEM  BIT32(3)
#define IIR_NONE   0x01
#define IIR_MODEM  0x00
#define IIR_TX     0x02
#define IIR_RX     0x04
#define IIR_LINE   0x06
#define IIR_TIME   0x0c
#define IIR_FIFOS  0xc0
#define FCR_ENABLE BIT32(0)
#define FCR_RX_CLR BIT32(1)
#define FCR_LEVEL  0xc0
#define LCR_DLAB   BIT32(7)
#define MCR_DTR    BIT32(0)
#define MCR_RTS    BIT32(1)
#define MCR_OUT1   BIT32(2)
#define MCR_OUT2   BIT32(3)
#define MCR_LOOP   BIT32(4)
#define LSR_DATA   BIT32(0)
#define LSR_OVER   BIT32(1)
#define LSR_EMPTY  (BIT32(5) | BIT32(6))
#define MSR_TERI   BIT32(2)
#define MSR_CTS    BIT32(4)
#define MSR_DSR    BIT32(5)
#define MSR_RI     BIT32(6)
#define MSR_DCD    BIT32(7)
#define MSR_LINES  0xf0
#define MSR_DELTAS 0x0f

struct vuart {
	struct vm *vm;
	struct ring rx;
	u8 ier, fcr, lcr, mcr, msr, scr;
	u8 divisor[2];
	bool overrun;
	bool tx_irq; /* the transmitter became empty and nobody was told yet */
	bool irq;    /* the line */
	u8 rx_buf[RING_SIZE];
};

/* Bytes that the guest can see. */
static u32 rx_fill(const struct vuart *s)
{
	return MIN(ring_used(&s->rx), s->fcr & FCR_ENABLE ? FIFO_SIZE : 1U);
}

static u32 rx_trigger(const struct vuart *s)
{
	static const u8 level[4] = { 1, 4, 8, 14 };

	return s->fcr & FCR_ENABLE ? level[s->fcr >> 6] : 1;
}

/*
 * "Interrupt Identification Register". Bytes below the trigger level raise the time-out at once:
 * the sender has nothing more to send.
 */
static u8 iir(const struct vuart *s)
{
	u32 fill = rx_fill(s);

	if (s->ier & IER_LINE && s->overrun)
		return IIR_LINE;
	if (s->ier & IER_RX && fill)
		return fill >= rx_trigger(s) ? IIR_RX : IIR_TIME;
	if (s->ier & IER_TX && s->tx_irq)
		return IIR_TX;
	if (s->ier & IER_MODEM && s->msr & MSR_DELTAS)
		return IIR_MODEM;
	return IIR_NONE;
}

static void update_irq(struct vuart *s)
{
	bool irq = iir(s) != IIR_NONE;

	if (irq != s->irq)
		vm_irq_set(s->vm, IRQ, irq);
	s->irq = irq;
}

/* "Modem Status Register": a peer that is always ready, or in loopback our own outputs. */
static void update_modem(struct vuart *s)
{
	u32 now = MSR_DCD | MSR_DSR | MSR_CTS, changed;

	if (s->mcr & MCR_LOOP)
		now = (s->mcr & MCR_DTR ? MSR_DSR : 0) | (s->mcr & MCR_RTS ? MSR_CTS : 0) |
		      (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0);
	changed = (now ^ s->msr) & MSR_LINES;
	/* Changes are in the low half; of RI only its fall. */
	changed = (changed & ~MSR_RI) >> 4 | (changed & ~now & MSR_RI ? MSR_TERI : 0);
	s->msr = (u8)(now | (s->msr & MSR_DELTAS) | changed);
}

static void send(struct vuart *s, u8 byte)
{
	char c = (char)byte;

	if (!(s->mcr & MCR_LOOP))
		vm_console_put(s->vm, &c, 1);
	else if (ring_used(&s->rx) >= (s->fcr & FCR_ENABLE ? FIFO_SIZE : 1U))
		s->overrun = true;
	else
		ring_put(&s->rx, byte);
	s->tx_irq = true;
}

static void write_ier(struct vuart *s, u8 val)
{
	/* The transmitter is empty, so enabling its interrupt raises it. */
	if (val & ~s->ier & IER_TX)
		s->tx_irq = true;
	s->ier = val & 0xf;
}

/* "FIFO Control Register" */
static void write_fcr(struct vuart *s, u8 val)
{
	u32 fill = rx_fill(s);
	u8 byte;

	if (val & FCR_RX_CLR || (val ^ s->fcr) & FCR_ENABLE)
		while (fill-- && ring_get(&s->rx, &byte))
			;
	s->fcr = val & FCR_ENABLE ? val & (FCR_LEVEL | FCR_ENABLE) : 0;
}

static void uart_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vuart *s = dev;
	u32 reg = port - BASE;
	u8 byte = (u8)val;

	(void)size;
	if (reg <= REG_IER && s->lcr & LCR_DLAB) {
		s->divisor[reg] = byte;
		return;
	}
	switch (reg) {
	case REG_DATA:
		send(s, byte);
		break;
	case REG_IER:
		write_ier(s, byte);
		break;
	case REG_IIR:
		write_fcr(s, byte);
		break;
	case REG_LCR:
		s->lcr = byte;
		break;
	case REG_MCR:
		s->mcr = byte & 0x1f;
		update_modem(s);
		break;
	case REG_SCR:
		s->scr = byte;
		break;
	default:
		break; /* LSR and MSR are read-only but for factory tests */
	}
	update_irq(s);
}

static u8 read_iir(struct vuart *s)
{
	u8 val = iir(s);

	if (val == IIR_TX)
		s->tx_irq = false;
	return (u8)(val | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0));
}

static u8 read_lsr(struct vuart *s)
{
	u8 val = (u8)(LSR_EMPTY | (rx_fill(s) ? LSR_DATA : 0) | (s->overrun ? LSR_OVER : 0));

	s->overrun = false;
	return val;
}

static u8 read_msr(struct vuart *s)
{
	u8 val = s->msr;

	s->msr &= MSR_LINES;
	return val;
}

static u8 read_reg(struct vuart *s, u32 reg)
{
	u8 byte = 0;

	if (reg <= REG_IER && s->lcr & LCR_DLAB)
		return s->divisor[reg];
	switch (reg) {
	case REG_DATA:
		ring_get(&s->rx, &byte);
		return byte;
	case REG_IER:
		return s->ier;
	case REG_IIR:
		return read_iir(s);
	case REG_LCR:
		return s->lcr;
	case REG_MCR:
		return s->mcr;
	case REG_LSR:
		return read_lsr(s);
	case REG_MSR:
		return read_msr(s);
	default:
		return s->scr;
	}
}

static u32 uart_read(void *dev, u16 port, u8 size)
{
	struct vuart *s = dev;
	u8 val = read_reg(s, port - BASE);

	(void)size;
	update_irq(s);
	return val;
}

void vuart_input(struct vm *vm, const char *str, size_t n)
{
	struct vuart *s = vm->uart;

	spin_lock(&vm->chipset_lock);
	/* In loopback the line is cut off. */
	for (size_t i = 0; i < n && !(s->mcr & MCR_LOOP); i++)
		if (!ring_put(&s->rx, (u8)str[i]))
			s->overrun = true;
	update_irq(s);
	spin_unlock(&vm->chipset_lock);
}

int vuart_create(struct vm *vm)
{
	struct vuart *s = kzalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	vm->uart = s;
	s->vm = vm;
	return vm_pio_add(vm, BASE, 8, uart_read, uart_write, s);
}

void vuart_reset(struct vm *vm)
{
	struct vuart *s = vm->uart;

	memset(s, 0, sizeof(*s));
	s->vm = vm;
	s->rx.buf = s->rx_buf;
	s->rx.size = RING_SIZE;
	s->divisor[0] = 12; /* 9600 baud */
	s->msr = MSR_DCD | MSR_DSR | MSR_CTS;
}

void vuart_destroy(struct vm *vm)
{
	if (vm->uart)
		kfree(vm->uart, sizeof(*vm->uart));
	vm->uart = NULL;
}
