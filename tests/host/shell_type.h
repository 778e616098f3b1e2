/* SPDX-License-Identifier: BSD-2-Clause */
/* Typing a command at the shell and looking at what it printed. */
#pragma once

#include "test.h"

#include <stdio.h>

#include "shell/exec.h"

static char text[65536]; /* what the last command printed */
static size_t fill;
static struct out out;
/* Called at each piece of output, if it is set. */
static void (*shell_printed)(void);

static inline void on_write(void *arg, const char *s, size_t n)
{
	(void)arg;
	assert_true(fill + n < sizeof(text));
	if (shell_printed)
		shell_printed();
	memcpy(text + fill, s, n);
	fill += n;
	text[fill] = '\0';
}

static inline const char *run(const char *line)
{
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", line);
	fill = 0;
	text[0] = '\0';
	out_init(&out, on_write, NULL, false);
	shell_exec(&out, copy);
	return text;
}

/* The command prints this, among other things. */
static inline void says(const char *line, const char *part)
{
	if (!strstr(run(line), part))
		fail_msg("%s: no \"%s\" in:\n%s", line, part, text);
}

/* How often the last command printed this. */
static inline u32 count(const char *part)
{
	u32 n = 0;

	for (const char *p = strstr(text, part); p; p = strstr(p + 1, part))
		n++;
	return n;
}
