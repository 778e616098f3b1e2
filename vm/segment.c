/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/segment.h"

#include "arch/regs.h"
#include "vm/fetch.h"

void segment_from_desc(struct segment *s, u16 sel, u64 desc)
{
	u32 low = (u32)desc, high = (u32)(desc >> 32);
	u32 limit = (low & 0xffff) | (high & 0xf0000);

	*s = (struct segment){
		.sel = sel,
		.attr = (u16)((high >> 8 & 0xff) | (high >> 12 & 0xf00)),
		.limit = high & BIT32(23) ? limit << 12 | 0xfff : limit,
		.base = (low >> 16) | (high & 0xff) << 16 | (high & 0xff000000),
	};
}

static bool canonical(u64 gva, u64 cr4)
{
	u32 shift = cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(gva << shift) >> shift) == gva;
}

static bool type_allows(const struct segment *s, bool write)
{
	bool code = s->attr & SEG_TYPE_CODE;
	bool access = s->attr & (code ? SEG_TYPE_READ : SEG_TYPE_WRITE);

	if (!(s->attr & SEG_ATTR_P))
		return false;
	return code ? access && !write : access || !write;
}

static bool limit_allows(const struct segment *s, u64 off, u32 size)
{
	u64 last = off + size - 1;

	if ((s->attr & (SEG_TYPE_CODE | SEG_TYPE_DOWN)) == SEG_TYPE_DOWN)
		return off > s->limit && last <= (s->attr & SEG_ATTR_DB ? 0xffffffff : 0xffff);
	return last <= s->limit;
}

bool segment_linear(const struct segment *s, u64 off, u32 size, bool write, const struct fetch *f,
		    gva_t *gva)
{
	bool real = !(f->regs.cr0 & CR0_PE);

	if (f->bits == 64) {
		*gva = GVA(s->base + off);
		return canonical(gva->v, f->regs.cr4) && canonical(gva->v + size - 1, f->regs.cr4);
	}
	*gva = GVA((s->base + off) & 0xffffffff);
	return (real || type_allows(s, write)) && limit_allows(s, off, size);
}
