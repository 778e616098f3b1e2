/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small objects: power-of-two size classes from 32 bytes to half a page, carved from single
 * frames and kept on free lists; larger ones are runs of frames. Long-lived objects only
 * (devices, vCPUs), so frames of a class are not given back.
 */
#include <string.h>

#include "arch/mem.h"
#include "arch/spinlock.h"

#define MIN_SHIFT 5
#define MAX_SHIFT 11

struct free_obj {
	struct free_obj *next;
};

static struct {
	struct spinlock lock;
	struct free_obj *free[MAX_SHIFT + 1];
} heap = { .lock = SPINLOCK(RANK_HEAP) };

static u32 size_shift(size_t size)
{
	u32 s = MIN_SHIFT;

	while (s <= MAX_SHIFT && size > BIT(s))
		s++;
	return s;
}

static struct free_obj *refill(u32 shift)
{
	char *f = frames_alloc(1, 1, 0);
	struct free_obj *list = NULL;

	if (!f)
		return NULL;
	for (u64 off = 0; off < PAGE_SIZE; off += BIT(shift)) {
		struct free_obj *o = (void *)(f + off);

		o->next = list;
		list = o;
	}
	return list;
}

void *kzalloc(size_t size)
{
	u32 shift = size_shift(size);
	struct free_obj *o;

	if (shift > MAX_SHIFT) {
		u64 nr = ALIGN_UP(size, PAGE_SIZE) / PAGE_SIZE;
		void *p = frames_alloc(nr, 1, 0);

		if (p)
			frames_zero(p, nr);
		return p;
	}
	spin_lock(&heap.lock);
	if (!heap.free[shift])
		heap.free[shift] = refill(shift);
	o = heap.free[shift];
	if (o)
		heap.free[shift] = o->next;
	spin_unlock(&heap.lock);
	return o ? memset(o, 0, BIT(shift)) : NULL;
}

void kfree(void *p, size_t size)
{
	u32 shift = size_shift(size);
	struct free_obj *o = p;

	if (!p)
		return;
	if (shift > MAX_SHIFT) {
		frames_free(p, ALIGN_UP(size, PAGE_SIZE) / PAGE_SIZE);
		return;
	}
	spin_lock(&heap.lock);
	o->next = heap.free[shift];
	heap.free[shift] = o;
	spin_unlock(&heap.lock);
}
