/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registration of shell commands, beside the code that owns the data. The shell finds all of them
 * in the section shell_cmds; nothing else needs to be edited to add one.
 */
#pragma once

#include "lib/out.h"
#include "lib/types.h"

struct cmd {
	const char *noun;    /* "vm" */
	const char *verb;    /* "list"; "" for a command of one word */
	const char *args;    /* "NAME [N]"; "" if none */
	const char *help;    /* one sentence, no full stop */
	const char *example; /* a whole command line that works on the default machine */
	/* argv[0] is the first argument after the verb. Errors go to out_error(). */
	void (*run)(struct out *o, int argc, char **argv);
	/* NULL, or calls add() with each possible value of argument number idx (from 0). */
	void (*complete)(int idx, void (*add)(void *arg, const char *word), void *arg);
};

#define SHELL_CMD(ident, ...) \
	static const struct cmd ident __used __section("shell_cmds") __aligned(8) = { __VA_ARGS__ }

/*
 * Parses a number: decimal or 0x hex, then at most one suffix K, M, G or T (powers of 1024), and
 * nothing before or after it. Returns 0, -EINVAL when it is no number, -ERANGE when it is too big.
 */
int cmd_parse_u64(const char *s, u64 *val) __must_check;
