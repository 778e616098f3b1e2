/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/memory.h"

#include "arch/frames.h"
#include "arch/hostmap.h"
#include "arch/mem.h"

extern char image_start[], image_end[];

static bool overlaps(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* Does [base, base + size) touch anything that must survive? */
static u64 blocker_end(const struct boot_info *bi, u64 base, u64 size)
{
	u64 image = (u64)image_start - IMAGE_BASE, image_size = (u64)(image_end - image_start);

	if (overlaps(base, size, image, image_size))
		return image + image_size;
	for (u32 i = 0; i < bi->nr_modules; i++)
		if (overlaps(base, size, bi->module[i].base.v, bi->module[i].size))
			return bi->module[i].base.v + bi->module[i].size;
	for (u32 i = 0; i < bi->nr_ranges; i++)
		if (bi->range[i].type != BOOT_MEM_RAM &&
		    overlaps(base, size, bi->range[i].base.v, bi->range[i].size))
			return bi->range[i].base.v + bi->range[i].size;
	return 0;
}

/* Lowest place in RAM in [from, limit) for size bytes. 0 = none. */
static u64 find_place(const struct boot_info *bi, u64 size, u64 from, u64 limit)
{
	for (u32 i = 0; i < bi->nr_ranges; i++) {
		const struct boot_range *r = &bi->range[i];
		u64 a = ALIGN_UP(MAX(r->base.v, from), PAGE_SIZE),
		    end = MIN(r->base.v + r->size, limit), b;

		if (r->type != BOOT_MEM_RAM)
			continue;
		while (a + size <= end && (b = blocker_end(bi, a, size)))
			a = ALIGN_UP(b, PAGE_SIZE);
		if (a + size <= end)
			return a;
	}
	return 0;
}

hpa_t memory_low_page(const struct boot_info *bi)
{
	return HPA(find_place(bi, PAGE_SIZE, PAGE_SIZE, 0xa0000));
}

const char *memory_init(const struct boot_info *bi)
{
	u64 ram_end = 0, map, map_size;

	for (u32 i = 0; i < bi->nr_ranges; i++)
		if (bi->range[i].type == BOOT_MEM_RAM)
			ram_end = MAX(ram_end, bi->range[i].base.v + bi->range[i].size);
	if (!ram_end)
		return "no memory map from the boot loader; load Umbra with GRUB's multiboot2 command";
	ram_end = MIN(ram_end, BIT(46)); /* what the direct map has room for */
	map_size = ALIGN_UP(ram_end / PAGE_SIZE / 8, PAGE_SIZE);
	map = find_place(bi, map_size, SZ_1M, SZ_4G);
	if (!map)
		return "no room for the frame bitmap below 4 GiB; give the machine more memory";
	frames_init(hpa_ptr(HPA(map)), ram_end / PAGE_SIZE);
	for (u32 i = 0; i < bi->nr_ranges; i++)
		if (bi->range[i].type == BOOT_MEM_RAM)
			frames_add(bi->range[i].base, bi->range[i].size);
	for (u32 i = 0; i < bi->nr_ranges; i++)
		if (bi->range[i].type != BOOT_MEM_RAM)
			frames_reserve(bi->range[i].base, bi->range[i].size);
	frames_reserve(HPA(0), SZ_1M);
	frames_reserve(HPA((u64)image_start - IMAGE_BASE), (u64)(image_end - image_start));
	frames_reserve(HPA(map), map_size);
	for (u32 i = 0; i < bi->nr_modules; i++)
		frames_reserve(bi->module[i].base, bi->module[i].size);
	hostmap_init(ram_end);
	return NULL;
}
