/* SPDX-License-Identifier: BSD-2-Clause */
/* Which control registers go together, whoever has written them. */
#pragma once

#include "lib/types.h"

struct mmu_regs;

/*
 * The control registers are a state that a processor can be in. False names the rule in *why, true
 * leaves it NULL. What CPUID allows is the affair of whoever writes them.
 */
bool regs_valid(const struct mmu_regs *r, const char **why);
