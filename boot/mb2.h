/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the boot loader told us, copied out of its own memory.
 * Source: Multiboot2 Specification "Boot information format".
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#define MB2_BOOT_MAGIC 0x36d76289

#define BOOT_MAX_RANGES  128
#define BOOT_MAX_MODULES 32

enum boot_mem_type {
	BOOT_MEM_RAM = 1,
	BOOT_MEM_RESERVED = 2,
	BOOT_MEM_ACPI = 3,
	BOOT_MEM_NVS = 4,
	BOOT_MEM_BAD = 5,
};

struct boot_range {
	hpa_t base;
	u64 size;
	u32 type; /* enum boot_mem_type */
};

struct boot_module {
	hpa_t base;
	u64 size;
	char name[64]; /* last path component of its first word */
};

struct boot_info {
	char cmdline[256];
	char loader[64];
	struct boot_range range[BOOT_MAX_RANGES];
	u32 nr_ranges;
	struct boot_module module[BOOT_MAX_MODULES];
	u32 nr_modules;
	u8 rsdp[36]; /* copy of the ACPI root pointer; all zero if none */
	bool has_rsdp;
};

/*
 * Parses the information block of size bytes (its own total_size is checked against it). Entries
 * beyond the limits are dropped and counted in *dropped. -EINVAL when the block is malformed.
 */
int mb2_parse(const void *info, size_t size, struct boot_info *out, u32 *dropped);
