/* SPDX-License-Identifier: BSD-2-Clause */
/* mem map: ranges of the firmware, the image, the modules. */
#include "boot/cmd_mem.h"

#include "lib/cmd.h"

#include "arch/mem.h"

extern char image_start[], image_end[];

static const struct boot_info *boot;

static void row(struct out *o, u64 base, u64 size, const char *what, const char *name)
{
	out_begin(o);
	out_hex(o, "hpa", -16, base);
	out_hex(o, "end", -16, base + size);
	out_dec(o, "kib", 10, size / 1024);
	out_str(o, "what", -10, what);
	out_str(o, "name", -1, name);
	out_end(o);
}

static const char *type_name(u32 type)
{
	static const char *const names[] = {
		[BOOT_MEM_RAM] = "ram", [BOOT_MEM_RESERVED] = "reserved", [BOOT_MEM_ACPI] = "acpi",
		[BOOT_MEM_NVS] = "nvs", [BOOT_MEM_BAD] = "bad",
	};

	return type < ARRAY_SIZE(names) && names[type] ? names[type] : "unknown";
}

static void run_map(struct out *o, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	out_heading(o);
	for (u32 i = 0; i < boot->nr_ranges; i++)
		row(o, boot->range[i].base.v, boot->range[i].size, type_name(boot->range[i].type),
		    "");
	row(o, (u64)image_start - IMAGE_BASE, (u64)(image_end - image_start), "image", "umbra");
	for (u32 i = 0; i < boot->nr_modules; i++)
		row(o, boot->module[i].base.v, boot->module[i].size, "module",
		    boot->module[i].name);
}

void cmd_mem_init(const struct boot_info *info)
{
	boot = info;
}

SHELL_CMD(cmd_mem_map, "mem", "map", "",
	  "Shows the firmware's memory map, the image and the modules", "mem map", run_map, NULL);
