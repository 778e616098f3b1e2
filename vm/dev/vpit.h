/* SPDX-License-Identifier: BSD-2-Clause */
/* 8254 timer with port 0x61. Source: Intel "8254 Programmable Interval Timer" datasheet. */
#pragma once

#include "lib/types.h"

struct vm;

int vpit_create(struct vm *vm) __must_check;
/* The channels stand still until the guest programs them. Chipset lock held. */
void vpit_reset(struct vm *vm);
void vpit_quiesce(struct vm *vm);
void vpit_destroy(struct vm *vm);
