/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log's ring. Its lock is the innermost of all (nothing but the sink runs under it), so it has
 * no rank and lib/ needs no lock of arch/.
 */

#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct log_entry {
	u64 tsc;
	enum log_level level;
	char line[LOG_LINE_MAX];
};

static struct log_entry ring[LOG_LINES]; /* alone, so that it takes no room in the image */

static struct {
	u64 nr; /* lines ever logged */
	void (*sink)(enum log_level level, u64 tsc, const char *line);
	enum log_level level;
	bool locked, broken;
} state = { .level = LOG_INFO };

static void lock(void)
{
	/* Acquire: pairs with the release in unlock(). */
	while (__atomic_exchange_n(&state.locked, true, __ATOMIC_ACQUIRE) && !state.broken)
		__builtin_ia32_pause();
}

static void unlock(void)
{
	__atomic_store_n(&state.locked, false, __ATOMIC_RELEASE);
}

void log_break_lock(void)
{
	WRITE_ONCE(state.broken, true);
}

void log_set_sink(void (*sink)(enum log_level level, u64 tsc, const char *line))
{
	lock();
	state.sink = sink;
	unlock();
}

enum log_level log_set_level(enum log_level level)
{
	enum log_level old;

	lock();
	old = state.level;
	state.level = level;
	unlock();
	return old;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const char more[] = "...";
	struct log_entry *e;
	va_list ap;
	int n;

	lock();
	e = &ring[state.nr % LOG_LINES];
	e->tsc = __builtin_ia32_rdtsc();
	e->level = level;
	va_start(ap, fmt);
	n = vsnprintf(e->line, sizeof(e->line), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(e->line))
		memcpy(e->line + sizeof(e->line) - sizeof(more), more, sizeof(more));
	state.nr++;
	if (state.sink && level <= state.level)
		state.sink(level, e->tsc, e->line);
	unlock();
}

/* Copies line number *nr, or the oldest one left if that is gone, and moves on. */
static bool read_line(u64 *nr, struct log_entry *e)
{
	bool found;

	lock();
	if (state.nr > LOG_LINES)
		*nr = MAX(*nr, state.nr - LOG_LINES);
	found = *nr < state.nr;
	if (found)
		*e = ring[(*nr)++ % LOG_LINES];
	unlock();
	return found;
}

void log_for_each(log_fn fn, void *arg)
{
	struct log_entry e;
	u64 nr = 0;

	while (read_line(&nr, &e))
		fn(arg, e.level, e.tsc, e.line);
}
