/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A nested fault, from the hardware's report to a verdict:
 *
 *	mmu_fault()     gfn is a device page in the lookaside -----------------> MMIO
 *	fault_walk()    its entry is a trap entry of this generation ----------> MMIO
 *	resolve()       no slot -----------------------------------------------> MMIO (hole)
 *	                MMIO slot: cache a trap entry -------------------------> MMIO
 *	                access that a track withholds -------------------------> TRACKED
 *	                write to ROM ------------------------------------------> EMULATE
 *	                write to a shadowed table: its shadow goes
 *	                write to a logged frame: set its bit
 *	                direct_want(), direct_fit() changed the entry ---------> FIXED
 *	                the entry was right already ---------------------------> SPURIOUS
 */
#include "mmu/direct.h"
#include "mmu/mmu.h"
#include "mmu/mutant.h"
#include "mmu/reader.h"
#include "mmu/shadow/gptw.h"
#include "mmu/shadow/reclaim.h"
#include "mmu/slot_priv.h"
#include "mmu/track.h"

/* How often the same frame may fault in a row although its entry allows it, before the tables are
 * taken for broken. Real causes (another CPU was faster, a stale TLB entry) end after a few. */
#define SPURIOUS_FLUSH 2
#define SPURIOUS_LIMIT 10000

static enum mmu_verdict device(const struct slot *s, struct mmu_result *r)
{
	r->dev = s->dev;
	r->dev_base = gfn_to_gpa(s->gfn);
	r->reason = "MMIO slot";
	return MMU_MMIO;
}

static enum mmu_verdict hole(struct mmu_vm *m, struct mmu_result *r)
{
	mmu_stat_inc(m, MMU_STAT_FAULT_HOLE);
	r->dev = MMU_DEV_NONE;
	r->dev_base = GPA(0);
	r->reason = "no slot here";
	return MMU_MMIO;
}

static enum mmu_verdict trapped(struct mmu_vm *m, enum mmu_stat_id why, const char *reason,
				struct mmu_result *r)
{
	mmu_stat_inc(m, why);
	r->reason = reason;
	return why == MMU_STAT_FAULT_TRACKED ? MMU_TRACKED : MMU_EMULATE;
}

static enum mmu_verdict fixed(struct mmu_vm *m, struct mmu_result *r)
{
	m->spurious_run = 0;
	mmu_stat_inc(m, MMU_STAT_FAULT_FIXED);
	r->reason = "entry installed";
	return MMU_FIXED;
}

/* The tables are right, so the CPU has used something older, or it will never agree. */
static enum mmu_verdict spurious(struct mmu_vm *m, gfn_t gfn, struct mmu_result *r)
{
	mmu_stat_inc(m, MMU_STAT_FAULT_SPURIOUS);
	if (gfn.v != m->spurious_gfn.v)
		m->spurious_run = 0;
	m->spurious_gfn = gfn;
	if (++m->spurious_run >= SPURIOUS_LIMIT && !MUTANT(SPURIOUS_FOR_EVER)) {
		m->broken = "a frame faults for ever although its entry allows the access";
		r->reason = m->broken;
		return MMU_KILL_VM;
	}
	if (m->spurious_run >= SPURIOUS_FLUSH)
		(void)tlb_raise(m);
	r->reason = "the entry allows it already";
	return MMU_SPURIOUS;
}

/*
 * Fits the entry if the reserve suffices, else says in *lack what it takes. True: it has changed.
 */
static bool fit(struct mmu_vm *m, gfn_t gfn, struct mmu_res *res, u32 *lack)
{
	struct direct_want w = direct_want(m, gfn);
	struct tree_pos p = tree_find(m, gfn, w.level);
	u32 pages = direct_needs(m, gfn, &w);

	if (pages > res->nr) {
		*lack = pages;
		return false;
	}
	if (p.level == w.level && p.e == w.spte)
		return false;
	tlb_commit(m, direct_fit(m, gfn, &w, res));
	(void)tree_zap(m, 1); /* one leaf may have replaced a table */
	return true;
}

/* Under the lock. When *lack comes back not zero the verdict stands only if pages cannot be had. */
static enum mmu_verdict resolve(struct mmu_vm *m, const struct mmu_fault *f, struct mmu_result *r,
				struct mmu_res *res, u32 *lack)
{
	gfn_t gfn = gpa_to_gfn(f->gpa);
	struct slot *s = slot_of(m, gfn);
	u64 i;

	if (m->broken) {
		r->reason = m->broken;
		return MMU_KILL_VM;
	}
	if (!s)
		return hole(m, r);
	i = gfn.v - s->gfn.v;
	if (s->kind == SLOT_MMIO) {
		(void)fit(m, gfn, res, lack);
		return device(s, r);
	}
	/* What is left of all rights, as far as an entry can say it. */
	if (f->access & ~spte_rights(~track_withheld(s, i)))
		return trapped(m, MMU_STAT_FAULT_TRACKED, "access to a tracked frame", r);
	if (f->access & MMU_W) {
		if (s->kind == SLOT_ROM)
			return trapped(m, MMU_STAT_FAULT_ROM, "write to ROM", r);
		if (!gptw_yield(m, gfn))
			return trapped(m, MMU_STAT_SHADOW_EMULATE, "write to a current root", r);
		if (s->dirty_log && !dirty_test(s, i)) {
			mmu_stat_inc(m, MMU_STAT_FAULT_DIRTY);
			dirty_set(s, i);
		}
	}
	if (fit(m, gfn, res, lack))
		return fixed(m, r);
	return *lack ? MMU_NOMEM : spurious(m, gfn, r);
}

static __noinline enum mmu_verdict fault_slow(struct mmu_vm *m, const struct mmu_fault *f,
					      struct mmu_result *r)
{
	struct mmu_res res = { .nr = 0 };
	enum mmu_verdict v, got;
	u32 lack;

	do {
		lack = 0;
		env_lock(&m->lock);
		v = resolve(m, f, r, &res, &lack);
		env_unlock(&m->lock);
		got = reclaim_reserve(m, &res, lack, r);
	} while (lack && got == MMU_FIXED);
	if (v == MMU_NOMEM)
		v = got;
	res_drop(m, &res);
	if (v == MMU_MMIO && r->dev != MMU_DEV_NONE)
		mmu_stat_inc(m, MMU_STAT_FAULT_MMIO_SLOW);
	mmu_trace(m, MMU_FAULT, f->gpa.v, f->hw_error, mmu_verdict_name(v));
	return v;
}

/*
 * Lookaside for device pages: recent frames with their slot, each in one word, so that a reader
 * needs neither lock nor order. The generation in it is that of trap entries.
 *
 *	63      24 23    16 15 14    0
 *	[  gfn   ] [ slot ] [1][ gen ]
 */
#define LOOKASIDE_SLOT_SHIFT 16
#define LOOKASIDE_VALID      BIT(15)
#define LOOKASIDE_GEN        (MUTANT(MMIO_GEN_UNCHECKED) ? 0 : MASK(14, 0))
#define LOOKASIDE_KEY        (MASK(63, 24) | LOOKASIDE_VALID | LOOKASIDE_GEN)

static __always_inline u64 lookaside_word(gfn_t gfn, u32 slot, u32 gen)
{
	return gfn.v << 24 | (u64)slot << LOOKASIDE_SLOT_SHIFT | LOOKASIDE_VALID | gen;
}

/* Local and I/O APIC differ in bit 9, a device's own pages in the low bits. */
static __always_inline u64 *lookaside(struct mmu_vm *m, gfn_t gfn)
{
	return &m->lookaside[(gfn.v ^ gfn.v >> 9) % ARRAY_SIZE(m->lookaside)];
}

/* The same from the tables, without a lock. */
static __noinline enum mmu_verdict fault_walk(struct mmu_vm *m, const struct mmu_fault *f,
					      struct mmu_result *r)
{
	gfn_t gfn = gpa_to_gfn(f->gpa);
	struct mmu_reader *reader;
	u32 level;
	u64 e;

	if (gfn.v >= m->gfn_limit)
		return hole(m, r);
	reader = mmu_read_begin();
	e = tree_walk(m, gfn, &level);
	mmu_read_end(reader);
	if (!spte_is_trap(e) || spte_trap_gen(e) != READ_ONCE(m->slots.gen))
		return fault_slow(m, f, r);
	WRITE_ONCE(*lookaside(m, gfn), lookaside_word(gfn, spte_trap_slot(e), spte_trap_gen(e)));
	mmu_stat_inc(m, MMU_STAT_FAULT_MMIO);
	mmu_trace(m, MMU_FAULT, f->gpa.v, f->hw_error, mmu_verdict_name(MMU_MMIO));
	return device(&m->slots.slot[spte_trap_slot(e)], r);
}

enum mmu_verdict mmu_fault(struct mmu_vm *m, const struct mmu_fault *f, struct mmu_result *r)
{
	gfn_t gfn = gpa_to_gfn(f->gpa);
	u64 w = READ_ONCE(*lookaside(m, gfn));

	if (unlikely((w ^ lookaside_word(gfn, 0, READ_ONCE(m->slots.gen))) & LOOKASIDE_KEY))
		return fault_walk(m, f, r);
	mmu_stat_inc(m, MMU_STAT_FAULT_MMIO);
	mmu_trace(m, MMU_FAULT, f->gpa.v, f->hw_error, mmu_verdict_name(MMU_MMIO));
	return device(&m->slots.slot[FIELD(w, 23, LOOKASIDE_SLOT_SHIFT)], r);
}
