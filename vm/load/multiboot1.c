/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot1: ELF32, ELF64, or any file whose header gives the addresses (the "a.out kludge").
 * Entered in 32-bit protected mode with EAX = magic and EBX = the information structure. The initrd
 * of the configuration is the one module.
 */

#include "vm/load/multiboot1.h"

#include <errno.h>
#include <string.h>

#include "vm/load/elf.h"

#define SEARCH      8192
#define MAGIC       0x1badb002U
#define BOOT_MAGIC  0x2badb002U
#define WANT_ALIGN  BIT32(0)
#define WANT_MEM    BIT32(1)
#define WANT_VIDEO  BIT32(2)
#define WANT_KNOWN  (WANT_ALIGN | WANT_MEM)
#define HAS_ADDRESS BIT32(16)

/* Information structure. */
#define INFO_MEM     BIT32(0)
#define INFO_CMDLINE BIT32(2)
#define INFO_MODS    BIT32(3)
#define INFO_MMAP    BIT32(6)
#define INFO_LOADER  BIT32(9)

struct info {
	u32 flags;
	u32 mem_lower, mem_upper;
	u32 boot_device;
	u32 cmdline;
	u32 mods_count, mods_addr;
	u32 syms[4];
	u32 mmap_length, mmap_addr;
	u32 drives_length, drives_addr;
	u32 config_table;
	u32 boot_loader_name;
	u32 apm_table;
};

struct module {
	u32 start, end, string, reserved;
};

struct mmap {
	u32 size; /* of the rest */
	struct e820_entry e;
} __packed;

/* Offset of the header; false if there is none. */
static bool find(const struct load_file *f, u64 *off)
{
	for (u64 o = 0; o < SEARCH && o + 12 <= f->size; o += 4) {
		const u8 *p = f->data + o;

		if (get32(p) == MAGIC && get32(p) + get32(p + 4) + get32(p + 8) == 0) {
			*off = o;
			return true;
		}
	}
	return false;
}

bool multiboot1_match(const struct load_file *f)
{
	u64 off;

	return find(f, &off);
}

/* An image by the address fields of its header, which is at off. */
static int place_by_header(struct load *l, u64 off)
{
	const struct load_file *f = &l->kernel;
	const u8 *h = f->data + off;
	u32 header_addr, load_addr, load_end, bss_end;
	u64 start, size, mem;
	int ret;

	if (off + 32 > f->size)
		return load_fail(l, f, "truncated multiboot header at byte %llu",
				 (unsigned long long)off);
	header_addr = get32(h + 12);
	load_addr = get32(h + 16);
	load_end = get32(h + 20);
	bss_end = get32(h + 24);
	if (load_addr > header_addr || header_addr - load_addr > off)
		return load_fail(l, f,
				 "corrupt multiboot header: load address 0x%x, header at 0x%x",
				 load_addr, header_addr);
	start = off - (header_addr - load_addr);
	size = load_end ? (u64)load_end - load_addr : f->size - start;
	if (load_end < load_addr && load_end)
		return load_fail(l, f, "corrupt multiboot header: loads from 0x%x to 0x%x",
				 load_addr, load_end);
	if (size > f->size - start)
		return load_fail(l, f,
				 "truncated: the multiboot header loads %llu bytes, %llu are there",
				 (unsigned long long)size, (unsigned long long)(f->size - start));
	mem = bss_end > load_addr ? MAX(size, (u64)bss_end - load_addr) : size;
	if (!load_claim(l, load_addr, mem))
		return load_fail(l, f,
				 "0x%x to 0x%llx is not all in free RAM: give the VM more memory",
				 load_addr, (unsigned long long)(load_addr + mem));
	l->cpu.rip = get32(h + 28);
	ret = load_copy(l, load_addr, f->data + start, size);
	return ret ? ret : load_zero(l, load_addr + size, mem - size);
}

static int place_elf(struct load *l)
{
	struct elf e;
	int ret;

	if (!elf_match(&l->kernel))
		return load_fail(
			l, &l->kernel,
			"has a multiboot header, but is no ELF file and gives no addresses");
	ret = elf_parse(l, &e);
	if (!ret)
		ret = elf_entry(l, &e, &l->cpu.rip);
	return ret ? ret : elf_place(l, &e);
}

static int put_module(struct load *l, struct info *info)
{
	const struct load_file *f = &l->initrd;
	struct module m = { 0 };
	u64 at, string, list;
	int ret;

	if (!f->data)
		return 0;
	ret = load_initrd(l, SZ_1M, SZ_4G, &at);
	if (!ret)
		ret = load_low(l, f->name, strlen(f->name) + 1, 1, &string);
	if (ret)
		return ret;
	m.start = (u32)at;
	m.end = (u32)(at + f->size);
	m.string = (u32)string;
	ret = load_low(l, &m, sizeof(m), 4, &list);
	info->flags |= INFO_MODS;
	info->mods_count = 1;
	info->mods_addr = (u32)list;
	return ret;
}

static int put_mmap(struct load *l, struct info *info)
{
	struct mmap map[E820_MAX];
	u64 at;
	int ret;

	for (u32 i = 0; i < l->nr_map; i++) {
		map[i].size = sizeof(map[i].e);
		map[i].e = l->map[i];
	}
	info->mmap_length = l->nr_map * (u32)sizeof(map[0]);
	ret = load_low(l, map, info->mmap_length, 4, &at);
	info->mmap_addr = (u32)at;
	info->flags |= INFO_MMAP | INFO_MEM;
	load_mem_kib(l, &info->mem_lower, &info->mem_upper);
	return ret;
}

/* The command line begins with the name of the file, as GRUB and QEMU have it. */
static int put_strings(struct load *l, struct info *info)
{
	u64 name_len = strlen(l->kernel.name), rest_len = strlen(l->cmdline);
	u64 line, loader;
	int ret = load_low(l, NULL, name_len + rest_len + 2, 1, &line);

	if (!ret)
		ret = load_copy(l, line, l->kernel.name, name_len);
	if (!ret)
		ret = load_copy(l, line + name_len, " ", 1);
	if (!ret)
		ret = load_copy(l, line + name_len + 1, l->cmdline, rest_len);
	if (!ret)
		ret = load_low(l, LOADER_NAME, sizeof(LOADER_NAME), 1, &loader);
	if (ret)
		return ret;
	info->cmdline = (u32)line;
	info->boot_loader_name = (u32)loader;
	info->flags |= INFO_CMDLINE | INFO_LOADER;
	return 0;
}

int multiboot1_load(struct load *l)
{
	struct info info = { 0 };
	u64 off;
	u32 flags;
	int ret;

	if (!find(&l->kernel, &off))
		return load_fail(l, &l->kernel, "has no multiboot header");
	flags = get32(l->kernel.data + off + 4);
	if (flags & 0xffff & ~WANT_KNOWN)
		return load_fail(l, &l->kernel, "asks for multiboot features 0x%x, %s",
				 flags & 0xffff & ~WANT_KNOWN,
				 flags & WANT_VIDEO ? "a video mode among them; there is no display"
						    : "which no version of the standard has");
	l->cpu.mode = BOOT_PROT;
	l->cpu.rax = BOOT_MAGIC;
	ret = flags & HAS_ADDRESS ? place_by_header(l, off) : place_elf(l);
	if (!ret)
		ret = put_module(l, &info);
	if (!ret)
		ret = put_mmap(l, &info);
	if (!ret)
		ret = put_strings(l, &info);
	if (!ret)
		ret = load_gdt(l);
	return ret ? ret : load_low(l, &info, sizeof(info), 4, &l->cpu.rbx);
}
