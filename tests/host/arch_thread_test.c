/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: arch/thread.c tests/host/fake/mem.c tests/host/fake/clock.c tests/host/fake/bug.c */
/* Whoever waits for the CPU gets it: at once, or by a timer that ends the running one's slice. */
#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/sched.h"
#include "arch/thread.h"

#include "tests/host/fake/clock.h"
#include "tests/host/test.h"

#define QUANTUM 5000000 /* 5 ms of the fake clock */

static struct thread guest, woken;

void thread_switch(u64 *save_rsp, u64 load_rsp);

void thread_switch(u64 *save_rsp, u64 load_rsp)
{
	(void)save_rsp;
	(void)load_rsp;
}

void *stack_alloc(void)
{
	return NULL;
}

void stack_free(void *stack)
{
	(void)stack;
}

void cpu_request(struct cpu *c, u32 bits)
{
	(void)c;
	(void)bits;
	fail();
}

/* A thread computes since now; another one is blocked. */
static int setup(void **state)
{
	(void)state;
	fake_tsc = 1000;
	memset(&fake_cpu, 0, sizeof(fake_cpu));
	assert_int_equal(sched_init(&fake_cpu), 0);
	guest = (struct thread){ .cpu = &fake_cpu, .since = fake_tsc, .quantum = QUANTUM };
	guest.state = THREAD_RUNNING;
	fake_cpu.current = &guest;
	woken = (struct thread){ .cpu = &fake_cpu, .state = THREAD_BLOCKED };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_clock_run(fake_tsc + 2 * QUANTUM); /* no timer of this test is left */
	kfree(fake_cpu.sched, 1);
	kfree(fake_cpu.idle, 1);
	return 0;
}

static void one_with_quantum_preempts_at_once(void **state)
{
	(void)state;
	woken.quantum = 1;
	thread_wake(&woken);
	assert_true(fake_cpu.slice_end && fake_cpu.slice_end <= fake_tsc);
}

static void one_without_quantum_gets_the_end_of_the_slice_and_a_timer_for_it(void **state)
{
	(void)state;
	thread_wake(&woken);
	assert_int_equal(fake_cpu.slice_end, guest.since + QUANTUM);
	assert_int_equal(fake_clock_next(), fake_cpu.slice_end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_with_quantum_preempts_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(
			one_without_quantum_gets_the_end_of_the_slice_and_a_timer_for_it, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
