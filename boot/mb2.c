/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot2 tags to struct boot_info. Pure: also built for host tests. */
#include "boot/mb2.h"

#include <errno.h>
#include <string.h>

enum {
	TAG_END = 0,
	TAG_CMDLINE = 1,
	TAG_LOADER = 2,
	TAG_MODULE = 3,
	TAG_MMAP = 6,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
};

struct tag {
	u32 type, size;
};

struct tag_module {
	struct tag tag;
	u32 start, end;
	char cmdline[];
};

struct mmap_entry {
	u64 base, len;
	u32 type, zero;
};

struct tag_mmap {
	struct tag tag;
	u32 entry_size, entry_version;
	u8 entries[];
};

/* Copies at most max characters of a text that may lack its NUL. */
static void copy_text(char *dst, size_t dst_size, const char *src, size_t max)
{
	size_t n = 0;

	while (n < max && n + 1 < dst_size && src[n]) {
		dst[n] = src[n];
		n++;
	}
	dst[n] = 0;
}

static void parse_module(const struct tag *t, struct boot_info *out, u32 *dropped)
{
	const struct tag_module *m = (const void *)t;
	const char *name = m->cmdline, *end = (const char *)t + t->size, *p;
	struct boot_module *b;

	if (t->size < sizeof(*m) || m->end < m->start || out->nr_modules == BOOT_MAX_MODULES) {
		(*dropped)++;
		return;
	}
	b = &out->module[out->nr_modules++];
	b->base = HPA(m->start);
	b->size = m->end - m->start;
	for (p = m->cmdline; p < end && *p && *p != ' '; p++)
		if (*p == '/')
			name = p + 1;
	copy_text(b->name, sizeof(b->name), name, (size_t)(p - name));
}

static void parse_mmap(const struct tag *t, struct boot_info *out, u32 *dropped)
{
	const struct tag_mmap *m = (const void *)t;
	struct mmap_entry e;

	if (t->size < sizeof(*m) || m->entry_size < sizeof(e)) {
		(*dropped)++;
		return;
	}
	for (u64 off = sizeof(*m); off + m->entry_size <= t->size; off += m->entry_size) {
		memcpy(&e, (const char *)t + off, sizeof(e));
		if (!e.len || e.base + e.len < e.base)
			continue;
		if (out->nr_ranges == BOOT_MAX_RANGES) {
			(*dropped)++;
			continue;
		}
		out->range[out->nr_ranges++] =
			(struct boot_range){ HPA(e.base), e.len,
					     e.type ? e.type : BOOT_MEM_RESERVED };
	}
}

static void parse_rsdp(const struct tag *t, struct boot_info *out)
{
	size_t n = t->size - sizeof(*t);

	/* The new tag wins whichever comes first. */
	if (n < 20 || (t->type == TAG_ACPI_OLD && out->has_rsdp))
		return;
	memset(out->rsdp, 0, sizeof(out->rsdp));
	memcpy(out->rsdp, t + 1, MIN(n, sizeof(out->rsdp)));
	out->has_rsdp = true;
}

int mb2_parse(const void *info, size_t size, struct boot_info *out, u32 *dropped)
{
	const char *base = info;
	u32 total;

	memset(out, 0, sizeof(*out));
	*dropped = 0;
	if (size < 8)
		return -EINVAL;
	memcpy(&total, base, sizeof(total));
	if (total > size || total < 8)
		return -EINVAL;
	for (u64 off = 8; off + sizeof(struct tag) <= total;) {
		const struct tag *t = (const void *)(base + off);

		if (t->size < sizeof(*t) || off + t->size > total)
			return -EINVAL;
		switch (t->type) {
		case TAG_END:
			return 0;
		case TAG_CMDLINE:
			copy_text(out->cmdline, sizeof(out->cmdline), (const char *)(t + 1),
				  t->size - 8);
			break;
		case TAG_LOADER:
			copy_text(out->loader, sizeof(out->loader), (const char *)(t + 1),
				  t->size - 8);
			break;
		case TAG_MODULE:
			parse_module(t, out, dropped);
			break;
		case TAG_MMAP:
			parse_mmap(t, out, dropped);
			break;
		case TAG_ACPI_OLD:
		case TAG_ACPI_NEW:
			parse_rsdp(t, out);
			break;
		}
		off += ALIGN_UP(t->size, 8);
	}
	return -EINVAL; /* no end tag */
}
