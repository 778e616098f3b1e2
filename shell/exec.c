/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands live in the section shell_cmds in link order; people see them by name. */

#include "shell/exec.h"

#include <stdio.h>
#include <string.h>

#include "shell/parse.h"

extern const struct cmd shell_cmds_start[], shell_cmds_end[]; /* linker.ld */

#define for_each_cmd(c) for (const struct cmd *c = shell_cmds_start; c < shell_cmds_end; c++)

static int compare(const struct cmd *a, const struct cmd *b)
{
	int r = strcmp(a->noun, b->noun);

	return r ? r : strcmp(a->verb, b->verb);
}

const struct cmd *cmd_next(const struct cmd *after)
{
	const struct cmd *best = NULL;

	for_each_cmd(c) if ((!after || compare(c, after) > 0) && (!best || compare(c, best) < 0))
		best = c;
	return best;
}

const char *cmd_usage(const struct cmd *c, char buf[CMD_USAGE_MAX])
{
	snprintf(buf, CMD_USAGE_MAX, "%s%s%s%s%s", c->noun, *c->verb ? " " : "", c->verb,
		 *c->args ? " " : "", c->args);
	return buf;
}

static const struct cmd *find(const char *noun, const char *verb)
{
	for_each_cmd(c) if (strcmp(c->noun, noun) == 0 && strcmp(c->verb, verb) == 0) return c;
	return NULL;
}

static bool is_noun(const char *noun)
{
	for_each_cmd(c) if (strcmp(c->noun, noun) == 0) return true;
	return false;
}

/* --- running ---------------------------------------------------------------------------------- */

/*
 * How many arguments a command takes, from its text: words are separated by blanks, those in
 * brackets may be left out, "..." means any number.
 */
static void count_args(const char *args, int *least, int *most)
{
	int depth = 0;

	*least = *most = 0;
	for (const char *p = args; *p; p++) {
		if (*p != ' ' && (p == args || p[-1] == ' ')) {
			*least += depth == 0 && *p != '[';
			*most += 1;
		}
		depth += (*p == '[') - (*p == ']');
	}
	if (strstr(args, "..."))
		*most = PARSE_MAX_WORDS;
}

static void list_verbs(struct out *o, const char *noun)
{
	char text[256] = "";
	size_t n = 0;

	for (const struct cmd *c = cmd_next(NULL); c; c = cmd_next(c))
		if (strcmp(c->noun, noun) == 0 && *c->verb && n < sizeof(text) - 1)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "",
					      c->verb);
	out_error(o, "%s needs one of: %s", noun, text);
}

static void report_unknown(struct out *o, const struct cmdline *l)
{
	if (!is_noun(l->argv[0]))
		out_error(o, "no such command: %s; try help", l->argv[0]);
	else if (l->argc > 1)
		out_error(o, "no such command: %s %s; try help %s", l->argv[0], l->argv[1],
			  l->argv[0]);
	else
		list_verbs(o, l->argv[0]);
}

void shell_exec(struct out *o, char *line)
{
	char usage[CMD_USAGE_MAX];
	struct cmdline l;
	const char *problem = parse_line(line, &l);
	const struct cmd *c = NULL;
	int used = 2, least, most;

	o->json = l.json;
	if (problem) {
		out_error(o, "%s", problem);
		return;
	}
	if (l.argc == 0)
		return;
	if (l.argc > 1)
		c = find(l.argv[0], l.argv[1]);
	if (!c) {
		c = find(l.argv[0], "");
		used = 1;
	}
	if (!c) {
		report_unknown(o, &l);
		return;
	}
	count_args(c->args, &least, &most);
	if (l.argc - used < least || l.argc - used > most) {
		out_error(o, "usage: %s; for example: %s", cmd_usage(c, usage), c->example);
		return;
	}
	c->run(o, l.argc - used, l.argv + used);
}

/* --- completion ------------------------------------------------------------------------------- */

static void complete_nouns(line_add_fn add, void *add_arg)
{
	const struct cmd *prev = NULL;

	for (const struct cmd *c = cmd_next(NULL); c; prev = c, c = cmd_next(c))
		if (!prev || strcmp(prev->noun, c->noun) != 0)
			add(add_arg, c->noun);
}

static void complete_verbs(const char *noun, line_add_fn add, void *add_arg)
{
	for (const struct cmd *c = cmd_next(NULL); c; c = cmd_next(c))
		if (strcmp(c->noun, noun) == 0 && *c->verb)
			add(add_arg, c->verb);
}

void shell_complete(void *arg, const char *head, line_add_fn add, void *add_arg)
{
	size_t n = strlen(head);
	char words[LINE_MAX];
	const struct cmd *c = NULL;
	struct cmdline l;
	int whole; /* words before the one to complete */

	(void)arg;
	snprintf(words, sizeof(words), "%s", head);
	if (parse_line(words, &l))
		return;
	whole = l.argc - (n > 0 && head[n - 1] != ' ' && l.argc > 0);
	if (whole == 0) {
		complete_nouns(add, add_arg);
		return;
	}
	if (whole == 1)
		complete_verbs(l.argv[0], add, add_arg);
	else
		c = find(l.argv[0], l.argv[1]);
	if (c) {
		whole -= 2;
	} else {
		c = find(l.argv[0], "");
		whole -= 1;
	}
	if (c && c->complete)
		c->complete(whole, add, add_arg);
}
