/* SPDX-License-Identifier: BSD-2-Clause */
/* Words, quotes, comments and the flag -j. */

#include "shell/parse.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Takes the word at *src, without its quotes, and moves *src behind it. The word is written over
 * what was read, since it cannot become longer. NULL: a quote stays open.
 */
static char *take_word(char **src)
{
	char *word = *src, *dst = *src, *s = *src;
	char quote = 0;

	for (; *s && (quote || !is_blank(*s)); s++) {
		if (!quote && (*s == '"' || *s == '\''))
			quote = *s;
		else if (quote && *s == quote)
			quote = 0;
		else
			*dst++ = *s;
	}
	*src = *s ? s + 1 : s;
	*dst = '\0';
	return quote ? NULL : word;
}

const char *parse_line(char *line, struct cmdline *c)
{
	*c = (struct cmdline){ 0 };
	for (;;) {
		bool quoted;
		char *word;

		while (is_blank(*line))
			line++;
		if (*line == '\0' || *line == '#')
			return NULL;
		quoted = *line == '"' || *line == '\'';
		word = take_word(&line);
		if (!word)
			return "a quote is not closed";
		if (!quoted && strcmp(word, "-j") == 0) {
			c->json = true;
			continue;
		}
		if (c->argc == PARSE_MAX_WORDS)
			return "too many words: a command has at most 16";
		c->argv[c->argc++] = word;
	}
}
