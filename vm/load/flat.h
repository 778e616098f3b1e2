/* SPDX-License-Identifier: BSD-2-Clause */
/* A flat real-mode binary, started as a PC's firmware starts a boot sector. */
#pragma once

#include "vm/load/load_priv.h"

/* The file has the boot sector's signature. */
bool flat_match(const struct load_file *f);
int flat_load(struct load *l) __must_check;
