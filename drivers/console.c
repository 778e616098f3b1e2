/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output ring and its two ends.
 *
 *	console_write() --> ring --> pump() --> transmitter FIFO --> line
 *	                               ^ also from the "transmitter empty" interrupt
 *
 * pump() moves at most what the FIFO takes at once, so no caller waits for the line. An idle
 * console costs nothing: the transmitter's interrupt is on only while the ring holds something.
 * Where the interrupt cannot be had, a timer does its work.
 */

#include "drivers/console.h"

#include <stdio.h>
#include <string.h>

#include "arch/irq.h"
#include "arch/spinlock.h"
#include "arch/timer.h"
#include "arch/x86.h"
#include "drivers/uart16550.h"

#define DROP_BYTES  (CONSOLE_RING / 4) /* what goes when the ring is full: few marks, not many */
#define PUMP_BURSTS 4
#define IRQ_ROUNDS  64
#define POLL_NS     5000000ULL

enum console_mode {
	CONSOLE_POLLED, /* boot and panic: one CPU, no lock */
	CONSOLE_RINGED,
};

static char ring[CONSOLE_RING]; /* alone, so that it takes no room in the image */

static struct {
	struct spinlock lock;
	u8 mode;
	struct uart uart;
	bool tx_irq;     /* the transmitter's interrupt is on */
	bool has_irq;    /* else poll_timer does its work */
	bool line_start; /* the last byte written was a line feed */
	u64 head, tail;  /* bytes ever written and sent; index modulo CONSOLE_RING */
	u64 lost;        /* bytes dropped since the last mark */
	char mark[40];   /* goes out before the ring */
	u32 mark_len, mark_pos;
	char prompt[320];
	size_t prompt_len, prompt_back;
	bool was_busy; /* ready() is owed */
	struct timer poll_timer;
	void (*input)(u8 c);
	void (*ready)(void);
} con = { .lock = SPINLOCK(RANK_CONSOLE), .line_start = true };

static void lock(void)
{
	if (con.mode == CONSOLE_RINGED)
		spin_lock(&con.lock);
}

static void unlock(void)
{
	if (con.mode == CONSOLE_RINGED)
		spin_unlock(&con.lock);
}

/* --- from the ring to the line; lock held ----------------------------------------------------- */

static bool pending(void)
{
	return con.tail != con.head || con.mark_pos != con.mark_len || con.lost;
}

static u8 next_byte(void)
{
	if (con.lost && con.mark_pos == con.mark_len) {
		con.mark_len =
			(u32)snprintf(con.mark, sizeof(con.mark), "\r\n[%llu bytes lost]\r\n",
				      (unsigned long long)con.lost);
		con.mark_pos = 0;
		con.lost = 0;
	}
	if (con.mark_pos != con.mark_len)
		return (u8)con.mark[con.mark_pos++];
	return (u8)ring[con.tail++ % CONSOLE_RING];
}

static void pump(void)
{
	if (!con.uart.base)
		con.tail = con.head;
	for (u32 i = 0; i < PUMP_BURSTS && pending(); i++) {
		u32 room = uart_tx_room(&con.uart);

		if (room == 0)
			break;
		while (room-- > 0 && pending())
			uart_putc(&con.uart, next_byte());
	}
	if (con.has_irq && con.tx_irq != pending()) {
		con.tx_irq = pending();
		uart_set_irq(&con.uart, true, con.tx_irq);
	}
}

static void put(const char *s, size_t n)
{
	if (n == 0)
		return;
	con.line_start = s[n - 1] == '\n';
	if (con.mode == CONSOLE_POLLED) {
		for (size_t i = 0; i < n; i++)
			uart_putc_polled(&con.uart, (u8)s[i]);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (con.head - con.tail == CONSOLE_RING) {
			con.tail += DROP_BYTES;
			con.lost += DROP_BYTES;
		}
		ring[con.head++ % CONSOLE_RING] = s[i];
	}
}

static void put_repeated(char c, size_t n)
{
	while (n-- > 0)
		put(&c, 1);
}

/* --- output ----------------------------------------------------------------------------------- */

void console_write(const char *s, size_t n)
{
	lock();
	put(s, n);
	pump();
	unlock();
}

void console_text(const char *s, size_t n)
{
	lock();
	for (size_t i = 0, start = 0; i < n; i++) {
		if (s[i] != '\n' && i + 1 != n)
			continue;
		put(s + start, i - start + (s[i] != '\n'));
		if (s[i] == '\n')
			put("\r\n", 2);
		start = i + 1;
	}
	pump();
	unlock();
}

void console_line(const char *s)
{
	lock();
	if (con.prompt_len > 0) {
		put("\r", 1);
		put_repeated(' ', con.prompt_len);
		put("\r", 1);
	} else if (!con.line_start) {
		put("\r\n", 2);
	}
	put(s, strlen(s));
	put("\r\n", 2);
	put(con.prompt, con.prompt_len);
	put_repeated('\b', con.prompt_back);
	pump();
	unlock();
}

void console_prompt(const char *s, size_t n, size_t back)
{
	lock();
	con.prompt_len = MIN(n, sizeof(con.prompt));
	con.prompt_back = MIN(back, con.prompt_len);
	memcpy(con.prompt, s, con.prompt_len);
	unlock();
}

void console_log(enum log_level level, u64 tsc, const char *line)
{
	char text[LOG_LINE_MAX + 24];
	u64 us = tsc_khz ? tsc_to_ns(tsc - tsc_boot) / 1000 : 0;

	(void)level;
	snprintf(text, sizeof(text), "[%5lu.%06lu] %s", us / 1000000, us % 1000000, line);
	console_line(text);
}

bool console_busy(void)
{
	lock();
	con.was_busy = con.mode == CONSOLE_RINGED && con.head - con.tail > CONSOLE_BACKLOG;

	bool busy = con.was_busy;

	unlock();
	return busy;
}

void console_flush(void)
{
	lock();
	while (pending() && uart_putc_polled(&con.uart, next_byte()))
		;
	unlock();
	uart_drain(&con.uart);
}

/* --- interrupt -------------------------------------------------------------------------------- */

static void tell_ready(void)
{
	lock();
	bool ready = con.was_busy && con.head - con.tail <= CONSOLE_BACKLOG;

	if (ready)
		con.was_busy = false;
	unlock();
	if (ready)
		con.ready();
}

static void service(void)
{
	int c;

	for (u32 i = 0; i < UART_FIFO && (c = uart_getc(&con.uart)) >= 0; i++)
		con.input((u8)c);
	lock();
	pump();
	unlock();
}

/*
 * The line of an ISA interrupt is edge-triggered: leave no request behind, or it is the last one.
 */
static void on_irq(void *arg)
{
	u32 rounds = 0;

	(void)arg;
	while (rounds++ < IRQ_ROUNDS && uart_irq_pending(&con.uart))
		service();
	if (rounds > IRQ_ROUNDS) { /* a flood: make a new edge and let others run */
		lock();
		uart_set_irq(&con.uart, false, false);
		uart_set_irq(&con.uart, true, con.tx_irq);
		unlock();
	}
	tell_ready();
}

static void on_timer(struct timer *t)
{
	service();
	tell_ready();
	timer_set(t, rdtsc() + ns_to_tsc(POLL_NS));
}

/* --- life ------------------------------------------------------------------------------------- */

void console_init(void)
{
	if (uart_init(&con.uart, UART_COM1) != 0)
		con.uart.base = 0; /* a machine without COM1 runs silently */
}

void console_start(void (*input)(u8 c), void (*ready)(void))
{
	con.input = input;
	con.ready = ready;
	con.mode = CONSOLE_RINGED;
	if (!con.uart.base)
		return;
	if (irq_request(UART_COM1_IRQ, on_irq, NULL) == 0) {
		con.has_irq = true;
		uart_set_irq(&con.uart, true, false);
		return;
	}
	timer_init(&con.poll_timer, on_timer);
	timer_set(&con.poll_timer, rdtsc() + ns_to_tsc(POLL_NS));
}

void console_panic(void)
{
	con.mode = CONSOLE_POLLED;
	con.has_irq = con.tx_irq = false;
	uart_set_irq(&con.uart, false, false);
	console_flush();
	con.prompt_len = con.prompt_back = 0;
}

int console_getc(void)
{
	return uart_getc(&con.uart);
}
