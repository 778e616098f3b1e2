/* SPDX-License-Identifier: BSD-2-Clause */
/* Bringing unsync pages up to date. */
#include "mmu/gfmt.h"
#include "mmu/mmu.h"
#include "mmu/mutant.h"
#include "mmu/shadow/rights.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/sp.h"
#include "mmu/shadow/unsync.h"
#include "mmu/slot_priv.h"

static u64 src_of_leaf(u64 gpte, u64 addr)
{
	return src_word(gpte, gpa_to_gfn(GPA(gpte & addr)));
}

/* A present entry of a leaf table that differs from the guest's entry as it is now. Rights are only
 * taken away here: what has become possible is left to the next fault. An absent entry needs no
 * look. */
static void sync_one(struct mmu_vm *m, spx_t x, u32 idx, u64 gpte, u64 reserved)
{
	const struct sp *sp = sp_get(x);
	u64 e = sp_table(x)[idx], src = src_of_leaf(gpte, role_gfmt(sp->role)->addr);
	u32 rights;

	if (!(gpte & GPTE_P) || !(gpte & GPTE_A) || (gpte & reserved) ||
	    src_gfn(src).v != sp_leaf_gfn(sp, idx).v) {
		sp_drop(m, x, idx);
		return;
	}
	rights = rights_of_leaf(sp->role, sp->role.access, gpte);
	if (!sspte_writable(e))
		rights &= ~MMU_W;
	if (e & GPTE_NX && !MUTANT(EXEC_TRACK_SYNCED))
		rights &= ~MMU_X;
	sp_set_leaf(m, x, idx, sspte_leaf(sspte_hpa(e), 1, rights, gpte_pkey(gpte)), src);
}

static u64 reserved_bits(struct mmu_vm *m, const struct sp *sp)
{
	struct mmu_regs regs = { .efer = sp->role.nx ? EFER_NXE : 0 };

	caps_apply(&m->shadow.caps, sp->role.caps, &regs);
	if (MUTANT(UNSYNC_B_ROLE_OF_ANOTHER))
		regs.efer |= EFER_NXE;
	return gfmt_reserved(role_gfmt(sp->role), &regs);
}

void sync_entry(struct mmu_vm *m, spx_t x, u32 idx)
{
	const struct sp *sp = sp_get(x);
	u64 gpte;

	if (!(sp->flags & SP_UNSYNC) || !sp_table(x)[idx])
		return;
	gpte = gpte_read(m, sp_source(sp, idx).v, sp_source_size(sp->role));
	if (src_of_leaf(gpte, role_gfmt(sp->role)->addr) != sp_xlat(sp)[idx])
		sync_one(m, x, idx, gpte, reserved_bits(m, sp));
}

static void sync_page(struct mmu_vm *m, spx_t x)
{
	struct sp *sp = sp_get(x);
	const u64 *xlat = sp_xlat(sp), reserved = reserved_bits(m, sp),
		  addr = role_gfmt(sp->role)->addr;
	u32 size = sp_source_size(sp->role);
	gpa_t source = sp_source(sp, 0);
	u64 len;
	const u8 *p = ram_holds(m, source.v) ? ram_ptr(m, source.v) : mmu_gpa_ptr(m, source, &len);

	mmu_stat_inc(m, MMU_STAT_GUEST_READ);
	for (u32 idx = 0; (idx = sp_next_bit(sp->present_map, idx)) < MMU_ENTRIES; idx++) {
		/* Without a slot there are only ones, as for the walker. */
		u64 gpte = p ? gpte_load(p + idx * size, size) : ~0ULL;

		if (src_of_leaf(gpte, addr) != xlat[idx])
			sync_one(m, x, idx, gpte, reserved);
	}
	sp->flags &= (u8)~SP_UNSYNC;
	mmu_stat_inc(m, MMU_STAT_SYNC);
	mmu_trace(m, SHADOW_SYNC, sp->gfn.v, x, sp->role.level);
}

void unsync_resolve(struct mmu_vm *m, struct pvec *pv)
{
	bool owed = false;

	MMU_HOOK(BEFORE_SYNC);
	/* All at once, and one flush for all: a page of the vector may map another one. */
	for (u32 i = 0; i < pv->nr && !MUTANT(UNSYNC_C_WRITABLE_LEFT); i++)
		owed |= rmap_protect(m, sp_get(pv->sp[i])->gfn);
	if ((owed || m->shadow.lazy_w > m->synced_stamp) && !MUTANT(S4_12_SYNC_BEFORE_FREEZE))
		tlb_sync(m);
	MMU_HOOK(AFTER_FREEZE);
	for (u32 i = 0; i < pv->nr; i++) {
		if (!MUTANT(S4_01_ONE_UNRESOLVED) || i)
			sync_page(m, pv->sp[i]);
		sp_get(pv->sp[i])->flags &= (u8)~SP_INPVEC;
	}
	pv->nr = 0;
}

/* Other CPUs may thaw tables as fast as they are synced here: after so many slices the rest is done
 * under one hold of the lock. */
#define SYNC_ROUNDS 64

static enum collect collect(spx_t x, struct pvec *pv)
{
	if (sp_get(x)->role.level > 1)
		return unsync_collect_and_clear(x, pv);
	if (!(sp_get(x)->flags & SP_UNSYNC))
		return COLLECT_DONE;
	sp_get(x)->flags |= SP_INPVEC;
	pv->sp[pv->nr++] = x;
	return COLLECT_DONE;
}

bool sync_slice(struct mmu_vm *m, const spx_t *x, u32 nr, u32 *rounds)
{
	bool all = ((*rounds)++ >= SYNC_ROUNDS && !MUTANT(S4_03_WITHOUT_END)) ||
		   MUTANT(S4_03_ONE_HOLD);
	enum collect rc;

	do {
		struct pvec pv = { .nr = 0 };

		rc = COLLECT_DONE;
		for (u32 i = 0; i < nr && rc == COLLECT_DONE; i++)
			if (x[i])
				rc = collect(x[i], &pv);
		if (pv.nr)
			unsync_resolve(m, &pv);
	} while (rc == COLLECT_MORE && all);
	if (rc == COLLECT_MORE && !MUTANT(S4_07_MORE_IS_THE_END))
		return false;
	*rounds = 0;
	return true;
}
