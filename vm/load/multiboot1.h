/* SPDX-License-Identifier: BSD-2-Clause */
/* Source: Multiboot Specification version 0.6.96. */
#pragma once

#include "vm/load/load_priv.h"

/* The file has a multiboot1 header. */
bool multiboot1_match(const struct load_file *f);
int multiboot1_load(struct load *l) __must_check;
