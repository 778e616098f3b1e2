/* SPDX-License-Identifier: BSD-2-Clause */
/* Tracking: frames whose accesses must be seen. */
#include "mmu/track.h"

#include <errno.h>

#include "mmu/direct.h"
#include "mmu/mmu.h"
#include "mmu/shadow/reclaim.h"
#include "mmu/shadow/rmap.h"
#include "mmu/slot_priv.h"

/* Rights as what is added to the count. */
static u32 track_unit(u32 rights)
{
	return (rights & MMU_W ? TRACK_W : 0) | (rights & MMU_R ? TRACK_R : 0) |
	       (rights & MMU_X ? TRACK_X : 0);
}

/* One of the fields of a would run over with b, or below zero without it: sum is a + b or a - b. */
static bool overflows(u32 a, u32 b, u32 sum)
{
	return (a ^ b ^ sum) & (TRACK_R | TRACK_X | TRACK_X << 4);
}

/* Pages for a track of the frame: its counter, and a chain of tables down to 4 KiB. */
static u32 needs(const struct mmu_vm *m, const struct slot *s, gfn_t gfn)
{
	return farray_needs(&s->tracks, gfn.v - s->gfn.v, FARRAY_U16) + tree_find(m, gfn, 1).level -
	       1;
}

/* The slot of RAM that gfn lies in, or NULL. */
static struct slot *ram_of(struct mmu_vm *m, gfn_t gfn)
{
	struct slot *s = gfn.v < m->gfn_limit ? slot_of(m, gfn) : NULL;

	return s && s->kind == SLOT_RAM ? s : NULL;
}

/* True: what is withheld from the frame has changed. */
static bool count(struct slot *s, u64 i, int by)
{
	u32 before = track_withheld(s, i);

	s->nr_tracked += (u32)farray_add(&s->tracks, i, by);
	return track_withheld(s, i) != before;
}

/* When *lack comes back not zero nothing was done yet. */
static int add_locked(struct mmu_vm *m, gfn_t gfn, u32 unit, struct mmu_res *r, u32 *lack)
{
	struct slot *s = ram_of(m, gfn);
	u64 i = s ? gfn.v - s->gfn.v : 0;
	struct direct_want w;
	flushneed_t need;
	u32 old;

	*lack = 0;
	if (!s)
		return -ENOENT;
	old = farray_count(&s->tracks, i);
	if (overflows(old, unit, old + unit))
		return -EOVERFLOW;
	if (needs(m, s, gfn) > r->nr) {
		*lack = needs(m, s, gfn);
		return 0;
	}
	farray_extend(&s->tracks, i, FARRAY_U16, r);
	if (!count(s, i, (int)unit))
		return 0;
	w = direct_want(m, gfn);
	need = direct_fit(m, gfn, &w, r);
	flush_join(&need, rmap_refit(m, gfn, 1));
	tlb_commit(m, need);
	return 0;
}

int mmu_track_add(struct mmu_vm *m, gfn_t gfn, u32 rights)
{
	struct mmu_res r = { .nr = 0 };
	struct mmu_result why;
	u32 lack = 0;
	int rc;

	do {
		if (reclaim_reserve(m, &r, lack, &why) == MMU_NOMEM) {
			rc = -ENOMEM;
			break;
		}
		env_lock(&m->lock);
		rc = add_locked(m, gfn, track_unit(rights), &r, &lack);
		env_unlock(&m->lock);
	} while (lack);
	res_drop(m, &r);
	return rc;
}

static bool remove_locked(struct mmu_vm *m, gfn_t gfn, u32 unit)
{
	struct slot *s = ram_of(m, gfn);
	u64 i = s ? gfn.v - s->gfn.v : 0;
	u32 old = s ? farray_count(&s->tracks, i) : 0;

	return s && !overflows(old, unit, old - unit) && count(s, i, -(int)unit);
}

void mmu_track_remove(struct mmu_vm *m, gfn_t gfn, u32 rights)
{
	bool changed;

	env_lock(&m->lock);
	changed = remove_locked(m, gfn, track_unit(rights));
	env_unlock(&m->lock);
	/* Gives back what is not withheld any more, and the large leaf if nothing else speaks
	 * against it. */
	if (changed)
		direct_refit_existing(m, gfn, 1);
}

u32 mmu_tracked(struct mmu_vm *m, gfn_t gfn)
{
	const struct slot *s;
	u32 rights;

	env_lock(&m->lock);
	s = ram_of(m, gfn);
	rights = s ? track_withheld(s, gfn.v - s->gfn.v) : 0;
	env_unlock(&m->lock);
	return rights;
}

bool mmu_exec_only(const struct mmu_vm *m)
{
	return mmu_hw.exec_only && !m->shadow.on;
}
