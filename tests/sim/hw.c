/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The processor that runs the shadow. It believes nothing: every table that it reads must be one,
 * every bit of an entry that the manual reserves must be clear, every frame must be the guest's.
 * And it uses whatever it has cached if that serves its purpose.
 * Sources: AMD APM 2 "Page Translation and Protection"; Intel SDM 3A "Paging", "Caching Translation
 * Information".
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "mmu/geom.h"
#include "mmu/pool.h"

#define HW_W BIT(1)
#define HW_U BIT(2)

static bool lm(const struct sim_hw *h)
{
	return h->levels > 3;
}

static u32 hw_shift(u32 level)
{
	return PAGE_SHIFT + MMU_LEVEL_BITS * (level - 1);
}

static u64 hw_index(const struct sim_hw *h, u64 gva, u32 level)
{
	u64 i = gva >> hw_shift(level);

	return !lm(h) && level == 3 ? i & 3 : i & ((1U << MMU_LEVEL_BITS) - 1);
}

/* Pages that an entry of this level covers. */
static u64 hw_span(u32 level)
{
	return 1ULL << (hw_shift(level) - PAGE_SHIFT);
}

/* --- what must hold --------------------------------------------------------------------------- */

static void check_reserved(const struct sim_hw *h, u64 e, u32 level, bool leaf)
{
	u64 bad = MASK(51, mmu_hw.maxphyaddr);

	/* Without long mode the high bits are reserved, but for NX. */
	if (!lm(h))
		bad |= MASK(62, 52);
	if (!(h->efer & EFER_NXE))
		bad |= BIT(63);
	if (leaf && level > 1)
		bad |= MASK(hw_shift(level) - 1, 13);
	if (level > 3 || (level == 3 && !mmu_hw.has_1g))
		bad |= BIT(7);
	sim_check(!(e & bad), "shadow entry %#llx of level %u has reserved bits %#llx",
		  (unsigned long long)e, level, (unsigned long long)(e & bad));
}

static void check_table(u64 table, u32 level)
{
	spx_t x = sp_of_hpa(HPA(table));
	const struct sp *sp = sp_get(x);

	sim_check(x != 0, "hardware walks %#llx, which is in no pool", (unsigned long long)table);
	sim_check(sp->vm == sim.vm.id, "hardware walks a table of another VM");
	sim_check(sp->state == SP_LIVE || sp->state == SP_ZAPPING || sp->state == SP_QUARANTINE,
		  "hardware walks pool page %u, which is in state %u", x, sp->state);
	sim_check(sp->role.level == level, "hardware walks a table of level %u as one of level %u",
		  sp->role.level, level);
}

/* A leaf maps memory of the guest, all of it. */
static void check_frames(u64 hpa, u64 pages)
{
	u64 first, last;

	sim_check(sim_gpa_of(hpa, &first) && sim_gpa_of(hpa + (pages - 1) * PAGE_SIZE, &last) &&
			  last - first == (pages - 1) * PAGE_SIZE,
		  "shadow maps host frames %#llx + %llu, which are not the guest's",
		  (unsigned long long)hpa >> PAGE_SHIFT, (unsigned long long)pages);
}

/* --- caches ----------------------------------------------------------------------------------- */

void sim_hw_drop(struct sim_vcpu *v)
{
	memset(v->hw.tlb, 0, sizeof(v->hw.tlb));
}

static bool covers(const struct sim_tlbe *t, u64 gva)
{
	return (gva >> PAGE_SHIFT) - t->first < t->nr;
}

static void cache(struct sim_hw *h, const struct sim_tlbe *t)
{
	if (sim.keep == SIM_KEEP_NOTHING || (sim.keep == SIM_KEEP_RANDOM && sim_chance(4)))
		return;
	h->tlb[h->next++ % SIM_TLB] = *t;
}

/* Translations of the address go, and with them all pointers to tables; a large leaf of the shadow
 * as a whole, a splintered one only here. */
void sim_hw_invlpg(struct sim_vcpu *v, u64 gva)
{
	for (u32 i = 0; i < SIM_TLB; i++)
		if (v->hw.tlb[i].level || covers(&v->hw.tlb[i], gva))
			v->hw.tlb[i].nr = 0;
}

static void fault_forgets(struct sim_hw *h, u64 gva)
{
	for (u32 i = 0; i < SIM_TLB; i++)
		if (covers(&h->tlb[i], gva))
			h->tlb[i].nr = 0;
}

static bool inclined(void)
{
	return sim.keep == SIM_KEEP_ALL || (sim.keep == SIM_KEEP_RANDOM && !sim_chance(8));
}

/* Some cached entry for gva, or NULL. */
static const struct sim_tlbe *lookup(const struct sim_hw *h, u64 gva, bool leaf)
{
	u32 at = sim.keep == SIM_KEEP_RANDOM ? sim_rand(SIM_TLB) : 0;

	for (u32 n = 0; n < SIM_TLB; n++, at++) {
		const struct sim_tlbe *t = &h->tlb[at % SIM_TLB];

		if (covers(t, gva) && (t->level == 0) == leaf && inclined())
			return t;
	}
	return NULL;
}

/* --- the walk --------------------------------------------------------------------------------- */

/* Nested tables have the format of long mode, and are walked as by a user. */
static void enter_direct(struct sim_hw *h)
{
	h->cr0 = CR0_PE | CR0_PG | CR0_WP;
	h->cr4 = CR4_PAE;
	h->efer = EFER_LME | EFER_LMA | EFER_NXE;
	h->root = mmu_root_hpa(&sim.vm).v;
	h->levels = mmu_hw.root_level;
}

void sim_hw_enter(struct sim_vcpu *v, bool flush)
{
	struct mmu_hw_regs want = role_hw_regs(v->ctx.role);
	struct sim_hw *h = &v->hw;

	if (flush)
		sim_hw_drop(v);
	if (v->direct) {
		enter_direct(h);
		return;
	}
	h->cr0 = (v->regs.cr0 | want.cr0.set) & ~want.cr0.clear;
	h->cr4 = (v->regs.cr4 | want.cr4.set) & ~want.cr4.clear;
	h->efer = (v->regs.efer | want.efer.set) & ~want.efer.clear;
	h->root = mmu_ctx_root(&v->ctx).v;
	sim_check((h->cr0 & CR0_PG) && (h->cr0 & CR0_PE) && (h->cr4 & CR4_PAE),
		  "hardware does not run with PAE or long mode");
	sim_check(h->cr0 & CR0_WP, "hardware runs without CR0.WP");
	sim_check(!!(h->efer & EFER_LMA) == !!(v->regs.efer & EFER_LMA),
		  "long mode of guest and hardware differ");
	h->levels = !(h->efer & EFER_LMA) ? 3 : h->cr4 & CR4_LA57 ? 5 : 4;
	if (h->levels > 3)
		return;
	sim_check(h->root < SZ_4G && !(h->root & 31), "root of PAE at %#llx",
		  (unsigned long long)h->root);
	for (u32 i = 0; i < 4; i++) {
		u64 e = ((const u64 *)env_ptr(HPA(h->root)))[i];
		u64 bad = MASK(2, 1) | MASK(8, 5) | (~0ULL << mmu_hw.maxphyaddr);

		sim_check(!(e & 1) || !(e & bad), "hardware PDPTE %u is %#llx", i,
			  (unsigned long long)e);
		h->pdpte[i] = e;
	}
}

/* The entry of a table, with A set as hardware does. 0: not present. */
static u64 read_entry(const struct sim_hw *h, u64 table, u64 gva, u32 level, bool write)
{
	u64 *p, e;
	bool leaf;

	if (!lm(h) && level == 3)
		return h->pdpte[hw_index(h, gva, 3)] & 1 ? h->pdpte[hw_index(h, gva, 3)] : 0;
	check_table(table, level);
	p = (u64 *)env_ptr(HPA(table)) + hw_index(h, gva, level);
	e = *p;
	if (!(e & 1))
		return 0;
	leaf = level == 1 || (e & BIT(7));
	check_reserved(h, e, level, leaf);
	e |= BIT(5);
	if (write && leaf && (e & HW_W))
		e |= BIT(6);
	*p = e;
	return e;
}

/* From a table down; what it meets is cached if keep. False: not present. */
static bool walk(struct sim_hw *h, struct sim_tlbe at, u64 gva, bool write, bool keep,
		 struct sim_tlbe *out)
{
	for (;;) {
		u32 level = at.level;
		u64 e = read_entry(h, at.hpa, gva, level, write && at.w);
		bool leaf = level == 1 || (e & BIT(7)), rights = lm(h) || level < 3;

		if (!e)
			return false;
		at = (struct sim_tlbe){
			.first = (gva >> PAGE_SHIFT) & ~(hw_span(level) - 1),
			.nr = hw_span(level),
			.hpa = e & MASK(51, 12),
			.level = (u8)(leaf ? 0 : level - 1),
			.pkey = (u8)(e >> 59 & 15),
			.w = at.w && (!rights || (e & HW_W)),
			.u = at.u && (!rights || (e & HW_U)),
			.x = at.x && (!rights || !(e >> 63)),
			.d = e & BIT(6),
		};
		if (leaf) {
			at.hpa &= ~((hw_span(level) << PAGE_SHIFT) - 1);
			check_frames(at.hpa, at.nr);
		}
		if (keep)
			cache(h, &at);
		if (leaf) {
			*out = at;
			return true;
		}
	}
}

static struct sim_tlbe top(const struct sim_hw *h)
{
	return (struct sim_tlbe){
		.hpa = h->root & ~0xfffULL,
		.level = h->levels,
		.w = true,
		.u = true,
		.x = true,
	};
}

/* --- protection ------------------------------------------------------------------------------- */

static bool key_denies(const struct sim_hw *h, const struct sim_tlbe *t, const struct sim_access *a)
{
	u32 bits = a->pkru >> (2 * t->pkey) & 3;

	if (!(h->cr4 & CR4_PKE) || !lm(h) || !t->u || (a->access & MMU_X))
		return false;
	return (bits & 1) || ((bits & 2) && (a->access & MMU_W)); /* CR0.WP is set */
}

static bool denied(const struct sim_hw *h, const struct sim_tlbe *t, const struct sim_access *a)
{
	bool user = a->access & MMU_U;

	if ((a->access & MMU_W) && !t->w)
		return true;
	if ((a->access & MMU_X) && (!t->x || (!user && t->u && (h->cr4 & CR4_SMEP))))
		return true;
	if (user)
		return !t->u;
	if ((a->access & MMU_X) || !t->u || !(h->cr4 & CR4_SMAP))
		return false;
	return !a->ac || (a->access & MMU_IMPLICIT);
}

static u32 error_code(const struct sim_hw *h, const struct sim_access *a, bool present, bool key)
{
	u32 e = present ? PFEC_P : 0;

	if (a->access & MMU_W)
		e |= PFEC_W;
	if (a->access & MMU_U)
		e |= PFEC_U;
	if ((a->access & MMU_X) && ((h->efer & EFER_NXE) || (h->cr4 & CR4_SMEP)))
		e |= PFEC_F;
	return key ? e | PFEC_PK : e;
}

static bool allows(const struct sim_hw *h, const struct sim_tlbe *t, const struct sim_access *a)
{
	return !denied(h, t, a) && !key_denies(h, t, a) && (!(a->access & MMU_W) || t->d);
}

bool sim_hw_translate(struct sim_vcpu *v, const struct sim_access *a, u64 *hpa, u32 *error)
{
	struct sim_hw *h = &v->hw;
	const struct sim_tlbe *t = lookup(h, a->gva, true), *from;
	struct sim_tlbe got = { 0 };
	bool present = t != NULL;

	/* A cached translation without the right: some processors walk again, some fault. */
	if (t && !allows(h, t, a) && (!t->d || sim_chance(2)))
		t = NULL;
	if (t) {
		got = *t;
	} else {
		from = lookup(h, a->gva, false);
		present = walk(h, from ? *from : top(h), a->gva, a->access & MMU_W, true, &got);
	}
	if (present && !denied(h, &got, a) && !key_denies(h, &got, a)) {
		*hpa = got.hpa + a->gva - (got.first << PAGE_SHIFT);
		return true;
	}
	*error = error_code(h, a, present, present && key_denies(h, &got, a));
	fault_forgets(h, a->gva);
	return false;
}

void sim_hw_speculate(struct sim_vcpu *v, u64 gva)
{
	const struct sim_tlbe *from = lookup(&v->hw, gva, false);
	struct sim_tlbe got;

	(void)walk(&v->hw, from ? *from : top(&v->hw), gva, false, true, &got);
}

bool sim_hw_peek(struct sim_vcpu *v, u64 gva, struct sim_tlbe *t)
{
	return walk(&v->hw, top(&v->hw), gva, false, false, t);
}
