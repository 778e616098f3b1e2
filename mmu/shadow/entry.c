/* SPDX-License-Identifier: BSD-2-Clause */
/* Before and after the world switch. */
#include "mmu/mutant.h"
#include "mmu/shadow/ctx.h"
#include "mmu/shadow/fetch.h"
#include "mmu/shadow/reclaim.h"
#include "mmu/shadow/root_priv.h"
#include "mmu/shadow/unsync.h"

static bool ready(const struct mmu_ctx *c)
{
	const struct shadow_root *root = c->cache.cur;

	return root && root->gen == READ_ONCE(c->vm->shadow.gen);
}

static void sync_root(struct mmu_ctx *c)
{
	const struct shadow_root *root = c->cache.cur;

	for (u32 i = 0; i < ARRAY_SIZE(root->child); i++)
		if (root->child[i])
			sync_tree(c->vm, root->child[i]);
	c->synced = true;
}

/* False: no table below 4 GiB is to be had. */
static bool install(struct mmu_ctx *c)
{
	if (!ready(c)) {
		root_switch(c);
		c->flush = true;
		c->synced = false;
	}
	if (!c->cache.cur && !root_build(c)) {
		/* The other roots hold some. */
		root_drop_cached(c->vm, 1);
		if (!root_build(c))
			return false;
	}
	if (!c->synced)
		sync_root(c);
	return true;
}

enum mmu_verdict mmu_shadow_load(struct mmu_ctx *c, struct mmu_result *r)
{
	struct mmu_vm *m = c->vm;
	enum mmu_verdict v;

	*r = (struct mmu_result){ .reason = "root ready" };
	if (likely(ready(c) && c->synced))
		return MMU_FIXED;
	v = reclaim_reserve(c, FETCH_PAGES, r);
	if (v != MMU_FIXED)
		return v;
	env_lock(&m->lock);
	if (m->broken) {
		r->reason = m->broken;
		v = MMU_KILL_VM;
	} else if (!install(c)) {
		r->reason = "no table below 4 GiB for a PAE root";
		v = MMU_NOMEM;
	}
	env_unlock(&m->lock);
	return v;
}

bool mmu_shadow_enter(struct mmu_ctx *c, enum mmu_flush *flush)
{
	*flush = mmu_enter(c->vm, c->tag);
	/* After the tag was published: whoever makes roots obsolete now waits for us. */
	if (unlikely(!ready(c))) {
		mmu_exit(c->tag);
		return false;
	}
	if (c->flush)
		*flush = MMU_FLUSH_TAG;
	return true;
}

void mmu_shadow_exit(struct mmu_ctx *c, bool flushed)
{
	mmu_exit(c->tag);
	if (!flushed)
		return;
	mmu_flushed(c->tag);
	c->flush = false;
}
