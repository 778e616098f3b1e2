/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: tests/host/fake/clock.c tests/host/fake/mem.c tests/host/fake/bug.c */
/* The stand-ins for arch/ that other tests lean on. */

#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/timer.h"
#include "arch/x86.h"
#include "tests/host/test.h"

static struct timer ticks, once;
static u64 fired[8];
static u32 nr_fired;

static void note(struct timer *t)
{
	fired[nr_fired++] = rdtsc();
	if (t == &ticks && nr_fired < 6)
		timer_set(t, t->deadline + 100);
}

static void timers_fire_in_order_at_their_deadlines(void **state)
{
	static const u64 want[] = { 100, 150, 200, 300 };

	(void)state;
	timer_init(&ticks, note);
	timer_init(&once, note);
	timer_set(&ticks, 100);
	timer_set(&once, 50);
	timer_set(&once, 150);
	assert_ptr_equal(once.cpu, this_cpu());
	assert_int_equal(fake_clock_next(), 100);
	fake_clock_run(350);
	assert_int_equal(rdtsc(), 350);
	assert_int_equal(nr_fired, ARRAY_SIZE(want));
	assert_memory_equal(fired, want, sizeof(want));
	assert_null(once.cpu);
	timer_cancel(&ticks);
	assert_int_equal(fake_clock_next(), UINT64_MAX);
}

static void memory_runs_out_when_the_test_says_so(void **state)
{
	u8 *p = frame_alloc();

	(void)state;
	assert_non_null(p);
	assert_true(IS_ALIGNED((u64)p, PAGE_SIZE));
	assert_int_equal(p[PAGE_SIZE - 1], 0);
	assert_ptr_equal(hpa_ptr(ptr_hpa(p)), p);
	fake_mem_budget = 1;
	kfree(kzalloc(5), 5);
	assert_null(kzalloc(5));
	assert_int_equal(fake_mem_live, 1);
	frame_free(p);
	assert_int_equal(fake_mem_live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_at_their_deadlines),
		cmocka_unit_test(memory_runs_out_when_the_test_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
