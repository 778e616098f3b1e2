/* SPDX-License-Identifier: BSD-2-Clause */
/* On the host a broken assertion ends the test program. */
#include "lib/bug.h"

#include <stdio.h>
#include <stdlib.h>

void bug(const char *file, int line, const char *expr)
{
	fprintf(stderr, "%s:%d: this must never be true: %s\n", file, line, expr);
	abort();
}
