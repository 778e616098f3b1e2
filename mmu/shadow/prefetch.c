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

/* Longer runs would need a larger stack. */
#define PREFETCH_MAX 64u

static u32 allowed(struct mmu_vm *m, const struct slot *s, gfn_t gfn, u32 rights)
{
	u64 i = gfn.v - s->gfn.v;

	if (s->kind != SLOT_RAM || track_count(s, i) || (s->dirty_log && !dirty_test(s, i)) ||
	    (sp_count_of(m, gfn) && !MUTANT(LOST_WRITE_PROTECTION)))
		return rights & ~MMU_W;
	return rights;
}

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
	s = slot_place(m, gfn).slot;
	if (!s || !slot_has_memory(s) || !s->shadowed)
		return;
	rights = allowed(m, s, gfn, rights_of_leaf(sp->role, sp->role.access, gpte));
	sp_set_leaf(m, x, idx, sspte_leaf(hfn_to_hpa(slot_hfn(s, gfn)), 1, rights, gpte_pkey(gpte)),
		    src_word(gpte, gfn));
	mmu_stat_inc(m, MMU_STAT_PREFETCH);
}

void prefetch(const struct fetch *f, spx_t x, u32 idx)
{
	struct mmu_vm *m = f->ctx->vm;
	const struct sp *sp = sp_get(x);
	u32 nr = MIN(MIN((u32)m->shadow.tune.prefetch, PREFETCH_MAX), MMU_ENTRIES),
	    first = ALIGN_DOWN(idx, nr);
	u32 size = sp_source_size(sp->role);
	u8 block[PREFETCH_MAX * sizeof(u64)];
	struct mmu_regs regs;
	u64 reserved;

	if (nr <= 1 || sp->role.direct)
		return;
	mmu_stat_inc(m, MMU_STAT_GUEST_READ);
	if (mmu_read(m, sp_source(sp, first), block, nr * size))
		return;
	regs = role_regs(m, sp->role);
	reserved = gfmt_reserved(role_gfmt(sp->role), &regs);
	for (u32 i = 0; i < nr && m->shadow.ids.nr_free; i++) {
		u64 gpte = 0;

		if (sp_table(x)[first + i])
			continue;
		memcpy(&gpte, block + i * size, size);
		fill(f, x, first + i, gpte, reserved);
	}
}
