/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest page walker. walk_core() is the whole rule book, specialised for each format descriptor
 * by the compiler; it records every entry. walk_fast() knows only the answer "yes, and nothing
 * needs to be updated", which is what nearly every translation comes to, and leaves the rest to the
 * first.
 */
#include "mmu/walk.h"

#include <string.h>

#include "mmu/gfmt.h"
#include "mmu/mmu.h"
#include "mmu/mutant.h"
#include "mmu/slot_priv.h"

/* Walks before a guest that keeps changing its entries under us gets a fault for it. */
#define MAX_TRIES 16

/* --- permissions ------------------------------------------------------------------------------ */

/* Protection keys deny this data access to a user-mode address. Source: Intel SDM 3A "Protection
 * Keys". */
static __always_inline bool pkey_denies(const struct mmu_regs *regs, u64 leaf, u32 access)
{
	u32 key = (u32)(leaf >> GPTE_PKEY_SHIFT) & 15;
	u32 bits = regs->pkru >> (2 * key); /* AD, WD */

	if (!(regs->cr4 & CR4_PKE) || (access & MMU_X))
		return false;
	if (bits & 1)
		return true;
	return (bits & 2) && (access & MMU_W) && ((access & MMU_U) || (regs->cr0 & CR0_WP));
}

/* rights: AND of all entries for W and U, OR for NX. Source: Intel SDM 3A "Determination of Access
 * Rights". NULL = allowed, else the rule. */
static __always_inline const char *denied(const struct mmu_regs *regs, u64 rights, u32 access)
{
	bool user_page = (rights & GPTE_U) != 0;

	if ((access & MMU_U) && !user_page)
		return "user access to a supervisor page";
	if (access & MMU_X) {
		if (rights & GPTE_NX)
			return "NX";
		if (!(access & MMU_U) && user_page && (regs->cr4 & CR4_SMEP))
			return "SMEP: supervisor fetch from a user page";
		return NULL;
	}
	if (!(access & MMU_U) && user_page && (regs->cr4 & CR4_SMAP) &&
	    ((access & MMU_IMPLICIT) || !(regs->rflags & RFLAGS_AC)))
		return "SMAP: supervisor access to a user page";
	if ((access & MMU_W) && !(rights & GPTE_W) && ((access & MMU_U) || (regs->cr0 & CR0_WP)))
		return "write to a read-only page";
	return NULL;
}

static u32 rights_to_access(u64 rights)
{
	u32 access = 0;

	if (rights & GPTE_W)
		access |= MMU_W;
	if (rights & GPTE_U)
		access |= MMU_U;
	if (!(rights & GPTE_NX))
		access |= MMU_X;
	return access;
}

static __cold bool fail(struct mmu_walk *w, const struct mmu_regs *regs, u32 access, u32 bits,
			const char *reason)
{
	if (access & MMU_W)
		bits |= PFEC_W;
	if (access & MMU_U)
		bits |= PFEC_U;
	if ((access & MMU_X) &&
	    ((regs->cr4 & CR4_SMEP) || ((regs->cr4 & CR4_PAE) && (regs->efer & EFER_NXE))))
		bits |= PFEC_F;
	w->fault.error = bits;
	w->reason = reason;
	w->ok = false;
	return false;
}

/* --- the core --------------------------------------------------------------------------------- */

static __cold bool bad_entry(struct mmu_walk *w, const struct mmu_regs *regs, u32 access, u64 e)
{
	if (!(e & GPTE_P))
		return fail(w, regs, access, 0, "not present");
	return fail(w, regs, access, PFEC_P | PFEC_RSVD, "reserved bit set");
}

/* Rights accumulate in one word: W and U of all entries ANDed, NX ORed. Entries of a PDPT have
 * none. */
static __always_inline u64 narrow(const struct gfmt *const f, u64 rights, u64 e)
{
	return (rights & e & (GPTE_W | GPTE_U)) | (rights & GPTE_NX) | (f->wide ? e & GPTE_NX : 0);
}

/* The walk has come to leaf e with these rights. */
static __always_inline bool decide(const struct gfmt *const f, const struct mmu_regs *regs,
				   u32 access, u64 rights, u64 e, struct mmu_walk *w)
{
	bool pkey = f->pkey && (rights & GPTE_U) && pkey_denies(regs, e, access);

	w->access = (u8)rights_to_access(rights);
	w->reason = denied(regs, rights, access);
	if (w->reason || pkey)
		return fail(w, regs, access, PFEC_P | (pkey ? PFEC_PK : 0),
			    w->reason ? w->reason : "protection key");
	return true;
}

static __always_inline bool walk_core(const struct gfmt *const f, const struct mmu_vm *m,
				      const struct mmu_regs *regs, gva_t gva, u32 access,
				      struct mmu_walk *w)
{
	const u64 reserved = gfmt_reserved(f, regs);
	u64 table = regs->cr3 & f->cr3, rights = GPTE_W | GPTE_U, e = 0;
	u32 level;

	w->top = f->top;
#pragma GCC unroll 5
	for (level = f->top; level > 0; level--) {
		const bool is_pdpt = f->pdpt && level == f->top;
		u64 idx = (gva.v >> gfmt_shift(f, level)) & (is_pdpt ? 3 : BIT(f->index_bits) - 1);
		u64 bad;
		bool leaf;

		table += idx * f->entry_size;
		e = is_pdpt && regs->pdpte_latched ? regs->pdpte[idx]
						   : gpte_read(m, table, f->entry_size);
		w->level = (u8)level;
		w->gpte[level] = e;
		w->gpte_gpa[level] = GPA(table);
		w->access_in[level] = (u8)rights_to_access(rights);
		leaf = level == 1 || (level <= f->max_large && (e & GPTE_PS));
		bad = reserved | gfmt_reserved_at(f, level);
		/* QUIRK: QEMU TCG sets the accessed bit, which is reserved here, in PDPTEs that it
		 * reads at each walk. A CPU that minds the bit has said so before we are asked. */
		if (is_pdpt && !regs->pdpte_latched)
			bad &= ~GPTE_A;
		if (!(e & GPTE_P) || (e & bad) ||
		    (leaf && level > 1 && (e & gfmt_reserved_large(f, regs, level))))
			return bad_entry(w, regs, access, e);
		if (!is_pdpt)
			rights = narrow(f, rights, e);
		if (leaf)
			break;
		table = e & f->addr;
	}
	w->page_size = BIT(gfmt_shift(f, level));
	if (MUTANT(ACCESS_OF_WHOLE_WALK))
		memset(w->access_in, (u8)rights_to_access(rights), sizeof(w->access_in));
	if (!decide(f, regs, access, rights, e, w))
		return false;
	w->gpa = GPA(gfmt_leaf_gpa(f, e, level) | (gva.v & (w->page_size - 1)));
	return true;
}

bool mmu_walk_last(const struct gfmt *f, const struct mmu_regs *regs, u32 access, u32 inherited,
		   u64 e, struct mmu_walk *w)
{
	u64 rights = (inherited & (MMU_W | MMU_U)) | (inherited & MMU_X ? 0 : GPTE_NX);

	w->level = 1;
	w->gpte[1] = e;
	if (!(e & GPTE_P) || (e & gfmt_reserved(f, regs)))
		return bad_entry(w, regs, access, e);
	w->gpa = GPA((e & f->addr) | w->fault.gva.v % PAGE_SIZE);
	return decide(f, regs, access, narrow(f, rights, e), e, w);
}

static bool walk_once(const struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access,
		      struct mmu_walk *w)
{
	if (!(regs->cr0 & CR0_PG)) {
		w->gpa = GPA((u32)gva.v);
		return true;
	}
	if (regs->efer & EFER_LMA) {
		if (regs->cr4 & CR4_LA57)
			return walk_core(&gfmt_5, m, regs, gva, access, w);
		return walk_core(&gfmt_4, m, regs, gva, access, w);
	}
	if (regs->cr4 & CR4_PAE)
		return walk_core(&gfmt_pae, m, regs, gva, access, w);
	if (regs->cr4 & CR4_PSE || MUTANT(PS_WITHOUT_PSE))
		return walk_core(&gfmt_32_pse, m, regs, gva, access, w);
	return walk_core(&gfmt_32, m, regs, gva, access, w);
}

/* --- accessed and dirty bits ------------------------------------------------------------------ */

/* Sets what the access sets, from the top down. False: an entry is not what the walk saw; nothing
 * that was set needs to be undone, because A may be set at any time. Entries that are not in RAM
 * keep what they have. */
static bool set_accessed_dirty(struct mmu_vm *m, struct mmu_walk *w, u32 access, bool wide, u8 pdpt)
{
	for (u32 level = w->top; level >= w->level; level--) {
		u64 old = w->gpte[level];
		u64 new = old | GPTE_A;
		int set;

		if (level == w->level && (access & MMU_W))
			new |= GPTE_D;
		if (level == pdpt || new == old)
			continue;
		set = gmem_set_bits(m, w->gpte_gpa[level], &old, new, wide ? 8 : 4);
		if (set == 0)
			return false;
		if ((set < 0 && !MUTANT(AD_OF_ROM_BELIEVED)) || MUTANT(S3_11_OLD_VALUE_KEPT))
			continue;
		w->gpte[level] = new;
	}
	return true;
}

bool mmu_walk(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access,
	      struct mmu_walk *w)
{
	const bool wide = (regs->cr4 & CR4_PAE) != 0;
	const u8 pdpt = wide && !(regs->efer & EFER_LMA) ? gfmt_pae.top : 0;

	for (u32 i = 0; i < MAX_TRIES; i++) {
		memset(w, 0, sizeof(*w));
		w->fault.gva = gva;
		if (!walk_once(m, regs, gva, access, w))
			return false;
		MMU_HOOK(BEFORE_AD);
		if ((access & MMU_NO_AD) || w->top == 0 ||
		    set_accessed_dirty(m, w, access, wide, pdpt) || MUTANT(S3_11_NO_REWALK)) {
			w->ok = true;
			return true;
		}
		mmu_stat_inc(m, MMU_STAT_WALK_RESTART);
	}
	/* Other vCPUs rewrite the entries faster than we read them: not present, at some moment. */
	return fail(w, regs, access, 0, "entry keeps changing");
}

/* Whatever the fast form does not answer. */
static __noinline bool translate_slow(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva,
				      u32 access, gpa_t *gpa, struct mmu_gfault *fault)
{
	struct mmu_walk w;

	if (mmu_walk(m, regs, gva, access, &w)) {
		*gpa = w.gpa;
		return true;
	}
	*fault = w.fault;
	return false;
}

_Static_assert(MMU_W == GPTE_W && MMU_U == GPTE_U, "walk_fast() compares them in place");

#define NO_GPA GPA(~0ULL) /* in no slot */

/*
 * The common answer without a record: given only if every entry is present, has A, and is in the
 * VM's largest RAM slot, the leaf has D for a write, and the rights match the simplest way (the
 * user's own pages for the user, supervisor pages for the supervisor). Nothing is decided on the
 * way down: an entry that should have ended the walk only leads to another read inside that slot.
 */
static __always_inline gpa_t walk_fast(const struct gfmt *const f, const struct mmu_vm *m,
				       const struct mmu_regs *regs, gva_t gva, u32 access,
				       struct mmu_memo *memo)
{
	const u64 same = GPTE_P | GPTE_A | GPTE_U;
	u64 table = regs->cr3 & f->cr3, all = ~0ULL, any = 0, e = 0, offset = 0, bad;

#pragma GCC unroll 5
	for (u32 level = f->top; level > 0; level--) {
		table += ((gva.v >> gfmt_shift(f, level)) % MMU_ENTRIES) * sizeof(u64);
		if (unlikely(!ram_holds(m, table)))
			return NO_GPA;
		e = READ_ONCE(*(const u64 *)(const void *)ram_ptr(m, table));
		for (u32 i = 0; memo && i < (level == f->top ? MMU_MAX_LEVEL : level); i++) {
			memo->entry[i] = (const u64 *)(const void *)ram_ptr(m, table);
			memo->value[i] = e;
		}
		/* Keeps m->ram out of registers: saving them would cost more than the loads. */
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		all &= e;
		any |= e;
		offset = BIT(gfmt_shift(f, level)) - 1;
		if (level > 1 && (e & GPTE_PS)) {
			if (level > f->max_large || (e & gfmt_reserved_large(f, regs, level)))
				return NO_GPA;
			break;
		}
		table = e & f->addr;
	}
	bad = (all ^ (GPTE_P | GPTE_A | (access & MMU_U))) & same;
	bad |= access & MMU_W & ~all;
	if (access & MMU_W)
		bad |= ~e & GPTE_D;
	bad |= (any & f->checked) >> regs->maxphyaddr;
	if (access & MMU_X)
		bad |= any & GPTE_NX;
	return likely(!bad) ? GPA((e & f->addr & ~offset) | (gva.v & offset)) : NO_GPA;
}

/* Where walk_fast() knows all rules: long mode (so CR0.PG is set) with NX, no data access under
 * protection keys. */
static __always_inline bool fast_mode(const struct mmu_regs *regs, u32 access)
{
	return !(~regs->efer & (EFER_LMA | EFER_NXE)) &&
	       ((access & (MMU_U | MMU_X)) != MMU_U || !(regs->cr4 & CR4_PKE));
}

/* Kept apart, so that 4-level paging does not pay for the registers that this one saves. */
static __noinline bool translate_other(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva,
				       u32 access, gpa_t *gpa, struct mmu_gfault *fault)
{
	if (fast_mode(regs, access) && (regs->cr4 & CR4_LA57)) {
		*gpa = walk_fast(&gfmt_5, m, regs, gva, access, NULL);
		if (gpa->v != NO_GPA.v)
			return true;
	}
	return translate_slow(m, regs, gva, access, gpa, fault);
}

static __always_inline bool translate(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva,
				      u32 access, gpa_t *gpa, struct mmu_gfault *fault)
{
	if (likely(fast_mode(regs, access) && !(regs->cr4 & CR4_LA57))) {
		*gpa = walk_fast(&gfmt_4, m, regs, gva, access, NULL);
		if (likely(gpa->v != NO_GPA.v))
			return true;
	}
	return translate_other(m, regs, gva, access, gpa, fault);
}

bool mmu_translate(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access, gpa_t *gpa,
		   struct mmu_gfault *fault)
{
	return translate(m, regs, gva, access, gpa, fault);
}

const u8 *mmu_fetch_ptr(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access,
			u32 *len, struct mmu_gfault *fault)
{
	const u8 *p;
	gpa_t gpa;
	u64 run;

	*len = 0;
	if (unlikely(!translate(m, regs, gva, access, &gpa, fault)))
		return NULL;
	p = likely(ram_holds(m, gpa.v)) ? ram_ptr(m, gpa.v) : gmem_ptr(m, gpa, false, &run);
	if (unlikely(!p)) {
		*fault = (struct mmu_gfault){ .gva = gva };
		return NULL;
	}
	*len = (u32)(PAGE_SIZE - gva.v % PAGE_SIZE);
	return p;
}

#define FETCH_QUICK_BYTES 16

static __noinline const u8 *fetch_anew(const struct mmu_vm *m, const struct mmu_regs *regs,
				       gva_t gva, struct mmu_memo *memo)
{
	u32 access = regs->cpl == 3 ? MMU_X | MMU_U : MMU_X;
	gpa_t gpa;

	memo->last = 0;
	if (!fast_mode(regs, access) || gva.v % PAGE_SIZE > PAGE_SIZE - FETCH_QUICK_BYTES)
		return NULL;
	memo->la57 = regs->cr4 & CR4_LA57;
	gpa = memo->la57 ? walk_fast(&gfmt_5, m, regs, gva, access, memo)
			 : walk_fast(&gfmt_4, m, regs, gva, access, memo);
	if (!ram_holds(m, gpa.v))
		return NULL;
	memo->efer = regs->efer;
	memo->cpl = regs->cpl;
	memo->code = ram_ptr(m, gpa.v & ~(PAGE_SIZE - 1));
	memo->last = gva.v | (PAGE_SIZE - 1);
	return ram_ptr(m, gpa.v);
}

const u8 *mmu_fetch_quick(const struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva,
			  struct mmu_memo *memo)
{
	u64 root = (regs->cr3 & gfmt_4.cr3) | ((u64)memo->entry[4] & (PAGE_SIZE - 1));

	if (unlikely(memo->last != (gva.v | (PAGE_SIZE - 1)) ||
		     memo->last - gva.v < FETCH_QUICK_BYTES - 1 || memo->efer != regs->efer ||
		     memo->cpl != regs->cpl || memo->la57 != (regs->cr4 & CR4_LA57) ||
		     !ram_holds(m, root) || memo->value[4] != gpte_load(ram_ptr(m, root), 8) ||
		     memo->value[3] != gpte_load(memo->entry[3], 8) ||
		     memo->value[2] != gpte_load(memo->entry[2], 8) ||
		     memo->value[1] != gpte_load(memo->entry[1], 8) ||
		     memo->value[0] != gpte_load(memo->entry[0], 8)))
		return fetch_anew(m, regs, gva, memo);
	return memo->code + gva.v % PAGE_SIZE;
}
