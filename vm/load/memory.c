/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory as a loader sees it: which ranges are RAM and free, and bytes into them. */

#include "vm/load/load_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOW_MIN 0x1000ULL  /* page 0 keeps the interrupt table and the BIOS data area */
#define LOW_END 0xa0000ULL /* where a PC's video memory begins */

int load_fail(struct load *l, const struct load_file *f, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(l->err, l->err_size, "%s: ", f->name);

	if (n < 0 || (size_t)n >= l->err_size)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(l->err + n, l->err_size - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static bool is_ram(const struct load *l, u64 base, u64 size)
{
	for (u32 i = 0; i < l->nr_map; i++) {
		const struct e820_entry *e = &l->map[i];

		if (e->type == E820_RAM && base >= e->base && size <= e->size &&
		    base - e->base <= e->size - size)
			return true;
	}
	return false;
}

/* The taken range that overlaps [base, base + size), or NULL. */
static const struct load_range *overlap(const struct load *l, u64 base, u64 size)
{
	for (u32 i = 0; i < l->nr_used; i++) {
		const struct load_range *r = &l->used[i];

		if (base < r->base + r->size && r->base < base + size)
			return r;
	}
	return NULL;
}

bool load_claim(struct load *l, u64 base, u64 size)
{
	if (size == 0)
		return true;
	if (l->nr_used == LOAD_MAX_RANGES || !is_ram(l, base, size) || overlap(l, base, size))
		return false;
	l->used[l->nr_used++] = (struct load_range){ base, size };
	return true;
}

/* The highest free place in [lo, hi). Each taken range that is in the way moves the end down. */
static bool place_in(const struct load *l, u64 size, u64 align, u64 lo, u64 hi, u64 *base)
{
	while (hi >= size && hi > lo) {
		u64 at = ALIGN_DOWN(hi - size, align);
		const struct load_range *r;

		if (at < lo)
			return false;
		r = overlap(l, at, size);
		if (!r) {
			*base = at;
			return true;
		}
		hi = r->base;
	}
	return false;
}

bool load_place(struct load *l, u64 size, u64 align, u64 min, u64 end, u64 *base)
{
	if (size == 0 || l->nr_used == LOAD_MAX_RANGES)
		return false;
	for (u32 i = l->nr_map; i-- > 0;) {
		const struct e820_entry *e = &l->map[i];

		if (e->type == E820_RAM && place_in(l, size, align, MAX(e->base, min),
						    MIN(e->base + e->size, end), base)) {
			l->used[l->nr_used++] = (struct load_range){ *base, size };
			return true;
		}
	}
	return false;
}

int load_copy(struct load *l, u64 gpa, const void *data, u64 size)
{
	if (size && mmu_write(l->mem, GPA(gpa), data, size))
		return load_fail(l, &l->kernel, "guest memory at 0x%llx cannot be written",
				 (unsigned long long)gpa);
	return 0;
}

int load_zero(struct load *l, u64 gpa, u64 size)
{
	static u8 zeros[PAGE_SIZE]; /* not const: constants take room in the image */

	while (size) {
		u64 n = MIN(size, PAGE_SIZE);
		int ret = load_copy(l, gpa, zeros, n);

		if (ret)
			return ret;
		gpa += n;
		size -= n;
	}
	return 0;
}

int load_initrd(struct load *l, u64 min, u64 end, u64 *base)
{
	const struct load_file *f = &l->initrd;

	if (!load_place(l, MAX(f->size, 1ULL), PAGE_SIZE, min, end, base))
		return load_fail(l, f,
				 "%llu bytes do not fit beside the kernel: give the VM more memory",
				 (unsigned long long)f->size);
	return load_copy(l, *base, f->data, f->size);
}

int load_low(struct load *l, const void *data, u64 size, u64 align, u64 *gpa)
{
	if (!load_place(l, size, align, LOW_MIN, LOW_END, gpa))
		return load_fail(l, &l->kernel,
				 "leaves no room below 640 KiB for %llu bytes of boot information",
				 (unsigned long long)size);
	return data ? load_copy(l, *gpa, data, size) : load_zero(l, *gpa, size);
}

void load_mem_kib(const struct load *l, u32 *lower, u32 *upper)
{
	*lower = *upper = 0;
	for (u32 i = 0; i < l->nr_map; i++) {
		const struct e820_entry *e = &l->map[i];

		if (e->type == E820_RAM && e->base == 0)
			*lower = (u32)(MIN(e->size, LOW_END) / 1024);
		if (e->type == E820_RAM && e->base == SZ_1M)
			*upper = (u32)(MIN(e->size, SZ_4G) / 1024);
	}
}

int load_gdt(struct load *l)
{
	u64 gdt[4] = {
		[BOOT_CS / 8] =
			l->cpu.mode == BOOT_LONG ? 0x00af9b000000ffffULL : 0x00cf9b000000ffffULL,
		[BOOT_DS / 8] = 0x00cf93000000ffffULL,
	};

	return load_low(l, gdt, sizeof(gdt), 8, &l->cpu.gdt);
}
