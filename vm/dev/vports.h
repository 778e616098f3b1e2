/* SPDX-License-Identifier: BSD-2-Clause */
/* The small ports: PCI configuration and reset control, port 0x92, the keyboard controller's reset
 * line, debugcon, isa-debug-exit. */
#pragma once

#include "lib/types.h"

struct vm;

int vports_create(struct vm *vm) __must_check;
/* Chipset lock held. */
void vports_reset(struct vm *vm);
void vports_destroy(struct vm *vm);
