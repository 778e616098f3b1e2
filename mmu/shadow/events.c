/* SPDX-License-Identifier: BSD-2-Clause */
/* The flush-event table, and the events of this kind that are no register writes. */
#include "lib/bug.h"

#include "mmu/mutant.h"
#include "mmu/shadow/ctx.h"
#include "mmu/shadow/events.h"
#include "mmu/shadow/root_priv.h"
#include "mmu/shadow/unsync.h"

static bool canonical(const struct mmu_ctx *c, gva_t gva)
{
	u32 bits = c->role.la57 ? 57 : 48;

	if (!c->role.lma)
		return true;
	return (u64)((s64)(gva.v << (64 - bits)) >> (64 - bits)) == gva.v;
}

/* The leaf entry for gva, if its table may be out of sync, is made what the guest's is now. */
static void sync_address(struct mmu_ctx *c, gva_t gva)
{
	const struct shadow_root *root = c->cache.cur;
	spx_t x;

	if ((!root && !MUTANT(CVE_2022_1789_NO_ROOT_CHECK)) || root->gen != c->vm->shadow.gen)
		return;
	x = root_way_down(root, gva, false);
	if (x && !sp_get(x)->role.direct)
		sync_entry(c->vm, x, gva_index(gva, 1));
}

void event_pf(struct mmu_ctx *c, gva_t gva)
{
	env_lock(&c->vm->lock);
	if (!MUTANT(PF_DELIVERY_WITHOUT_SYNC))
		sync_address(c, gva);
	env_unlock(&c->vm->lock);
}

void mmu_pf_delivered(struct mmu_ctx *c, gva_t gva)
{
	event_pf(c, gva);
	/* The tag may hold the address: no access of hardware's has failed. */
	if (!MUTANT(PF_OF_EMULATOR_UNFLUSHED))
		c->flush = true;
}

bool mmu_invlpg(struct mmu_ctx *c, gva_t gva)
{
	struct mmu_vm *m = c->vm;

	if (!canonical(c, gva))
		return true;
	env_lock(&m->lock);
	if (!MUTANT(INVLPG_WITHOUT_SYNC))
		sync_address(c, gva);
	/* One address of a large page flushes all of it, but hardware may hold it in small pieces,
	 * or we have dropped a large one lately. */
	if (c->tag->flushed_epoch < m->shadow.lazy_large && !MUTANT(INVLPG_KEEPS_SPLINTERS))
		c->flush = true;
	env_unlock(&m->lock);
	return !c->flush;
}

bool mmu_invpcid(struct mmu_ctx *c, u64 type, u64 pcid, gva_t gva)
{
	static const u8 event[] = { MMU_EV_INVPCID_ADDR, MMU_EV_INVPCID_SPACE, MMU_EV_INVPCID_ALL,
				    MMU_EV_INVPCID_NONGLOBAL };
	bool pcide = c->regs.cr4 & CR4_PCIDE;

	if (type > 3 || pcid >> 12)
		return false;
	if (type <= 1 && !pcide && pcid)
		return false;
	if (type == 0 && !canonical(c, gva))
		return false;
	/* The one hardware tag holds the current address space only, and a parked root is synced
	 * when it is used again: another PCID needs nothing. */
	if (type <= 1 && pcid != regs_pcid(&c->regs))
		return true;
	if (type == 0) {
		if (mmu_invlpg(c, gva) && !MUTANT(EVENT_INVPCID_ADDR))
			c->flush = true; /* no instruction of hardware's has run for it */
		return true;
	}
	event_flush(c, mmu_event_scope(event[type]));
	return true;
}
