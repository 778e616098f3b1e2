/* SPDX-License-Identifier: BSD-2-Clause */
/* Before the world switch: a root, in sync. */
#include "mmu/mutant.h"
#include "mmu/shadow/ctx.h"
#include "mmu/shadow/fetch.h"
#include "mmu/shadow/reclaim.h"
#include "mmu/shadow/root_priv.h"
#include "mmu/shadow/unsync.h"

/* Under the lock. */
static enum mmu_verdict install(struct mmu_ctx *c, struct mmu_result *r)
{
	if (!mmu_shadow_rooted(c)) {
		root_change(c);
		c->flush = true;
		c->synced = false;
	}
	while (!c->cache.cur && !root_build(c)) {
		/* Other roots hold some. */
		if (!root_drop_cached(c->vm, 1) || MUTANT(S2_04_LOW_NOT_RECLAIMED)) {
			r->reason = "no table below 4 GiB for a PAE root";
			return MMU_NOMEM;
		}
	}
	if (!c->synced)
		c->synced = sync_slice(c->vm, c->cache.cur->child, ARRAY_SIZE(c->cache.cur->child),
				       &c->sync_rounds);
	if (c->synced)
		return MMU_FIXED;
	r->reason = "more tables have to be synced";
	return MMU_RETRY;
}

enum mmu_verdict mmu_shadow_load(struct mmu_ctx *c, struct mmu_result *r)
{
	struct mmu_vm *m = c->vm;
	enum mmu_verdict v;

	*r = (struct mmu_result){ .reason = "root ready" };
	if (mmu_shadow_ready(c))
		return MMU_FIXED;
	v = reclaim_reserve(m, &c->res, FETCH_PAGES, r);
	if (v != MMU_FIXED)
		return v;
	env_lock(&m->lock);
	if (m->broken) {
		r->reason = m->broken;
		v = MMU_KILL_VM;
	} else {
		v = install(c, r);
	}
	env_unlock(&m->lock);
	return v;
}
