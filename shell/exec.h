/* SPDX-License-Identifier: BSD-2-Clause */
/* The command table: looking up, running, completing. */
#pragma once

#include "lib/cmd.h"
#include "shell/line.h"

#define CMD_USAGE_MAX 96

/* Runs one line (which it cuts into words). Output and errors go to o, whose json flag it sets. */
void shell_exec(struct out *o, char *line);
/* struct line_ops.complete */
void shell_complete(void *arg, const char *head, line_add_fn add, void *add_arg);

/* The command after c by name (c = NULL: the first), or NULL. */
const struct cmd *cmd_next(const struct cmd *c);
/* "noun verb args". Returns buf. */
const char *cmd_usage(const struct cmd *c, char buf[CMD_USAGE_MAX]);
