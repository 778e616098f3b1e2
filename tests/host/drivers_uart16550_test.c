/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: drivers/uart16550.c */
/* The serial port's driver against a model of the chip. */

#include "tests/host/fake/uart.h"
#include "tests/host/test.h"

#include <errno.h>

static struct uart u;

static void absent_port_is_reported_and_then_harmless(void **state)
{
	(void)state;
	port.present = false;
	assert_int_equal(uart_init(&u, UART_COM1), -ENODEV);
	assert_int_equal(uart_getc(&u), -1);
	assert_int_equal(uart_tx_room(&u), 0);
	assert_false(uart_putc_polled(&u, 'x'));
	assert_false(uart_irq_pending(&u));
	assert_int_equal(port.nr_sent, 0);
	port.present = true;
}

static void port_is_programmed_for_115200_8n1_with_fifos(void **state)
{
	(void)state;
	assert_int_equal(uart_init(&u, UART_COM1), 0);
	assert_int_equal(port.divisor, 1);
	assert_int_equal(port.lcr, 0x03);
	assert_int_equal(port.fcr & 1, 1);
	assert_int_equal(port.mcr & 0x0b, 0x0b);
	assert_int_equal(port.ier, 0);
	assert_int_equal(port.nr_sent, 0);
}

static void bytes_arrive_in_order_and_end_with_minus_one(void **state)
{
	(void)state;
	assert_int_equal(uart_init(&u, UART_COM1), 0);
	uart_receive("ab");
	assert_int_equal(uart_getc(&u), 'a');
	assert_int_equal(uart_getc(&u), 'b');
	assert_int_equal(uart_getc(&u), -1);
}

static void standing_line_is_not_waited_for_for_ever(void **state)
{
	(void)state;
	assert_int_equal(uart_init(&u, UART_COM1), 0);
	port.stuck = true;
	port.nr_sent = 0;
	assert_true(uart_putc_polled(&u, '1'));
	assert_int_equal(uart_tx_room(&u), 0);
	port.reads = 0;
	assert_false(uart_putc_polled(&u, '2'));
	uart_drain(&u);
	assert_in_range(port.reads, 1, 100000);
	assert_int_equal(port.nr_sent, 1);
	port.stuck = false;
	port.in_fifo = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_port_is_reported_and_then_harmless),
		cmocka_unit_test(port_is_programmed_for_115200_8n1_with_fifos),
		cmocka_unit_test(bytes_arrive_in_order_and_end_with_minus_one),
		cmocka_unit_test(standing_line_is_not_waited_for_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
