/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: drivers/console.c drivers/uart16550.c lib/log.c tests/host/fake/clock.c tests/host/fake/bug.c */
/* The console's ring between its callers and a model of the serial port. */

#include "tests/host/fake/uart.h"
#include "tests/host/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "arch/irq.h"
#include "arch/timer.h"
#include "drivers/console.h"

static void (*irq_fn)(void *arg);
static int irq_answer;
static char received[256];
static u32 nr_received, nr_ready;

int irq_request(u32 isa_irq, void (*fn)(void *arg), void *arg)
{
	(void)arg;
	assert_int_equal(isa_irq, UART_COM1_IRQ);
	irq_fn = fn;
	return irq_answer;
}

static void on_input(u8 c)
{
	received[nr_received++] = (char)c;
}

static void on_ready(void)
{
	nr_ready++;
}

/* The transmitter sends what it holds and, if asked to, interrupts. True if there was anything. */
static bool line_moves(void)
{
	bool did = port.in_fifo > 0;

	port.in_fifo = 0;
	if (port.ier)
		irq_fn(NULL);
	return did;
}

static void line_empties(void)
{
	while (line_moves())
		;
}

static void assert_sent(const char *s)
{
	assert_int_equal(port.nr_sent, strlen(s));
	assert_memory_equal(port.sent, s, port.nr_sent);
	port.nr_sent = 0;
}

static int start(void **state)
{
	(void)state;
	port.stuck = false;
	port.in_fifo = 0;
	port.ier = 0;
	console_panic(); /* empties the ring of the test before */
	console_init();
	irq_answer = 0;
	console_start(on_input, on_ready);
	port.nr_sent = 0;
	nr_received = nr_ready = 0;
	return 0;
}

static void output_while_booting_is_polled(void **state)
{
	(void)state;
	console_panic();
	console_text("one\ntwo", 7);
	assert_sent("one\r\ntwo");
}

static void idle_console_asks_for_no_transmitter_interrupt(void **state)
{
	(void)state;
	assert_int_equal(port.ier, 1);
	console_write("x", 1);
	assert_int_equal(port.ier, 1);
	assert_sent("x");
	assert_int_equal(fake_clock_next(), UINT64_MAX);
}

static void standing_line_stalls_nobody_and_loses_nothing_that_fits(void **state)
{
	char text[20000];

	(void)state;
	memset(text, 'a', sizeof(text));
	port.stuck = true;
	console_write(text, sizeof(text));
	assert_int_equal(port.nr_sent, UART_FIFO);
	assert_int_equal(port.ier, 3);
	line_empties();
	assert_int_equal(port.nr_sent, sizeof(text));
	assert_int_equal(port.ier, 1);
}

static void full_ring_drops_the_oldest_and_says_how_much(void **state)
{
	static char text[300000];
	u64 lost = 0, marks = 0, digits = 0;
	const char *s = (const char *)port.sent;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 'Z';
	port.stuck = true;
	console_write(text, sizeof(text));
	line_empties();
	port.sent[port.nr_sent] = '\0';
	for (const char *m = strstr(s, "\r\n["); m; m = strstr(m + 1, "\r\n[")) {
		int n = 0;
		unsigned long v = 0;

		assert_int_equal(sscanf(m, "\r\n[%lu bytes lost]%n", &v, &n), 1);
		lost += v;
		marks++;
		digits += (u64)n + 2;
	}
	assert_in_range(marks, 1, 4);
	assert_int_equal(port.nr_sent - digits + lost, sizeof(text));
	assert_int_equal(port.sent[port.nr_sent - 1], 'Z');
}

static void line_moves_the_prompt_below_itself(void **state)
{
	(void)state;
	console_write("umbra> ab", 9);
	console_prompt("umbra> ab", 9, 1);
	port.nr_sent = 0;
	console_line("news");
	line_empties();
	assert_sent("\r         \rnews\r\numbra> ab\b");
	console_prompt("", 0, 0);
}

static void line_starts_at_the_left_even_behind_unfinished_text(void **state)
{
	(void)state;
	console_write("half", 4);
	console_line("news");
	console_line("more");
	assert_sent("half\r\nnews\r\nmore\r\n");
}

static void log_lines_carry_the_time(void **state)
{
	(void)state;
	console_log(LOG_INFO, 12345678901ULL, "vm: up");
	assert_sent("[   12.345678] vm: up\r\n");
}

static void received_bytes_reach_the_reader_in_order(void **state)
{
	(void)state;
	uart_receive("hello");
	irq_fn(NULL);
	assert_int_equal(nr_received, 5);
	assert_memory_equal(received, "hello", 5);
}

static void ready_is_called_once_when_the_backlog_is_gone(void **state)
{
	char text[CONSOLE_BACKLOG + 100];

	(void)state;
	memset(text, 'b', sizeof(text));
	assert_false(console_busy());
	port.stuck = true;
	console_write(text, sizeof(text));
	assert_true(console_busy());
	line_empties();
	assert_int_equal(nr_ready, 1);
	assert_false(console_busy());
}

static void without_an_interrupt_a_timer_serves_the_port(void **state)
{
	(void)state;
	console_panic();
	irq_answer = -ENODEV;
	console_start(on_input, on_ready);
	uart_receive("k");
	fake_clock_run(fake_clock_next());
	assert_int_equal(nr_received, 1);
	port.stuck = true;
	console_write("0123456789abcdefXY", 18);
	port.in_fifo = 0;
	fake_clock_run(fake_clock_next());
	assert_sent("0123456789abcdefXY");
}

static void panic_sends_the_ring_first_and_then_polls(void **state)
{
	(void)state;
	port.stuck = true;
	console_write("0123456789abcdef before", 23);
	port.stuck = false;
	port.in_fifo = 0;
	console_panic();
	console_write(" after", 6);
	assert_sent("0123456789abcdef before after");
	assert_int_equal(port.ier, 0);
	uart_receive("r");
	assert_int_equal(console_getc(), 'r');
	assert_int_equal(console_getc(), -1);
}

static void machine_without_com1_runs_silently(void **state)
{
	static char text[200000];

	(void)state;
	port.present = false;
	console_panic();
	console_init();
	console_start(on_input, on_ready);
	console_write(text, sizeof(text));
	assert_false(console_busy());
	port.present = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(output_while_booting_is_polled, start),
		cmocka_unit_test_setup(idle_console_asks_for_no_transmitter_interrupt, start),
		cmocka_unit_test_setup(standing_line_stalls_nobody_and_loses_nothing_that_fits,
				       start),
		cmocka_unit_test_setup(full_ring_drops_the_oldest_and_says_how_much, start),
		cmocka_unit_test_setup(line_moves_the_prompt_below_itself, start),
		cmocka_unit_test_setup(line_starts_at_the_left_even_behind_unfinished_text, start),
		cmocka_unit_test_setup(log_lines_carry_the_time, start),
		cmocka_unit_test_setup(received_bytes_reach_the_reader_in_order, start),
		cmocka_unit_test_setup(ready_is_called_once_when_the_backlog_is_gone, start),
		cmocka_unit_test_setup(without_an_interrupt_a_timer_serves_the_port, start),
		cmocka_unit_test_setup(panic_sends_the_ring_first_and_then_polls, start),
		cmocka_unit_test_setup(machine_without_com1_runs_silently, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
