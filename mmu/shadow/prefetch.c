/* SPDX-License-Identifier: BSD-2-Clause */
/* Filling ahead. */
#include "mmu/shadow/fetch.h"

#include <string.h>

#include "mmu/mutant.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/rights.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/source.h"
#include "mmu/shadow/sp.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

static void fill(const struct fetch *f, spx_t x, u32 idx, u64 gpte, u64 reserved)
{
	struct mmu_vm *m = f->ctx->vm;
	const struct sp *sp = sp_get(x);
	const struct gfmt *fmt = role_gfmt(sp->role);
	gfn_t gfn = gpa_to_gfn(GPA(gfmt_leaf_gpa(fmt, gpte, 1)));
	const struct slot *s;
	u32 rights;

	if (~gpte & (GPTE_P | GPTE_A) || (gpte & reserved))
		return;
	s = slot_of(m, gfn);
	if (!s || !slot_has_memory(s) || !slot_mappable(s))
		return;
	rights = frame_rights(m, s, gfn, rights_of_leaf(sp->role, sp->role.access, gpte),
			      !MUTANT(LOST_WRITE_PROTECTION));
	sp_set_leaf(m, x, idx, sspte_leaf(hfn_to_hpa(slot_hfn(s, gfn)), 1, rights, gpte_pkey(gpte)),
		    src_word(gpte, gfn));
	mmu_stat_inc(m, MMU_STAT_PREFETCH);
}

/* Where the line around entry idx is. */
static void place(const struct mmu_vm *m, u32 idx, struct line *line)
{
	line->nr = MIN(MIN(MAX((u32)m->shadow.tune.prefetch, 1u), LINE_MAX), MMU_ENTRIES);
	line->first = ALIGN_DOWN(idx, line->nr);
}

bool line_read(const struct fetch *f, spx_t x, u32 idx, struct line *line)
{
	struct mmu_vm *m = f->ctx->vm;
	const struct sp *sp = sp_get(x);

	if (line->read && !MUTANT(S3_09_ENTRY_READ_TWICE))
		return true;
	place(m, idx, line);
	mmu_stat_inc(m, MMU_STAT_GUEST_READ);
	line->read = !mmu_read(m, sp_source(sp, line->first), line->bytes,
			       line->nr * sp_source_size(sp->role));
	return line->read;
}

u64 line_entry(const struct line *line, spx_t x, u32 idx)
{
	u32 size = sp_source_size(sp_get(x)->role);
	u64 gpte = 0;

	memcpy(&gpte, line->bytes + (idx - line->first) * size, size);
	return gpte;
}

/* The shadow lacks an entry of the line. */
static bool lacks(spx_t x, const struct line *line)
{
	for (u32 i = 0; i < line->nr; i++)
		if (!sp_table(x)[line->first + i])
			return true;
	return false;
}

void prefetch(const struct fetch *f, spx_t x, u32 idx, struct line *line)
{
	struct mmu_vm *m = f->ctx->vm;
	const struct sp *sp = sp_get(x);
	struct mmu_regs regs;
	u64 reserved;

	if (sp->role.direct)
		return;
	place(m, idx, line);
	if (!lacks(x, line) || !line_read(f, x, idx, line))
		return;
	regs = role_regs(m, sp->role);
	reserved = gfmt_reserved(role_gfmt(sp->role), &regs);
	for (u32 i = line->first; i < line->first + line->nr && m->shadow.ids.nr_free; i++)
		if (!sp_table(x)[i])
			fill(f, x, i, line_entry(line, x, i), reserved);
}
