/* SPDX-License-Identifier: BSD-2-Clause */
/* The reasons in words, for the shell. */

#include "vm/exit.h"

const char *const exit_names[EXIT_NR] = {
#define X(id, name) name,
	EXIT_REASONS(X)
#undef X
};
