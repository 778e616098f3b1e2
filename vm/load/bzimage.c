/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux bzImage. A kernel that has a 64-bit entry is entered there, with paging on and the low
 * 4 GiB mapped to themselves; an older or 32-bit one at its 32-bit entry.
 *
 *	low memory	boot_params, command line, GDT, page tables (highest free, below 640 KiB)
 *	address		protected-mode part of the file, run_size bytes are kept free
 *	top		initrd, as high as initrd_addr_max and RAM allow
 */

#include "vm/load/bzimage.h"

#include <errno.h>
#include <string.h>

/* Offsets of the setup header, the same in the file and in boot_params. */
enum {
	HDR_SETUP_SECTS = 0x1f1,
	HDR_SYSSIZE = 0x1f4,
	HDR_JUMP = 0x200, /* byte 0x201: the header ends at 0x202 + it */
	HDR_MAGIC = 0x202,
	HDR_VERSION = 0x206,
	HDR_LOADER = 0x210,
	HDR_LOADFLAGS = 0x211,
	HDR_CODE32_START = 0x214,
	HDR_RAMDISK_IMAGE = 0x218,
	HDR_RAMDISK_SIZE = 0x21c,
	HDR_CMD_LINE_PTR = 0x228,
	HDR_INITRD_MAX = 0x22c,
	HDR_RELOCATABLE = 0x234,
	HDR_XLOADFLAGS = 0x236,
	HDR_CMDLINE_SIZE = 0x238,
	HDR_PREF_ADDRESS = 0x258,
	HDR_INIT_SIZE = 0x260,
	HDR_MIN_END = 0x264,
};

/* Offsets of boot_params that are not in the setup header. */
enum {
	BP_ACPI_RSDP = 0x070,
	BP_E820_NR = 0x1e8,
	BP_E820 = 0x2d0,
	BP_SIZE = 0x1000,
};

#define MAGIC_HDRS   0x53726448 /* "HdrS" */
#define LOADED_HIGH  0x01
#define XLF_KERNEL64 0x01
#define LOADER_OTHER 0xff
#define ENTRY64_OFF  0x200
#define SECTOR       512
#define HIGH_ADDRESS 0x100000ULL
#define PTE_PW       0x03 /* present, writable */
#define PTE_LARGE    0x80
#define CMDLINE_OLD  255 /* before protocol 2.06 */

bool bzimage_match(const struct load_file *f)
{
	return f->size >= HDR_MAGIC + 4 && get32(f->data + HDR_MAGIC) == MAGIC_HDRS;
}

/* The fields that came with later versions of the protocol. */
static int parse_new(struct load *l, struct bzimage *b)
{
	const u8 *d = l->kernel.data;
	bool relocatable = d[HDR_RELOCATABLE];

	b->cmdline_max = get32(d + HDR_CMDLINE_SIZE);
	if (b->version < 0x020a)
		return 0;
	if (b->header_end < HDR_MIN_END)
		return load_fail(l, &l->kernel,
				 "corrupt bzImage: protocol 2.%u needs a header of 0x%x bytes, it "
				 "ends at 0x%x",
				 b->version & 0xffU, (u32)HDR_MIN_END, b->header_end);
	b->address = get64(d + HDR_PREF_ADDRESS);
	b->run_size = MAX(b->kernel_size, get32(d + HDR_INIT_SIZE));
	b->entry64 = b->version >= 0x020c && get16(d + HDR_XLOADFLAGS) & XLF_KERNEL64;
	if (b->address < HIGH_ADDRESS || b->address >= SZ_4G)
		return load_fail(
			l, &l->kernel,
			"corrupt bzImage: it prefers address 0x%llx, outside 1 MiB to 4 GiB",
			(unsigned long long)b->address);
	/* A 32-bit entry is at code32_start unless the kernel can be anywhere. */
	if (!b->entry64 && !relocatable && b->address != get32(d + HDR_CODE32_START))
		b->address = get32(d + HDR_CODE32_START);
	return 0;
}

/* Where the protected-mode part lies in the file, and whether all of it is there. */
static int parse_parts(struct load *l, struct bzimage *b)
{
	const struct load_file *f = &l->kernel;
	u32 sects = f->data[HDR_SETUP_SECTS] ? f->data[HDR_SETUP_SECTS] : 4;
	u64 setup = (u64)(sects + 1) * SECTOR;
	u64 want = (u64)get32(f->data + HDR_SYSSIZE) * 16;

	if (f->size <= setup)
		return load_fail(l, f,
				 "truncated bzImage: %llu bytes, the set-up part alone is %llu",
				 (unsigned long long)f->size, (unsigned long long)setup);
	b->kernel = f->data + setup;
	b->kernel_size = f->size - setup;
	/* syssize is rounded up to 16 bytes, by old tools without padding the file. */
	if (b->kernel_size + 15 < want)
		return load_fail(l, f, "truncated bzImage: %llu bytes, the header says %llu",
				 (unsigned long long)f->size, (unsigned long long)(setup + want));
	if (want <= ENTRY64_OFF)
		return load_fail(l, f,
				 "corrupt bzImage: the header says that the kernel has %llu bytes",
				 (unsigned long long)want);
	return 0;
}

int bzimage_parse(struct load *l, struct bzimage *b)
{
	const struct load_file *f = &l->kernel;
	int ret;

	memset(b, 0, sizeof(*b));
	if (f->size < BP_SIZE)
		return load_fail(l, f, "truncated bzImage: only %llu bytes",
				 (unsigned long long)f->size);
	b->version = get16(f->data + HDR_VERSION);
	b->header_end = HDR_MAGIC + f->data[HDR_JUMP + 1];
	if (b->version < 0x0206 || b->version >> 8 != 2)
		return load_fail(l, f,
				 "boot protocol %u.%02u; Umbra needs 2.06 (Linux 2.6.22) or later",
				 b->version >> 8U, b->version & 0xffU);
	if (b->header_end < HDR_CMDLINE_SIZE + 4 || b->header_end > BP_E820)
		return load_fail(l, f, "corrupt bzImage: the set-up header ends at 0x%x",
				 b->header_end);
	if (!(f->data[HDR_LOADFLAGS] & LOADED_HIGH))
		return load_fail(l, f,
				 "a zImage, which runs below 1 MiB; Umbra loads bzImage only");
	ret = parse_parts(l, b);
	if (ret)
		return ret;
	b->address = HIGH_ADDRESS;
	b->run_size = b->kernel_size;
	b->cmdline_max = CMDLINE_OLD;
	b->initrd_end = (u64)get32(f->data + HDR_INITRD_MAX) + 1;
	return parse_new(l, b);
}

static int place_kernel(struct load *l, const struct bzimage *b)
{
	if (!load_claim(l, b->address, b->run_size))
		return load_fail(
			l, &l->kernel, "needs RAM from %llu to %llu MiB: give the VM more memory",
			(unsigned long long)(b->address / SZ_1M),
			(unsigned long long)((b->address + b->run_size + SZ_1M - 1) / SZ_1M));
	return load_copy(l, b->address, b->kernel, b->kernel_size);
}

/* Writes one field of boot_params. */
static int set_param(struct load *l, u32 off, u64 val, u32 size)
{
	u8 bytes[8];

	put64(bytes, val);
	return load_copy(l, l->cpu.rsi + off, bytes, size);
}

static int place_initrd(struct load *l, const struct bzimage *b)
{
	const struct load_file *f = &l->initrd;
	u64 at;
	int ret;

	if (!f->data || f->size == 0)
		return 0;
	ret = load_initrd(l, HIGH_ADDRESS, MIN(b->initrd_end, SZ_4G), &at);
	if (!ret)
		ret = set_param(l, HDR_RAMDISK_IMAGE, at, 4);
	return ret ? ret : set_param(l, HDR_RAMDISK_SIZE, f->size, 4);
}

static int place_cmdline(struct load *l, const struct bzimage *b)
{
	u64 len = strlen(l->cmdline);
	u64 at;
	int ret;

	if (len > b->cmdline_max)
		return load_fail(l, &l->kernel,
				 "takes a command line of %u characters, the VM's has %llu",
				 b->cmdline_max, (unsigned long long)len);
	ret = load_low(l, l->cmdline, len + 1, 16, &at);
	return ret ? ret : set_param(l, HDR_CMD_LINE_PTR, at, 4);
}

/* One page of 512 entries that count up from first by step. */
static int fill_table(struct load *l, u64 gpa, u64 first, u64 step, u32 nr)
{
	u64 chunk[32];

	for (u32 i = 0; i < nr; i += ARRAY_SIZE(chunk)) {
		u32 n = MIN(nr - i, (u32)ARRAY_SIZE(chunk));
		int ret;

		for (u32 k = 0; k < n; k++)
			chunk[k] = first + (i + k) * step;
		ret = load_copy(l, gpa + i * 8, chunk, n * 8);
		if (ret)
			return ret;
	}
	return 0;
}

/* Maps the low 4 GiB to themselves: one root, one pointer table, 4 directories of 2 MiB pages. */
static int place_page_tables(struct load *l)
{
	u64 base;
	int ret = load_low(l, NULL, 6 * PAGE_SIZE, PAGE_SIZE, &base);

	l->cpu.cr3 = base;
	if (!ret)
		ret = fill_table(l, base, (base + PAGE_SIZE) | PTE_PW, 0, 1);
	if (!ret)
		ret = fill_table(l, base + PAGE_SIZE, (base + 2 * PAGE_SIZE) | PTE_PW, PAGE_SIZE,
				 4);
	if (!ret)
		ret = fill_table(l, base + 2 * PAGE_SIZE, PTE_PW | PTE_LARGE, SZ_2M, 4 * 512);
	return ret;
}

/* The fields that come from the file and from the memory map. */
static int place_params(struct load *l, const struct bzimage *b)
{
	int ret = load_low(l, NULL, BP_SIZE, PAGE_SIZE, &l->cpu.rsi);

	if (!ret)
		ret = load_copy(l, l->cpu.rsi + HDR_SETUP_SECTS, l->kernel.data + HDR_SETUP_SECTS,
				b->header_end - HDR_SETUP_SECTS);
	if (!ret)
		ret = set_param(l, HDR_LOADER, LOADER_OTHER, 1);
	if (!ret)
		ret = set_param(l, HDR_CODE32_START, b->address, 4);
	if (!ret)
		ret = set_param(l, BP_ACPI_RSDP, l->rsdp, 8);
	if (!ret)
		ret = set_param(l, BP_E820_NR, l->nr_map, 1);
	return ret ? ret
		   : load_copy(l, l->cpu.rsi + BP_E820, l->map, l->nr_map * sizeof(l->map[0]));
}

int bzimage_load(struct load *l)
{
	struct bzimage b;
	int ret = bzimage_parse(l, &b);

	if (ret)
		return ret;
	l->cpu.mode = b.entry64 ? BOOT_LONG : BOOT_PROT;
	l->cpu.rip = b.address + (b.entry64 ? ENTRY64_OFF : 0);
	ret = place_kernel(l, &b);
	if (!ret)
		ret = place_params(l, &b);
	if (!ret)
		ret = place_initrd(l, &b);
	if (!ret)
		ret = place_cmdline(l, &b);
	if (!ret && b.entry64)
		ret = place_page_tables(l);
	return ret ? ret : load_gdt(l);
}
