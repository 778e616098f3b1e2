/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: lib/log.c */
/* LIBS: -lpthread */
/* The log's ring, levels and sink, and its lock under two writers. */

#include "lib/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/test.h"

struct seen {
	u32 nr;
	char first[LOG_LINE_MAX], last[LOG_LINE_MAX];
	u64 last_tsc;
	bool in_order;
};

static void see(void *arg, enum log_level level, u64 tsc, const char *line)
{
	struct seen *s = arg;

	(void)level;
	if (s->nr++ == 0) {
		strcpy(s->first, line);
		s->in_order = true;
	}
	if (tsc < s->last_tsc)
		s->in_order = false;
	s->last_tsc = tsc;
	strcpy(s->last, line);
}

static u32 sunk;
static char sunk_line[LOG_LINE_MAX];

static void sink(enum log_level level, u64 tsc, const char *line)
{
	(void)level;
	(void)tsc;
	sunk++;
	strcpy(sunk_line, line);
}

static void ring_keeps_the_newest_lines_in_order(void **state)
{
	struct seen s = { 0 };

	(void)state;
	for (u32 i = 0; i < LOG_LINES + 10; i++)
		pr_info("test: line %u", i);
	log_for_each(see, &s);
	assert_int_equal(s.nr, LOG_LINES);
	assert_string_equal(s.first, "test: line 10");
	assert_string_equal(s.last, "test: line 521");
	assert_true(s.in_order);
}

static void level_holds_lines_back_from_the_sink_only(void **state)
{
	struct seen s = { 0 };

	(void)state;
	log_set_sink(sink);
	log_set_level(LOG_WARN);
	sunk = 0;
	pr_err("test: error");
	pr_warn("test: warning");
	pr_info("test: information");
	pr_dbg("test: detail");
	log_set_sink(NULL);
	assert_int_equal(sunk, 2);
	assert_string_equal(sunk_line, "test: warning");
	log_for_each(see, &s);
	assert_string_equal(s.last, "test: detail");
}

static void long_line_is_cut_with_dots(void **state)
{
	struct seen s = { 0 };
	char text[LOG_LINE_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	pr_info("%s", text);
	log_for_each(see, &s);
	assert_string_equal(s.last, text);
	pr_info("%s.", text);
	log_for_each(see, &s);
	assert_int_equal(strlen(s.last), LOG_LINE_MAX - 1);
	assert_string_equal(s.last + LOG_LINE_MAX - 5, "x...");
}

static void *write_lines(void *arg)
{
	for (u32 i = 0; i < 20000; i++)
		pr_info("%s %s %s %s", (char *)arg, (char *)arg, (char *)arg, (char *)arg);
	return NULL;
}

static void check_whole(void *arg, enum log_level level, u64 tsc, const char *line)
{
	(void)arg;
	(void)level;
	(void)tsc;
	assert_true(!strcmp(line, "aaaa aaaa aaaa aaaa") || !strcmp(line, "bbbb bbbb bbbb bbbb"));
}

static void two_writers_leave_whole_lines(void **state)
{
	static char a[] = "aaaa", b[] = "bbbb";
	pthread_t t[2];

	(void)state;
	pthread_create(&t[0], NULL, write_lines, a);
	pthread_create(&t[1], NULL, write_lines, b);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	log_for_each(check_whole, NULL);
}

static void limit_lets_eight_through_then_doublings(void **state)
{
	u32 count = 0, passed = 0;

	(void)state;
	for (u32 i = 0; i < 1000; i++)
		passed += log_limit(&count);
	assert_int_equal(passed, 8 + 6); /* 1..8, 16, 32, 64, 128, 256, 512 */
	count = UINT32_MAX - 1;
	for (u32 i = 0; i < 10; i++)
		assert_false(log_limit(&count));
	assert_int_equal(count, UINT32_MAX);
}

/* Last: the lock is gone afterwards. A handler that logs under the lock would hang without it. */
static void logging_sink(enum log_level level, u64 tsc, const char *line)
{
	(void)level;
	(void)tsc;
	(void)line;
	if (sunk++ == 0)
		pr_err("test: panic inside the log");
}

static void broken_lock_lets_a_panic_log(void **state)
{
	(void)state;
	log_break_lock();
	log_set_sink(logging_sink);
	sunk = 0;
	pr_err("test: outer");
	assert_int_equal(sunk, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_keeps_the_newest_lines_in_order),
		cmocka_unit_test(level_holds_lines_back_from_the_sink_only),
		cmocka_unit_test(long_line_is_cut_with_dots),
		cmocka_unit_test(two_writers_leave_whole_lines),
		cmocka_unit_test(limit_lets_eight_through_then_doublings),
		cmocka_unit_test(broken_lock_lets_a_panic_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
