/* SPDX-License-Identifier: BSD-2-Clause */
/* One command line into words. */
#pragma once

#include "lib/types.h"

#define PARSE_MAX_WORDS 16

struct cmdline {
	int argc;
	char *argv[PARSE_MAX_WORDS + 1]; /* point into the line; argv[argc] is NULL */
	bool json;                       /* -j stood somewhere; it is not in argv */
};

/*
 * Splits line in place. Words end at blanks; quotes of either kind keep blanks in a word; # at the
 * start of a word begins a comment. Returns NULL, or one sentence saying what is wrong.
 */
const char *parse_line(char *line, struct cmdline *c);
