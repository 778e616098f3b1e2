/* SPDX-License-Identifier: BSD-2-Clause */
/* Filling the neighbours of an entry that has just been filled. */
#pragma once

#include "lib/types.h"

#include "mmu/shadow/fetch.h"

/*
 * x: a level-1 page of the path, idx: the entry filled. Entries that the guest has used before
 * (A set) are filled with what every access may do; nothing is allocated, no table goes unsync, and
 * an entry that needs more is left to its own fault.
 */
void prefetch(const struct fetch *f, spx_t x, u32 idx);
