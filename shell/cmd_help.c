/* SPDX-License-Identifier: BSD-2-Clause */
/* help: what there is, and how each command is used. */

#include <string.h>

#include "shell/exec.h"
#include "shell/mux.h"

static void show_record(struct out *o, const struct cmd *c)
{
	char usage[CMD_USAGE_MAX];

	out_begin(o);
	out_str(o, "command", -40, cmd_usage(c, usage));
	out_str(o, "does", -1, c->help);
	if (o->json)
		out_str(o, "example", -1, c->example);
	out_end(o);
}

static void show_whole(struct out *o, const struct cmd *c)
{
	char usage[CMD_USAGE_MAX];

	out_text(o, "%s\n    %s.\n    Example: %s\n", cmd_usage(c, usage), c->help, c->example);
}

static void run_help(struct out *o, int argc, char **argv)
{
	u32 shown = 0;

	for (const struct cmd *c = cmd_next(NULL); c; c = cmd_next(c)) {
		if (argc > 0 && strcmp(c->noun, argv[0]) != 0)
			continue;
		if (argc > 1 && strcmp(c->verb, argv[1]) != 0)
			continue;
		shown++;
		if (argc > 0 && !o->json)
			show_whole(o, c);
		else
			show_record(o, c);
	}
	if (shown == 0)
		out_error(o, "no such command: %s; try help", argv[argc - 1]);
	else if (argc == 0 && !o->json)
		out_text(
			o,
			"\nhelp NOUN shows examples. Tab completes. -j prints JSON, one object per line.\n"
			"%s switches between the shell and a guest's console.\n",
			mux_escape_name());
}

static void complete_help(int idx, line_add_fn add, void *arg)
{
	const struct cmd *prev = NULL;

	for (const struct cmd *c = cmd_next(NULL); c && idx == 0; prev = c, c = cmd_next(c))
		if (!prev || strcmp(prev->noun, c->noun) != 0)
			add(arg, c->noun);
}

SHELL_CMD(cmd_help, "help", "", "[NOUN] [VERB]",
	  "Lists all commands, or shows how those of NOUN are used", "help vm", run_help,
	  complete_help);
