/* SPDX-License-Identifier: BSD-2-Clause */
/* Filling ahead. */
#include "mmu/shadow/fetch.h"

#include "mmu/gfmt.h"
#include "mmu/mutant.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/rights.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/sp.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

static void fill(struct mmu_vm *m, spx_t x, u32 idx, u64 gpte, gfn_t gfn)
{
	union page_role role = sp_get(x)->role;
	const struct slot *s = slot_of(m, gfn);
	u32 rights;

	if ((!s || !slot_mappable(s)) && !MUTANT(XSA_430_MEMORY_ASSUMED))
		return;
	if (unlikely(s->nr_tracked) && track_withheld(s, gfn.v - s->gfn.v) & MMU_R &&
	    !MUTANT(READ_TRACK_PREFETCHED))
		return;
	rights = frame_rights(m, s, gfn, rights_of_leaf(role, role.access, gpte),
			      !MUTANT(LOST_WRITE_PROTECTION));
	sp_set_leaf(m, x, idx, sspte_leaf(hfn_to_hpa(slot_hfn(s, gfn)), 1, rights, gpte_pkey(gpte)),
		    src_word(gpte, gfn));
	mmu_stat_inc(m, MMU_STAT_PREFETCH);
}

bool line_load(const struct fetch *f, spx_t x, u32 idx, struct line *line)
{
	struct mmu_vm *m = f->ctx->vm;
	gpa_t source;
	u64 len;

	line->nr = MIN(MAX((u32)m->shadow.tune.prefetch, 1u), MMU_ENTRIES);
	line->first = ALIGN_DOWN(idx, line->nr);
	source = sp_source(sp_get(x), line->first);
	mmu_stat_inc(m, MMU_STAT_GUEST_READ);
	line->at = likely(ram_holds(m, source.v)) ? ram_ptr(m, source.v)
						  : mmu_gpa_ptr(m, source, &len);
	return line->at;
}

void prefetch(const struct fetch *f, spx_t x, u32 idx, struct line *line)
{
	const struct gfmt *fmt = role_gfmt(sp_get(x)->role);
	const u64 addr = fmt->addr, reserved = gfmt_reserved(fmt, &f->ctx->regs);
	struct mmu_vm *m = f->ctx->vm;

	if (sp_get(x)->role.direct || !line_find(f, x, idx, line))
		return;
	for (u32 i = line->first; i < line->first + line->nr && m->shadow.ids.nr_free; i++) {
		u64 gpte;

		if (sp_table(x)[i])
			continue;
		gpte = line_entry(line, x, i);
		if (!(~gpte & (GPTE_P | GPTE_A)) && !(gpte & reserved))
			fill(m, x, i, gpte, gpa_to_gfn(GPA(gpte & addr)));
	}
}
