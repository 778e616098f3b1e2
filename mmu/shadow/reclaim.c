/* SPDX-License-Identifier: BSD-2-Clause */
/* Reclaim of shadow pages. */
#include "mmu/shadow/reclaim.h"

#include <errno.h>

#include "mmu/mutant.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/root_priv.h"
#include "mmu/shadow/sp.h"

/* Pages dropped under one hold of the lock, and how many are looked at for them. */
#define SLICE_ZAP  16
#define SLICE_LOOK 256

enum victim {
	VICTIM_OBSOLETE,
	VICTIM_UNLINKED,
	VICTIM_ANY, /* not used lately */
	VICTIM_NR,
};

static bool is_victim(const struct mmu_vm *m, const struct sp *sp, enum victim what)
{
	if (sp->root_refs && !MUTANT(CVE_2026_64561_ROOT_RECLAIMED))
		return false;
	if (what == VICTIM_OBSOLETE)
		return sp_obsolete(m, sp);
	return what == VICTIM_ANY || sp->parents == 0;
}

/* From the least recently used on. Returns how many were dropped. */
static u32 zap_some(struct mmu_vm *m, enum victim what, u32 want, u32 look)
{
	spx_t x = m->shadow.lru_last;
	u32 n = 0;

	while (x && n < want && look--) {
		spx_t prev = sp_get(x)->lru_prev;

		if (is_victim(m, sp_get(x), what) &&
		    (what != VICTIM_ANY || !sp_second_chance(m, x))) {
			sp_zap(m, x);
			n++;
		}
		x = prev;
	}
	return n;
}

static u32 reclaim(struct mmu_vm *m)
{
	u32 n = 0;

	for (u32 what = 0; what < VICTIM_NR && n < SLICE_ZAP; what++) {
		if (what == VICTIM_ANY)
			root_drop_cached(m, SLICE_ZAP);
		n += zap_some(m, what, SLICE_ZAP - n,
			      what == VICTIM_ANY ? m->shadow.nr_live : SLICE_LOOK);
	}
	/* All were in use; none is marked any more. */
	if (n == 0 && !MUTANT(USED_KEPT_FROM_OTHERS))
		n = zap_some(m, VICTIM_ANY, SLICE_ZAP, m->shadow.nr_live);
	m->stat.count[MMU_STAT_RECLAIM] += n;
	return n || MUTANT(LISTS_KEEP_ALL) ? n : idlist_trim(m, &m->shadow.ids);
}

enum mmu_verdict reclaim_reserve(struct mmu_vm *m, struct mmu_res *res, u32 nr,
				 struct mmu_result *r)
{
	bool none = !m->shadow.on;

	if (likely(res->nr >= nr))
		return MMU_FIXED;
	for (;;) {
		int rc = res_fill(m, res, nr);

		if (rc == 0)
			return MMU_FIXED;
		if (rc == -EAGAIN) {
			r->reason = "freed tables are still in use by a reader";
			return MMU_RETRY;
		}
		/* Where there was nothing to take, somebody may have dropped it just before. */
		if (none) {
			r->reason = "no page for a table: the VM's quota is used up";
			return MMU_NOMEM;
		}
		env_lock(&m->lock);
		none = reclaim(m) == 0;
		env_unlock(&m->lock);
		if (none && MUTANT(NOTHING_TO_TAKE_IS_NOMEM))
			return MMU_NOMEM;
	}
}

void reclaim_obsolete(struct mmu_vm *m)
{
	u32 n;

	do {
		env_lock(&m->lock);
		n = zap_some(m, VICTIM_OBSOLETE, MUTANT(XSA_410_ONE_HOLD) ? UINT32_MAX : SLICE_ZAP,
			     m->shadow.nr_live);
		env_unlock(&m->lock);
	} while (n);
}
