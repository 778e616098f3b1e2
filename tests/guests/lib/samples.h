/* SPDX-License-Identifier: BSD-2-Clause */
/* Times that a benchmark took, and the line that says so. */
#pragma once

#include "lib/types.h"

/* Sorts them and prints one line:	bench NAME min=N median=N mean=N n=N */
void samples_print(const char *name, u64 *samples, u32 nr);
