/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: arch/heartbeat.c tests/host/fake/clock.c tests/host/fake/bug.c lib/log.c */
/* Only where interrupts get lost does every CPU get one that finds them, 100 times a second. */
#include "arch/heartbeat.h"

#include <errno.h>

#include "arch/cpufeat.h"
#include "arch/irq.h"
#include "arch/x86.h"

#include "tests/host/test.h"

static bool tcg;
static int irq_rc;
static u32 irqs, divisor;

bool cpu_is_tcg(void)
{
	return tcg;
}

int irq_request_all(u32 isa_irq, void (*fn)(void *arg), void *arg)
{
	(void)arg;
	assert_int_equal(isa_irq, 0);
	assert_non_null(fn);
	irqs++;
	return irq_rc;
}

void outb(u16 port, u8 v)
{
	assert_true(port == 0x40 || port == 0x43);
	if (port == 0x43)
		assert_int_equal(v, 0x34);
	else
		divisor = divisor >> 8 | (u32)v << 8;
}

static void start(bool on_tcg, int rc)
{
	tcg = on_tcg;
	irq_rc = rc;
	irqs = divisor = 0;
	heartbeat_start();
}

static void a_real_cpu_has_none(void **state)
{
	(void)state;
	start(false, 0);
	assert_int_equal(irqs, 0);
	assert_int_equal(divisor, 0);
}

static void tcg_has_one_of_100_hz(void **state)
{
	(void)state;
	start(true, 0);
	assert_int_equal(irqs, 1);
	assert_int_equal(1193182 / divisor, 100);
}

static void without_an_io_apic_the_timer_stays_off(void **state)
{
	(void)state;
	start(true, -ENODEV);
	assert_int_equal(divisor, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_cpu_has_none),
		cmocka_unit_test(tcg_has_one_of_100_hz),
		cmocka_unit_test(without_an_io_apic_the_timer_stays_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
