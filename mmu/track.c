/* SPDX-License-Identifier: BSD-2-Clause */
/* Write tracking: frames whose writes must be seen. */
#include "mmu/track.h"

#include <errno.h>

#include "mmu/direct.h"
#include "mmu/mmu.h"
#include "mmu/shadow/rmap.h"
#include "mmu/slot_priv.h"

/* Pages for the first count of a frame: its counter, and a chain of tables down to 4 KiB. */
static u32 first_needs(const struct mmu_vm *m, const struct slot *s, gfn_t gfn)
{
	return farray_needs(&s->tracks, gfn.v - s->gfn.v, FARRAY_U16) + tree_find(m, gfn, 1).level -
	       1;
}

/* When *lack comes back not zero nothing was done yet. */
static int add_locked(struct mmu_vm *m, gfn_t gfn, struct mmu_res *r, u32 *lack)
{
	struct slot *s = slot_of(m, gfn);
	u64 i = s ? gfn.v - s->gfn.v : 0;
	struct direct_want w;
	flushneed_t need;
	u32 count, pages;

	*lack = 0;
	if (!s || s->kind != SLOT_RAM)
		return -ENOENT;
	count = track_count(s, i);
	if (count == UINT16_MAX)
		return -EOVERFLOW;
	pages = count ? 0 : first_needs(m, s, gfn);
	if (pages > r->nr) {
		*lack = pages;
		return 0;
	}
	farray_extend(&s->tracks, i, FARRAY_U16, r);
	if (!farray_inc(&s->tracks, i))
		return 0;
	s->nr_tracked++;
	w = direct_want(m, gfn);
	need = direct_fit(m, gfn, &w, r);
	flush_join(&need, rmap_refit(m, gfn, 1));
	tlb_commit(m, need);
	return 0;
}

int mmu_track_add(struct mmu_vm *m, gfn_t gfn)
{
	struct mmu_res r = { .nr = 0 };
	u32 lack = 0;
	int rc;

	do {
		rc = lack ? res_fill(m, &r, lack) : 0;
		if (rc == -ENOMEM)
			break;
		env_lock(&m->lock);
		rc = add_locked(m, gfn, &r, &lack);
		env_unlock(&m->lock);
	} while (lack);
	res_drop(m, &r);
	return rc;
}

static bool remove_locked(struct mmu_vm *m, gfn_t gfn)
{
	struct slot *s = slot_of(m, gfn);
	u64 i = s ? gfn.v - s->gfn.v : 0;

	if (!s || !track_count(s, i) || !farray_dec(&s->tracks, i))
		return false;
	s->nr_tracked--;
	return true;
}

void mmu_track_remove(struct mmu_vm *m, gfn_t gfn)
{
	bool last;

	env_lock(&m->lock);
	last = remove_locked(m, gfn);
	env_unlock(&m->lock);
	/* Gives W back, and the large leaf if nothing else speaks against it. */
	if (last)
		direct_refit_existing(m, gfn, 1);
}

u32 mmu_track_count(struct mmu_vm *m, gfn_t gfn)
{
	const struct slot *s;
	u32 n;

	env_lock(&m->lock);
	s = slot_of(m, gfn);
	n = s ? track_count(s, gfn.v - s->gfn.v) : 0;
	env_unlock(&m->lock);
	return n;
}
