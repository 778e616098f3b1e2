/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/segment.h"

#include "arch/regs.h"
#include "vm/fetch.h"

#define TYPE_CODE   BIT32(3)
#define TYPE_DOWN   BIT32(2) /* data: expands down */
#define TYPE_ACCESS BIT32(1) /* data: writable; code: readable */

static bool canonical(u64 gva, u64 cr4)
{
	u32 shift = cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(gva << shift) >> shift) == gva;
}

static bool type_allows(const struct segment *s, bool write)
{
	bool code = s->attr & TYPE_CODE, access = s->attr & TYPE_ACCESS;

	if (!(s->attr & SEG_ATTR_P))
		return false;
	return code ? access && !write : access || !write;
}

static bool limit_allows(const struct segment *s, u64 off, u32 size)
{
	u64 last = off + size - 1;

	if ((s->attr & (TYPE_CODE | TYPE_DOWN)) == TYPE_DOWN)
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
