/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot2 ELF files. Entered in 32-bit protected mode with EAX = magic and EBX = the tag list.
 * The initrd of the configuration is the one module.
 */

#include "vm/load/multiboot2.h"

#include <errno.h>
#include <string.h>

#include "vm/load/elf.h"

#define SEARCH      32768
#define MAGIC       0xe85250d6U
#define BOOT_MAGIC  0x36d76289U
#define HEADER_SIZE 16
#define OPTIONAL    1
#define ALIGN_TAG   8ULL
#define HEAD_SIZE   8U

/* Tags of the header: what the file asks for. */
enum {
	ASK_END = 0,
	ASK_INFO = 1,
	ASK_ADDRESS = 2,
	ASK_ENTRY = 3,
	ASK_CONSOLE = 4,
	ASK_FRAMEBUFFER = 5,
	ASK_MODULE_ALIGN = 6,
	ASK_EFI_BS = 7,
	ASK_EFI32_ENTRY = 8,
	ASK_EFI64_ENTRY = 9,
	ASK_RELOCATABLE = 10,
};

/* Tags of the information: what it gets. */
enum {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_LOADER = 2,
	TAG_MODULE = 3,
	TAG_MEMINFO = 4,
	TAG_MMAP = 6,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
};

#define TAGS_GIVEN                                                                         \
	(BIT32(TAG_CMDLINE) | BIT32(TAG_LOADER) | BIT32(TAG_MODULE) | BIT32(TAG_MEMINFO) | \
	 BIT32(TAG_MMAP) | BIT32(TAG_ACPI_OLD) | BIT32(TAG_ACPI_NEW))

#define RSDP1_SIZE 20
#define RSDP2_SIZE 36

static bool find(const struct load_file *f, u64 *off)
{
	for (u64 o = 0; o < SEARCH && o + HEADER_SIZE <= f->size; o += 8) {
		const u8 *p = f->data + o;

		if (get32(p) == MAGIC &&
		    get32(p) + get32(p + 4) + get32(p + 8) + get32(p + 12) == 0) {
			*off = o;
			return true;
		}
	}
	return false;
}

bool multiboot2_match(const struct load_file *f)
{
	u64 off;

	return find(f, &off);
}

/* One tag of the header: size bytes at p, of which type, flags and size were read. */
static int check_tag(struct load *l, const u8 *p, u32 size)
{
	u16 type = get16(p);

	if (get16(p + 2) & OPTIONAL)
		return 0;
	switch (type) {
	case ASK_INFO:
		for (u32 i = 8; i + 4 <= size; i += 4) {
			u32 want = get32(p + i);

			if (want >= 32 || !(TAGS_GIVEN & BIT32(want)))
				return load_fail(
					l, &l->kernel,
					"asks for multiboot2 information of type %u, which "
					"this machine does not have",
					want);
		}
		return 0;
	case ASK_ENTRY:
		if (size < 12)
			return load_fail(l, &l->kernel,
					 "corrupt multiboot2 header: entry tag of %u bytes", size);
		l->cpu.rip = get32(p + 8);
		return 0;
	case ASK_MODULE_ALIGN:
	case ASK_EFI_BS:
	case ASK_EFI32_ENTRY:
	case ASK_EFI64_ENTRY:
	case ASK_RELOCATABLE:
		return 0; /* done anyway, or meant for other firmware, or a permission */
	default:
		return load_fail(l, &l->kernel,
				 "asks for multiboot2 feature %u, which Umbra does not have", type);
	}
}

static int check_header(struct load *l, u64 off)
{
	const struct load_file *f = &l->kernel;
	const u8 *h = f->data + off;
	u64 len = get32(h + 8);
	u64 at = HEADER_SIZE;

	if (get32(h + 4) != 0)
		return load_fail(l, f, "multiboot2 header for architecture %u, not i386",
				 get32(h + 4));
	if (len > f->size - off)
		return load_fail(l, f,
				 "truncated multiboot2 header: %llu bytes at byte %llu of %llu",
				 (unsigned long long)len, (unsigned long long)off,
				 (unsigned long long)f->size);
	while (at + 8 <= len) {
		u32 size = get32(h + at + 4);
		int ret;

		if (size < 8 || size > len - at)
			return load_fail(l, f, "corrupt multiboot2 header: tag of %u bytes", size);
		if (get16(h + at) == ASK_END)
			return 0;
		ret = check_tag(l, h + at, size);
		if (ret)
			return ret;
		at += ALIGN_UP((u64)size, ALIGN_TAG);
	}
	return load_fail(l, f, "corrupt multiboot2 header: it has no end tag");
}

static int place_elf(struct load *l)
{
	struct elf e;
	u64 entry;
	int ret;

	if (!elf_match(&l->kernel))
		return load_fail(l, &l->kernel, "has a multiboot2 header, but is no ELF file");
	ret = elf_parse(l, &e);
	if (!ret)
		ret = elf_entry(l, &e, &entry);
	if (ret)
		return ret;
	if (l->cpu.rip == 0) /* no entry tag */
		l->cpu.rip = entry;
	return elf_place(l, &e);
}

/* The tag list under construction in low guest memory. */
struct tags {
	u64 base, fill, size;
};

/* Appends a tag: HEAD_SIZE bytes of fixed fields if there are any, then len bytes of data. */
static int add_tag(struct load *l, struct tags *t, u32 type, const u8 *head, const void *data,
		   u32 len)
{
	u32 size = 8 + (head ? HEAD_SIZE : 0U) + len;
	u64 at = t->base + t->fill;
	u8 hdr[8];
	int ret;

	if (ALIGN_UP(size, ALIGN_TAG) > t->size - t->fill)
		return load_fail(l, &l->kernel, "the boot information exceeds %llu bytes",
				 (unsigned long long)t->size);
	put32(hdr, type);
	put32(hdr + 4, size);
	ret = load_copy(l, at, hdr, 8);
	if (!ret && head)
		ret = load_copy(l, at + 8, head, HEAD_SIZE);
	if (!ret)
		ret = load_copy(l, at + size - len, data, len);
	t->fill += ALIGN_UP(size, ALIGN_TAG);
	return ret;
}

static int add_module(struct load *l, struct tags *t)
{
	const struct load_file *f = &l->initrd;
	u8 head[HEAD_SIZE];
	u64 at;
	int ret;

	if (!f->data)
		return 0;
	ret = load_initrd(l, SZ_1M, SZ_4G, &at);
	if (ret)
		return ret;
	put32(head, (u32)at);
	put32(head + 4, (u32)(at + f->size));
	return add_tag(l, t, TAG_MODULE, head, f->name, (u32)strlen(f->name) + 1);
}

static int add_memory(struct load *l, struct tags *t)
{
	struct {
		struct e820_entry e;
		u32 zero;
	} __packed map[E820_MAX];

	u32 kib[2];
	u8 head[HEAD_SIZE];
	int ret;

	load_mem_kib(l, &kib[0], &kib[1]);
	put32(head, kib[0]);
	put32(head + 4, kib[1]);
	ret = add_tag(l, t, TAG_MEMINFO, head, NULL, 0);
	if (ret)
		return ret;
	for (u32 i = 0; i < l->nr_map; i++) {
		map[i].e = l->map[i];
		map[i].zero = 0;
	}
	put32(head, sizeof(map[0]));
	put32(head + 4, 0); /* entry version */
	return add_tag(l, t, TAG_MMAP, head, map, l->nr_map * (u32)sizeof(map[0]));
}

static int add_rsdp(struct load *l, struct tags *t)
{
	u8 rsdp[RSDP2_SIZE];

	if (!l->rsdp || mmu_read(l->mem, GPA(l->rsdp), rsdp, sizeof(rsdp)))
		return 0;
	if (rsdp[15] < 2) /* revision */
		return add_tag(l, t, TAG_ACPI_OLD, NULL, rsdp, RSDP1_SIZE);
	return add_tag(l, t, TAG_ACPI_NEW, NULL, rsdp, RSDP2_SIZE);
}

static int put_tags(struct load *l)
{
	struct tags t = { .fill = 8, .size = 2 * PAGE_SIZE };
	u8 total[4];
	int ret = load_low(l, NULL, t.size, 8, &t.base);

	l->cpu.rbx = t.base;
	if (!ret)
		ret = add_tag(l, &t, TAG_CMDLINE, NULL, l->cmdline, (u32)strlen(l->cmdline) + 1);
	if (!ret)
		ret = add_tag(l, &t, TAG_LOADER, NULL, LOADER_NAME, sizeof(LOADER_NAME));
	if (!ret)
		ret = add_memory(l, &t);
	if (!ret)
		ret = add_module(l, &t);
	if (!ret)
		ret = add_rsdp(l, &t);
	if (!ret)
		ret = add_tag(l, &t, TAG_END, NULL, NULL, 0);
	put32(total, (u32)t.fill);
	return ret ? ret : load_copy(l, t.base, total, 4);
}

int multiboot2_load(struct load *l)
{
	u64 off;
	int ret;

	if (!find(&l->kernel, &off))
		return load_fail(l, &l->kernel, "has no multiboot2 header");
	l->cpu.mode = BOOT_PROT;
	l->cpu.rax = BOOT_MAGIC;
	ret = check_header(l, off);
	if (!ret)
		ret = place_elf(l);
	if (!ret)
		ret = put_tags(l);
	return ret ? ret : load_gdt(l);
}
