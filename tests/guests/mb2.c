/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mb2: a multiboot2 loader and what it hands over.
 *
 * The file is ELF64 and has a multiboot2 header that asks for the memory map and basic memory
 * information, names its entry point, and mentions a feature that is optional. It is entered in
 * 32-bit protected mode with the magic in EAX; the tags lie at EBX, 8-byte aligned, in a list that
 * ends with the total size. The command line, the name of the loader, the memory sizes and the map
 * (RAM from 0 and from 1 MiB on, this program inside of it) and the ACPI root pointer must be
 * there. On the bare machine GRUB is the loader, which proves the program.
 */

#include "tests/guests/lib/guest.h"

#include <string.h>

__asm__(".pushsection .multiboot, \"a\"; .balign 8\n"
	"mb2: .long 0xe85250d6, 0, mb2_end - mb2, -(0xe85250d6 + (mb2_end - mb2))\n"
	"	.short 1, 0; .long 16, 4, 6\n"      /* wanted: basic memory information, map */
	"	.short 3, 0; .long 12, _start, 0\n" /* entry */
	"	.short 4, 1; .long 12, 3, 0\n"      /* optional: console flags */
	"	.short 0, 0; .long 8\n"
	"mb2_end: .popsection\n");

struct tag {
	u32 type, size;
	u8 data[];
};

static const struct tag *find(u32 type)
{
	u32 total = *(u32 *)at(boot_info);

	for (u64 off = 8; off + 8 <= total;) {
		const struct tag *t = at(boot_info + off);

		if (t->type == type)
			return t;
		off += ALIGN_UP((u64)t->size, 8ULL);
	}
	return NULL;
}

static u64 quad(const u8 *p)
{
	u64 v;

	memcpy(&v, p, 8);
	return v;
}

/* Length of RAM that starts at base, by the map. */
static u64 ram_from(const struct tag *map, u64 base)
{
	u32 step;

	memcpy(&step, map->data, 4);
	for (u32 off = 8; off + step <= map->size - 8; off += step)
		if (quad(map->data + off) == base && map->data[off + 16] == 1)
			return quad(map->data + off + 8);
	return 0;
}

void guest_main(void)
{
	const struct tag *line, *loader, *mem, *map, *end;
	u32 upper;

	check(boot_magic == 0x36d76289, "mb2.magic", "EAX = 0x%x", boot_magic);
	check(boot_info % 8 == 0, "mb2.alignment", "EBX = 0x%x", boot_info);
	line = find(1);
	loader = find(2);
	mem = find(4);
	map = find(6);
	end = find(0);
	check(line != NULL, "mb2.command_line", "no such tag");
	check(loader && loader->size > 9, "mb2.loader_name", "no such tag");
	check(end && (u64)end + 8 == boot_info + *(u32 *)at(boot_info), "mb2.end_tag", "not last");
	if (!check(mem && map, "mb2.memory", "tags %d %d", mem != NULL, map != NULL))
		return;
	memcpy(&upper, mem->data + 4, 4);
	check(upper >= 8 * 1024, "mb2.mem_upper", "%u KiB", upper);
	check(ram_from(map, 0) >= 600 * 1024, "mb2.map_low", "%llu bytes",
	      (unsigned long long)ram_from(map, 0));
	check(ram_from(map, SZ_1M) >= 8 * SZ_1M, "mb2.map_high", "%llu bytes",
	      (unsigned long long)ram_from(map, SZ_1M));
	check(find(14) || find(15), "mb2.acpi", "no root pointer");
}
