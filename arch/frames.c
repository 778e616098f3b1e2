/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host frame allocator: one bit per frame, set = taken. Runs for guest RAM are rare and long,
 * single frames are frequent: a hint makes the latter cheap, word-wise scanning the former fast
 * enough.
 */
#include "arch/frames.h"

#include <string.h>

#include "lib/bug.h"

#include "arch/mem.h"
#include "arch/spinlock.h"

static struct {
	struct spinlock lock;
	u64 *map;
	u64 nr;    /* frames covered by map */
	u64 total; /* frames that were ever free */
	u64 nr_free;
	u64 hint; /* no free single frame below */
} fr = { .lock = SPINLOCK(RANK_FRAME) };

/* Sets or clears bits [f, f + nr); returns how many changed. */
static u64 mark(u64 f, u64 nr, bool take)
{
	u64 changed = 0;

	while (nr) {
		u64 bit = f % 64, n = MIN(64 - bit, nr);
		u64 mask = (n == 64 ? ~0ULL : BIT(n) - 1) << bit;
		u64 *w = &fr.map[f / 64];

		changed += (u64)__builtin_popcountll((take ? ~*w : *w) & mask);
		*w = take ? *w | mask : *w & ~mask;
		f += n;
		nr -= n;
	}
	return changed;
}

void frames_init(u64 *map, u64 nr_frames)
{
	fr.map = map;
	fr.nr = ALIGN_DOWN(nr_frames, 64);
	fr.nr_free = fr.total = fr.hint = 0;
	memset(map, 0xff, fr.nr / 8);
}

void frames_add(hpa_t base, u64 size)
{
	u64 first = ALIGN_UP(base.v, PAGE_SIZE) >> PAGE_SHIFT;
	u64 end = MIN((base.v + size) >> PAGE_SHIFT, fr.nr);

	if (first < end)
		fr.nr_free += mark(first, end - first, false);
	fr.total = fr.nr_free;
}

void frames_reserve(hpa_t base, u64 size)
{
	u64 first = base.v >> PAGE_SHIFT;
	u64 end = MIN(ALIGN_UP(base.v + size, PAGE_SIZE) >> PAGE_SHIFT, fr.nr);

	if (first < end)
		fr.nr_free -= mark(first, end - first, true);
}

/* First frame >= f that is free (or taken, with want), at most end. */
static u64 next_frame(u64 f, u64 end, bool want)
{
	while (f < end) {
		u64 w = want ? fr.map[f / 64] : ~fr.map[f / 64];

		w &= ~0ULL << (f % 64);
		if (w)
			return MIN(ALIGN_DOWN(f, 64) + (u64)__builtin_ctzll(w), end);
		f = ALIGN_DOWN(f, 64) + 64;
	}
	return end;
}

static u64 find_run(u64 nr, u64 align, u64 end)
{
	u64 f = nr == 1 ? fr.hint : 0;

	for (;;) {
		u64 stop;

		f = ALIGN_UP(next_frame(f, end, false), align);
		if (f >= end || end - f < nr)
			return end;
		stop = next_frame(f, f + nr, true);
		if (stop == f + nr)
			return f;
		f = stop;
	}
}

void *frames_alloc(u64 nr, u64 align, u64 limit)
{
	u64 end = limit ? MIN(limit >> PAGE_SHIFT, fr.nr) : fr.nr, f;

	spin_lock(&fr.lock);
	f = nr && nr <= fr.nr_free ? find_run(nr, align, end) : end;
	if (f < end) {
		mark(f, nr, true);
		fr.nr_free -= nr;
		if (nr == 1 && align == 1)
			fr.hint = f + 1;
	}
	spin_unlock(&fr.lock);
	return f < end ? hpa_ptr(HPA(f << PAGE_SHIFT)) : NULL;
}

void frames_free(void *p, u64 nr)
{
	u64 f = ptr_hpa(p).v >> PAGE_SHIFT;

	spin_lock(&fr.lock);
	/* Only our own callers free, with what frames_alloc() gave them. */
	BUG_ON(f + nr > fr.nr || mark(f, nr, false) != nr);
	fr.nr_free += nr;
	fr.hint = MIN(fr.hint, f);
	spin_unlock(&fr.lock);
}

void *frame_alloc(void)
{
	void *p = frames_alloc(1, 1, 0);

	if (p)
		frames_zero(p, 1);
	return p;
}

void frame_free(void *p)
{
	frames_free(p, 1);
}

u64 frames_free_count(void)
{
	return fr.nr_free;
}

u64 frames_total(void)
{
	return fr.total;
}

u64 frames_largest_run(void)
{
	u64 best = 0;

	spin_lock(&fr.lock);
	for (u64 f = next_frame(0, fr.nr, false); f < fr.nr;) {
		u64 e = next_frame(f, fr.nr, true);

		best = MAX(best, e - f);
		f = next_frame(e, fr.nr, false);
	}
	spin_unlock(&fr.lock);
	return best;
}

void frames_zero(void *p, u64 nr)
{
	u64 words = nr * PAGE_SIZE / 8;

	__asm__ volatile("rep stosq" : "+D"(p), "+c"(words) : "a"(0ULL) : "memory");
}
