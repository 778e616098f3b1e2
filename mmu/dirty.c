/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dirty logging: a bit per frame of a slot. While the log is on, the slot is mapped by 4 KiB leaves
 * that are writable only where the bit is set already, so the first write to each frame faults. If
 * hardware logs it, they lack D instead, and mmu_wrote() is told what it has logged.
 */
#include <errno.h>
#include <string.h>

#include "mmu/direct.h"
#include "mmu/mmu.h"
#include "mmu/shadow/rmap.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

/* Frames whose log is fetched under one hold of the lock. */
#define FETCH_FRAMES 1024

/* *nr: frames of the slot. The caller refits it and calls slot_change_end(). */
static int switch_log(struct mmu_vm *m, gfn_t gfn, bool on, u64 *nr)
{
	struct slot *s;
	int rc;

	env_lock(&m->lock);
	s = slot_at(m, gfn);
	rc = !s ? -ENOENT : s->kind != SLOT_RAM ? -EINVAL : 0;
	if (rc == 0) {
		slot_change_begin(m);
		slot_set_log(m, s, on);
		*nr = s->nr;
	}
	env_unlock(&m->lock);
	return rc;
}

/* Makes one more page of the bitmap. */
static bool extend_bitmap(struct slot *s, u64 *frame, struct mmu_res *r)
{
	if (s->kind != SLOT_RAM || *frame >= s->nr)
		return false;
	farray_extend(&s->dirty, *frame, FARRAY_BITS, r);
	*frame += 1U << FARRAY_BITS;
	return true;
}

static void free_bitmap(struct mmu_vm *m, gfn_t gfn)
{
	struct slot *s;

	env_lock(&m->lock);
	s = slot_at(m, gfn);
	if (s && !s->dirty_log)
		farray_free(m, &s->dirty);
	env_unlock(&m->lock);
}

int mmu_dirty_stop(struct mmu_vm *m, gfn_t gfn)
{
	u64 nr;
	int rc = switch_log(m, gfn, false, &nr);

	if (rc)
		return rc;
	direct_refit_existing(m, gfn, nr);
	slot_change_end(m);
	free_bitmap(m, gfn);
	return 0;
}

int mmu_dirty_start(struct mmu_vm *m, gfn_t gfn)
{
	u64 nr;
	int rc = farray_build(m, gfn, extend_bitmap);

	if (rc == 0)
		rc = switch_log(m, gfn, true, &nr);
	if (rc) {
		free_bitmap(m, gfn);
		return rc;
	}
	rc = direct_refit(m, gfn, nr);
	slot_change_end(m);
	if (rc && mmu_dirty_stop(m, gfn) == 0)
		return rc;
	return 0;
}

/* Frames [first, end) of slot s, at most FETCH_FRAMES. */
static void fetch(struct mmu_vm *m, struct slot *s, u64 first, u64 end, u64 *bits)
{
	flushneed_t need = flush_need(FLUSH_NONE);
	struct mmu_res none = { .nr = 0 };

	for (u64 i = first; i < end; i += 64) {
		u64 word = *dirty_word(s, i);

		*dirty_word(s, i) = 0;
		bits[(i - first) / 64] = word;
		for (; word; word &= word - 1) {
			gfn_t gfn = GFN(s->gfn.v + i + (u64)__builtin_ctzll(word));
			struct direct_want w = direct_want(m, gfn);

			if (direct_needs(m, gfn, &w) == 0)
				flush_join(&need, direct_fit(m, gfn, &w, &none));
			flush_join(&need, rmap_refit(m, gfn, 1));
		}
	}
	tlb_commit(m, need);
}

static bool fetchable(const struct slot_place *p, gfn_t gfn, u64 nr)
{
	u64 first = gfn.v - p->first;

	return first % 64 == 0 && nr % 64 == 0 && first + nr <= ALIGN_UP(p->end - p->first, 64);
}

int mmu_dirty_fetch(struct mmu_vm *m, gfn_t gfn, u64 nr, u64 *bits)
{
	for (u64 done = 0; done < nr; done += FETCH_FRAMES) {
		struct slot_place p;
		u64 first;
		int rc;

		env_lock(&m->lock);
		p = slot_place(m, GFN(gfn.v + done));
		first = gfn.v + done - p.first;
		rc = !p.slot || !p.slot->dirty_log ? -ENOENT : fetchable(&p, gfn, nr) ? 0 : -EINVAL;
		if (rc == 0)
			fetch(m, p.slot, first, first + MIN(nr - done, (u64)FETCH_FRAMES),
			      bits + done / 64);
		env_unlock(&m->lock);
		if (rc)
			return rc;
	}
	return 0;
}

static void mark(struct mmu_vm *m, gpa_t gpa, u64 len)
{
	u64 end = (gpa.v + len - 1) >> PAGE_SHIFT;

	env_lock(&m->lock);
	for (gfn_t gfn = gpa_to_gfn(gpa); gfn.v <= end; gfn.v++) {
		const struct slot *s = slot_of(m, gfn);

		if (s && s->dirty_log)
			dirty_set(s, gfn.v - s->gfn.v);
	}
	env_unlock(&m->lock);
}

void dirty_wrote(struct mmu_vm *m, gpa_t gpa, u64 len)
{
	if (unlikely(__atomic_load_n(&m->nr_logged, __ATOMIC_RELAXED)) && len)
		mark(m, gpa, len);
}
