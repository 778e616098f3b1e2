/* SPDX-License-Identifier: BSD-2-Clause */
/* Source: Multiboot2 Specification version 2.0. */
#pragma once

#include "vm/load/load_priv.h"

/* The file has a multiboot2 header. */
bool multiboot2_match(const struct load_file *f);
int multiboot2_load(struct load *l) __must_check;
