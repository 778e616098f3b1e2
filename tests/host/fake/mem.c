/* SPDX-License-Identifier: BSD-2-Clause */
/* arch/mem.h's allocators over the C library, so that the sanitizer watches every object. */
#include "arch/mem.h"

#include <stdlib.h>
#include <string.h>

u64 fake_mem_budget = UINT64_MAX;
u64 fake_mem_live;

static void *get(size_t align, size_t size)
{
	void *p;

	if (fake_mem_budget == 0)
		return NULL;
	if (fake_mem_budget != UINT64_MAX)
		fake_mem_budget--;
	p = aligned_alloc(align, ALIGN_UP(size, align));
	if (p)
		fake_mem_live++;
	return p;
}

static void put(void *p)
{
	if (p)
		fake_mem_live--;
	free(p);
}

void *frames_alloc(u64 nr, u64 align, u64 limit)
{
	(void)limit;
	return get(align * PAGE_SIZE, nr * PAGE_SIZE);
}

void frames_free(void *p, u64 nr)
{
	(void)nr;
	put(p);
}

void *frame_alloc(void)
{
	void *p = get(PAGE_SIZE, PAGE_SIZE);

	if (p)
		memset(p, 0, PAGE_SIZE);
	return p;
}

void frame_free(void *p)
{
	put(p);
}

void frames_zero(void *p, u64 nr)
{
	memset(p, 0, nr * PAGE_SIZE);
}

void *kzalloc(size_t size)
{
	void *p = get(16, MAX(size, (size_t)1));

	if (p)
		memset(p, 0, size);
	return p;
}

void kfree(void *p, size_t size)
{
	(void)size;
	put(p);
}
