/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leveled log. A line goes to a ring that the shell can show, and from there to the registered
 * sink (the console) if its level passes. One line per event, "subsystem: what happened", without
 * a newline at the end. Never on a hot path: record a trace event there instead. Not from NMI or
 * machine-check handlers.
 */
#pragma once

#include "lib/types.h"

#define LOG_LINE_MAX 160 /* bytes of a line with its NUL; longer ones end in "..." */
#define LOG_LINES    512

enum log_level {
	LOG_ERR,
	LOG_WARN,
	LOG_INFO,
	LOG_DBG,
};

typedef void (*log_fn)(void *arg, enum log_level level, u64 tsc, const char *line);

void log_line(enum log_level level, const char *fmt, ...) __printf(2, 3);

/*
 * The sink gets each whole line (no newline). It may be called on any CPU, with the log lock
 * held, and must not log, block or take a lock that anybody holds while logging.
 */
void log_set_sink(void (*sink)(enum log_level level, u64 tsc, const char *line));

/* Lines above this level still enter the ring but not the sink. Returns the level until now. */
enum log_level log_set_level(enum log_level level);

/* Calls fn for every line in the ring, oldest first, with no lock held. */
void log_for_each(log_fn fn, void *arg);

/* Panic only, when the other CPUs have stopped: from now on the log takes no lock. */
void log_break_lock(void);

/*
 * For messages that a guest can provoke: true for the first eight, then only when the number of
 * them has doubled, so a guest cannot flood the log. count starts at 0 and belongs to one place.
 */
static inline bool log_limit(u32 *count)
{
	u32 n = *count;

	if (n != UINT32_MAX)
		*count = ++n;
	return n <= 8 || (n & (n - 1)) == 0;
}

#define pr_err(...)  log_line(LOG_ERR, __VA_ARGS__)
#define pr_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define pr_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define pr_dbg(...)  log_line(LOG_DBG, __VA_ARGS__)
