/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two transformations of a root cache. The array has no gaps: what is taken out leaves a hole
 * at the end.
 */
#include "mmu/shadow/rcache.h"

#include "mmu/mutant.h"
#include "mmu/shadow/root.h"

/* Takes out element i; what is behind it moves up. */
static struct shadow_root *take(struct rcache *c, u32 i)
{
	struct shadow_root *r = c->mru[i];

	for (; i + 1 < c->limit; i++)
		c->mru[i] = c->mru[i + 1];
	c->mru[i] = NULL;
	return r;
}

/* Puts r in front; returns what falls out at the end. */
static struct shadow_root *push(struct rcache *c, struct shadow_root *r)
{
	struct shadow_root *last;

	if (c->limit == 0)
		return r;
	last = c->mru[c->limit - 1];
	for (u32 i = c->limit - 1; i > 0; i--)
		c->mru[i] = c->mru[i - 1];
	c->mru[0] = r;
	return last;
}

/* Takes out element i and puts r in front, which is what a hit does most of the time. */
static struct shadow_root *rotate(struct rcache *c, u32 i, struct shadow_root *r)
{
	struct shadow_root *found = c->mru[i];

	for (; i > 0; i--)
		c->mru[i] = c->mru[i - 1];
	c->mru[0] = r;
	return found;
}

/* The index of the root that matches, or limit. */
static u32 find(const struct rcache *c, bool (*match)(const struct shadow_root *r, const void *arg),
		const void *arg)
{
	if (MUTANT(S0_04_NO_SEARCH_FROM_PAE) && c->cur && c->cur->kind == SRK_PAE32)
		return c->limit;
	for (u32 i = 0; i < c->limit && c->mru[i]; i++)
		if (match(c->mru[i], arg))
			return i;
	return c->limit;
}

bool rcache_switch(struct rcache *c, bool keep,
		   bool (*match)(const struct shadow_root *r, const void *arg), const void *arg,
		   struct shadow_root **evicted)
{
	struct shadow_root *old = c->cur, *found;
	u32 i;

	*evicted = NULL;
	if (MUTANT(S0_03_PAE_UNCACHED) && old && old->kind == SRK_PAE32)
		keep = false;
	if (MUTANT(S0_08_GARBAGE_CACHED))
		keep = true;
	if (old && keep && match(old, arg))
		return true;
	i = find(c, match, arg);
	if (i < c->limit && old && keep) {
		c->cur = rotate(c, i, old);
		return true;
	}
	found = i < c->limit ? take(c, i) : NULL;
	if (old)
		*evicted = keep ? push(c, old) : old;
	if (MUTANT(S0_09_B_MISS_DROPS) && !keep && !found)
		rcache_pop(c);
	c->cur = found;
	return found != NULL;
}

bool rcache_remove(struct rcache *c, const struct shadow_root *r)
{
	for (u32 i = 0; i < c->limit && c->mru[i]; i++)
		if (c->mru[i] == r)
			return take(c, i) != NULL;
	return false;
}

struct shadow_root *rcache_pop(struct rcache *c)
{
	u32 n = c->limit;

	while (n && !c->mru[n - 1])
		n--;
	return n ? take(c, n - 1) : NULL;
}
