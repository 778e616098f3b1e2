/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory map that a guest is told, in the layout that the PC firmware interface INT 15h
 * AX=E820h and Linux's boot_params share. Source: ACPI specification "INT 15H, E820H".
 */
#pragma once

#include "lib/types.h"

enum e820_type {
	E820_RAM = 1,
	E820_RESERVED = 2,
	E820_ACPI = 3,
	E820_NVS = 4,
};

struct e820_entry {
	u64 base;
	u64 size;
	u32 type;
} __packed;

#define E820_MAX 8

struct vm;

/* Fills map with at most max entries in rising order, without overlaps; returns their number. */
u32 vm_e820(const struct vm *vm, struct e820_entry *map, u32 max);
