/* SPDX-License-Identifier: BSD-2-Clause */
/* Stores to guest tables. */
#include "mmu/shadow/gptw.h"

#include "mmu/direct.h"
#include "mmu/mutant.h"
#include "mmu/shadow/ctx.h"
#include "mmu/shadow/root_priv.h"
#include "mmu/shadow/sp.h"

/* The entries of x that stand for guest entry gidx. */
static void drop_source(struct mmu_vm *m, spx_t x, u32 gidx)
{
	union page_role role = sp_get(x)->role;
	u32 idx = gidx, nr = 1;

	if (sp_source_size(role) == 4) {
		u32 bits = role.level == 1 ? MMU_LEVEL_BITS : MMU_LEVEL_BITS - 1;

		if (gidx >> bits != role.quadrant)
			return;
		idx = gidx & ((1U << bits) - 1);
		/* A directory entry covers two of ours. */
		if (role.level > 1) {
			idx *= 2;
			nr = MUTANT(QUADRANT_ONE_OF_TWO) ? 1 : 2;
		}
	}
	for (; nr && idx < MMU_ENTRIES; nr--, idx++)
		sp_drop(m, x, idx);
}

/* A table written often without being walked is probably no table any more. */
static bool flooded(struct mmu_vm *m, spx_t x)
{
	struct sp *sp = sp_get(x);
	u32 limit = m->shadow.tune.flood;

	if (MUTANT(FLOOD_UNSEEN))
		return false;
	if (sp->flood < UINT8_MAX)
		sp->flood++;
	if (!limit || sp->flood <= limit || sp->flags & SP_UNSYNC)
		return false;
	if (sp->root_refs && !MUTANT(FLOOD_SPARES_PARKED_ROOTS)) {
		/* What a current root points to stays, and is looked at after as many again. */
		root_drop_cached_of(m, sp->gfn);
		sp->flood = 0;
	}
	return sp->root_refs == 0;
}

void gptw_before_store(struct mmu_vm *m, gpa_t gpa, u64 len)
{
	u32 off = (u32)(gpa.v % PAGE_SIZE);
	gfn_t gfn = gpa_to_gfn(gpa);
	spx_t x, next;

	if (len == 0 || sp_count_of(m, gfn) == 0)
		return;
	mmu_stat_inc(m, MMU_STAT_TABLE_WRITE);
	mmu_trace(m, SHADOW_STORE, gpa.v, len, sp_count_of(m, gfn));
	if (MUTANT(S3_01_STORE_WITHOUT_ZAP))
		return;
	for (x = sp_next_of(m, gfn, 0); x; x = next) {
		u32 size = sp_source_size(sp_get(x)->role);

		next = sp_next_of(m, gfn, x);
		if (flooded(m, x)) {
			mmu_stat_inc(m, MMU_STAT_FLOOD);
			sp_zap(m, x);
			continue;
		}
		/* Odd sizes and addresses touch every entry that they overlap. */
		for (u32 gidx = off / size; gidx <= (off + len - 1) / size; gidx++) {
			drop_source(m, x, gidx);
			if (MUTANT(STORE_TOUCHES_ONE))
				break;
		}
	}
}

void gptw_after_store(struct mmu_vm *m, gpa_t gpa, u64 len)
{
	if (!m->shadow.on)
		return;
	while (len) {
		u64 run = MIN(len, PAGE_SIZE - gpa.v % PAGE_SIZE);

		env_lock(&m->lock);
		gptw_before_store(m, gpa, run);
		env_unlock(&m->lock);
		gpa.v += run;
		len -= run;
	}
}

bool mmu_is_shadowed(struct mmu_vm *m, gfn_t gfn)
{
	bool yes;

	if (!m->shadow.on)
		return false;
	env_lock(&m->lock);
	yes = sp_count_of(m, gfn) != 0;
	env_unlock(&m->lock);
	return yes;
}

static void unshadow(struct mmu_vm *m, gfn_t gfn)
{
	spx_t x, next;

	/* A root that is nobody's current one can be built again. */
	root_drop_cached_of(m, gfn);
	for (x = sp_next_of(m, gfn, 0); x; x = next) {
		next = sp_next_of(m, gfn, x);
		if (sp_get(x)->root_refs == 0)
			sp_zap(m, x);
	}
}

void mmu_unshadow(struct mmu_vm *m, gfn_t gfn)
{
	env_lock(&m->lock);
	unshadow(m, gfn);
	env_unlock(&m->lock);
}

bool gptw_yield(struct mmu_vm *m, gfn_t gfn)
{
	if (direct_shadowed(m, gfn, 1))
		unshadow(m, gfn);
	return !direct_shadowed(m, gfn, 1);
}
