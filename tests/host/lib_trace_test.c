/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: lib/trace.c */
/* LIBS: -lpthread */
/* Trace rings: order over CPUs, loss when a ring overflows, and a reader beside a writer. */

#include "lib/trace.h"

#include <pthread.h>
#include <stdlib.h>

#include "tests/host/test.h"

#define NR 8

static struct trace_rec rooms[2][NR], big[1024];
static u32 cpu;

static u32 current_cpu(void)
{
	return cpu;
}

static int setup(void **state)
{
	(void)state;
	trace_init(current_cpu);
	trace_set_ring(0, rooms[0], NR);
	trace_set_ring(1, rooms[1], NR);
	trace_clear();
	trace_on = true;
	cpu = 0;
	return 0;
}

struct seen {
	u32 nr;
	struct trace_rec rec[64];
	u32 cpu[64];
};

static void see(void *arg, u32 on, const struct trace_rec *rec)
{
	struct seen *s = arg;

	assert_true(s->nr < ARRAY_SIZE(s->rec));
	s->rec[s->nr] = *rec;
	s->cpu[s->nr++] = on;
}

static void record_on(u32 on, u64 tsc)
{
	cpu = on;
	trace_event(EXIT, tsc, on, tsc * 2, tsc * 3);
}

static void records_of_all_cpus_come_merged_by_time(void **state)
{
	static const u64 times[] = { 5, 7, 10, 12, 12, 30 };
	static const u32 on[] = { 1, 0, 0, 0, 1, 1 };
	struct seen s = { 0 };

	(void)state;
	record_on(0, 7);
	record_on(1, 5);
	record_on(0, 10);
	record_on(1, 12);
	record_on(0, 12);
	record_on(1, 30);
	assert_int_equal(trace_for_each(see, &s), 0);
	assert_int_equal(s.nr, ARRAY_SIZE(times));
	for (u32 i = 0; i < s.nr; i++) {
		assert_int_equal(s.rec[i].tsc, times[i]);
		assert_int_equal(s.cpu[i], on[i]);
		assert_int_equal(s.rec[i].event, TRACE_EXIT);
		assert_int_equal(s.rec[i].a, on[i]);
		assert_int_equal(s.rec[i].b, times[i] * 2);
		assert_int_equal(s.rec[i].c, times[i] * 3);
	}
}

static void full_ring_keeps_the_newest(void **state)
{
	struct seen s = { 0 };

	(void)state;
	for (u64 t = 1; t <= 100; t++)
		record_on(0, t);
	trace_for_each(see, &s);
	assert_int_equal(s.nr, NR - 1); /* one slot may be in the writer's hands */
	assert_int_equal(s.rec[0].tsc, 100 - NR + 2);
	assert_int_equal(s.rec[s.nr - 1].tsc, 100);
}

static void nothing_is_recorded_when_off_or_after_clear(void **state)
{
	struct seen s = { 0 };

	(void)state;
	trace_on = false;
	record_on(0, 1);
	trace_on = true;
	record_on(0, 2);
	trace_clear();
	trace_for_each(see, &s);
	assert_int_equal(s.nr, 0);
	record_on(0, 3);
	trace_for_each(see, &s);
	assert_int_equal(s.nr, 1);
	assert_int_equal(s.rec[0].tsc, 3);
}

static void cpu_without_a_ring_records_nothing(void **state)
{
	struct seen s = { 0 };

	(void)state;
	record_on(TRACE_MAX_CPUS - 1, 1);
	trace_for_each(see, &s);
	assert_int_equal(s.nr, 0);
}

/* fn that itself records: the reader must end all the same, and count what it lost. */
static void record_more(void *arg, u32 on, const struct trace_rec *rec)
{
	(void)on;
	see(arg, on, rec);
	for (u64 i = 0; i < NR / 2; i++)
		record_on(0, rec->tsc + 1000 + i);
}

static void records_overwritten_meanwhile_are_counted(void **state)
{
	struct seen s = { 0 };
	u64 lost;

	(void)state;
	for (u64 t = 1; t <= NR - 1; t++)
		record_on(0, t);
	lost = trace_for_each(record_more, &s);
	assert_int_equal(s.nr + lost, NR - 1);
	assert_true(lost > 0);
	for (u32 i = 0; i < s.nr; i++)
		assert_true(s.rec[i].tsc < NR);
}

static bool stop;

static void *write_records(void *arg)
{
	(void)arg;
	for (u64 t = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); t++)
		trace_event(MMU_SPTE, t, t, ~t, t ^ 0x5555);
	return NULL;
}

static void check_whole(void *arg, u32 on, const struct trace_rec *rec)
{
	u64 *last = arg;

	(void)on;
	assert_true(rec->tsc > *last);
	assert_int_equal(rec->event, TRACE_MMU_SPTE);
	assert_int_equal(rec->a, rec->tsc);
	assert_int_equal(rec->b, ~rec->tsc);
	assert_int_equal(rec->c, rec->tsc ^ 0x5555);
	*last = rec->tsc;
}

static void reader_beside_a_writer_sees_whole_records(void **state)
{
	pthread_t t;

	(void)state;
	trace_set_ring(0, big, ARRAY_SIZE(big));
	pthread_create(&t, NULL, write_records, NULL);
	for (u32 i = 0; i < 300; i++) {
		u64 last = 0;

		trace_for_each(check_whole, &last);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
}

static void every_event_has_a_description(void **state)
{
	(void)state;
	for (u32 i = 0; i < TRACE_NR; i++) {
		assert_non_null(trace_descs[i].name);
		for (u32 k = 0; k < 3; k++)
			assert_non_null(trace_descs[i].arg[k]);
	}
	assert_string_equal(trace_descs[TRACE_EXIT].name, "exit");
	assert_string_equal(trace_descs[TRACE_EXIT].arg[2], "rip@");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(records_of_all_cpus_come_merged_by_time, setup),
		cmocka_unit_test_setup(full_ring_keeps_the_newest, setup),
		cmocka_unit_test_setup(nothing_is_recorded_when_off_or_after_clear, setup),
		cmocka_unit_test_setup(cpu_without_a_ring_records_nothing, setup),
		cmocka_unit_test_setup(records_overwritten_meanwhile_are_counted, setup),
		cmocka_unit_test_setup(reader_beside_a_writer_sees_whole_records, setup),
		cmocka_unit_test_setup(every_event_has_a_description, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
