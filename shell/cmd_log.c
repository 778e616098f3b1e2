/* SPDX-License-Identifier: BSD-2-Clause */
/* log: the lines that the hypervisor wrote about itself. */

#include <string.h>

#include "lib/cmd.h"
#include "lib/log.h"

#include "arch/timer.h"

static const char *const level_names[] = {
	[LOG_ERR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DBG] = "debug"
};

static bool parse_level(struct out *o, const char *name, enum log_level *level)
{
	for (u32 i = 0; i < ARRAY_SIZE(level_names); i++)
		if (strcmp(name, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	out_error(o, "no such level: %s; there are error, warn, info and debug", name);
	return false;
}

struct show {
	struct out *o;
	enum log_level level;
};

static void show_line(void *arg, enum log_level level, u64 tsc, const char *line)
{
	const struct show *s = arg;
	u64 us = tsc_khz ? tsc_to_ns(tsc - tsc_boot) / 1000 : 0;

	if (level > s->level)
		return;
	if (!s->o->json) {
		out_text(s->o, "[%5lu.%06lu] %-5s %s", us / 1000000, us % 1000000,
			 level_names[level], line);
		return;
	}
	out_begin(s->o);
	out_dec(s->o, "us", 0, us);
	out_str(s->o, "level", 0, level_names[level]);
	out_str(s->o, "line", 0, line);
	out_end(s->o);
}

static void run_log(struct out *o, int argc, char **argv)
{
	struct show s = { .o = o, .level = LOG_DBG };

	if (argc == 0 || parse_level(o, argv[0], &s.level))
		log_for_each(show_line, &s);
}

static void run_level(struct out *o, int argc, char **argv)
{
	enum log_level level;

	(void)argc;
	if (parse_level(o, argv[0], &level))
		log_set_level(level);
}

static void complete_level(int idx, void (*add)(void *arg, const char *word), void *arg)
{
	for (u32 i = 0; i < ARRAY_SIZE(level_names) && idx == 0; i++)
		add(arg, level_names[i]);
}

SHELL_CMD(cmd_log, "log", "", "[LEVEL]",
	  "Shows the log, or its lines up to error, warn, info or debug", "log warn", run_log,
	  complete_level);
SHELL_CMD(cmd_log_level, "log", "level", "LEVEL",
	  "Sets which lines of the log also appear on the screen at once", "log level info",
	  run_level, complete_level);
