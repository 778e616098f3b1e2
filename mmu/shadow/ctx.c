/* SPDX-License-Identifier: BSD-2-Clause */
/* Contexts: life, and writes of control registers. */
#include "mmu/shadow/ctx.h"

#include <errno.h>
#include <string.h>

#include "arch/regs.h"
#include "mmu/gfmt.h"
#include "mmu/mutant.h"
#include "mmu/shadow/events.h"
#include "mmu/shadow/root_priv.h"

/* --- PDPTEs ----------------------------------------------------------------------------------- */

static bool is_pae(const struct mmu_regs *r)
{
	return (r->cr0 & CR0_PG) && (r->cr4 & CR4_PAE) && !(r->efer & EFER_LMA);
}

/* Writes after which the processor reads the four entries again. Source: Intel SDM 3A "PDPTE
 * Registers". */
static bool reads_pdptes(const struct mmu_ctx *c, const struct mmu_regs *new,
			 enum mmu_reg_write what)
{
	const struct mmu_regs *old = &c->regs;

	if (!is_pae(new) || (MUTANT(EVENT_PDPTES_KEPT) && is_pae(old) && what != MMU_WROTE_CR3))
		return false;
	if (!is_pae(old) || what == MMU_WROTE_CR3 || what == MMU_WROTE_ALL)
		return true;
	if (MUTANT(S2_10_NOT_LATCHED))
		return true;
	return ((old->cr0 ^ new->cr0) & (CR0_CD | CR0_NW | CR0_PG)) ||
	       ((old->cr4 ^ new->cr4) & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP));
}

static bool read_pdptes(const struct mmu_vm *m, struct mmu_regs *r)
{
	u64 reserved = gfmt_reserved_at(&gfmt_pae, gfmt_pae.top) |
		       ((~0ULL << r->maxphyaddr) & gfmt_pae.checked);

	if (mmu_read(m, GPA(r->cr3 & gfmt_pae.cr3), r->pdpte, sizeof(r->pdpte)))
		return MUTANT(PDPTES_FROM_NOWHERE);
	for (u32 i = 0; i < ARRAY_SIZE(r->pdpte); i++)
		if (r->pdpte[i] & GPTE_P && r->pdpte[i] & reserved &&
		    !MUTANT(S2_10_RESERVED_LOADED))
			return false;
	return true;
}

/* --- register writes -------------------------------------------------------------------------- */

static __always_inline enum flush_scope join(enum flush_scope s, u64 happened, enum mmu_event ev)
{
	return happened && s < SCOPE_ALL ? MAX(s, mmu_event_scope(ev)) : s;
}

static __always_inline enum flush_scope cr4_scope(u64 old, u64 new)
{
	enum flush_scope s = mmu_event_scope(MMU_EV_ROLE);
	u64 changed = old ^ new;

	s = join(s, changed & CR4_PGE, MMU_EV_CR4_PGE);
	s = join(s, changed & CR4_PAE, MMU_EV_CR4_PAE);
	s = join(s, changed & CR4_PSE, MMU_EV_CR4_PSE);
	s = join(s, changed & old & CR4_PCIDE, MMU_EV_CR4_PCIDE_OFF);
	return join(s, changed & new &CR4_SMEP, MMU_EV_CR4_SMEP_ON);
}

static __always_inline enum flush_scope write_scope(enum mmu_reg_write what, u64 old, u64 new)
{
	switch (what) {
	case MMU_WROTE_CR0:
		return mmu_event_scope((old ^ new) & CR0_PG ? MMU_EV_CR0_PG : MMU_EV_ROLE);
	case MMU_WROTE_CR3:
		return mmu_event_scope(MMU_EV_CR3);
	case MMU_WROTE_CR3_NOFLUSH:
		return mmu_event_scope(MMU_EV_CR3_NOFLUSH);
	case MMU_WROTE_CR4:
		return cr4_scope(old, new);
	case MMU_WROTE_EFER:
		return mmu_event_scope(MMU_EV_ROLE);
	case MMU_WROTE_ALL:
		break;
	}
	return SCOPE_ALL;
}

/* c->regs and c->want are what they are; moved: another root than before is wanted. Role and root
 * follow. True, for every write that succeeds ends here. */
static __noinline bool follow(struct mmu_ctx *c, union cpu_role role, enum flush_scope scope,
			      bool moved, bool other_space)
{
	bool changed = role.word != c->role.word;

	c->role = role;
	event_flush(c, scope);
	env_lock(&c->vm->lock);
	if (MUTANT(S0_11_TOGGLE_TEARS_DOWN) && changed)
		root_drop_ctx(c);
	if (moved)
		root_change(c);
	/* The one tag holds the entries of one root and one PCID. */
	if (moved || (other_space && !MUTANT(PCID_TAGS_SHARED))) {
		/*
		 * A root is synced whenever it is installed; the tag holds the other one's entries.
		 */
		c->synced = MUTANT(INSTALL_WITHOUT_SYNC);
		c->flush |= !MUTANT(S0_14_FLUSH_FORGOTTEN);
	}
	if (MUTANT(S0_10_BUILT_AT_ONCE) && !c->cache.cur)
		(void)root_build(c);
	if (c->cache.cur && !c->synced)
		c->synced = root_in_sync(c->cache.cur);
	env_unlock(&c->vm->lock);
	return true;
}

static bool take_regs(struct mmu_ctx *c, const struct mmu_regs *r, enum flush_scope scope)
{
	bool other_space = regs_pcid(r) != regs_pcid(&c->regs);
	union cpu_role role = role_cpu(r, c->caps);
	struct rkey want = root_key(role, r);
	bool moved = !rkey_equal(&want, &c->want);

	c->regs = *r;
	c->want = want;
	c->last_role.word = MUTANT(S1_04_LAST_ROLE_KEPT) ? c->last_role.word : 0;
	return follow(c, role, scope, moved, other_space);
}

static __always_inline u64 *reg_of(struct mmu_regs *r, enum mmu_reg_write what)
{
	return what == MMU_WROTE_CR0           ? &r->cr0
	       : what == MMU_WROTE_CR4         ? &r->cr4
	       : what <= MMU_WROTE_CR3_NOFLUSH ? &r->cr3
					       : &r->efer;
}

bool mmu_write_regs(struct mmu_ctx *c, const struct mmu_regs *r, enum mmu_reg_write what)
{
	struct mmu_regs new = *r;
	enum flush_scope scope = write_scope(what, *reg_of(&c->regs, what), *reg_of(&new, what));

	caps_apply(&c->vm->shadow.caps, c->caps, &new);
	memcpy(new.pdpte, c->regs.pdpte, sizeof(new.pdpte));
	new.pdpte_latched = is_pae(&new);
	if (reads_pdptes(c, &new, what) && !read_pdptes(c->vm, &new))
		return false;
	return take_regs(c, &new, scope);
}

/* --- the usual writes of one register, in place ----------------------------------------------- */

static __noinline bool write_any(struct mmu_ctx *c, enum mmu_reg_write what, u64 val)
{
	struct mmu_regs new = c->regs;

	*reg_of(&new, what) = val;
	return mmu_write_regs(c, &new, what);
}

/* Another mode with the same format of tables. Kernels go to and fro between two. */
static __noinline bool toggle(struct mmu_ctx *c, u32 mode, enum flush_scope scope)
{
	union cpu_role role = c->last_role;
	bool moved;

	c->last_role = c->role;
	if (role.mode != mode)
		role = role_cpu(&c->regs, c->caps);
	moved = role.page.word != c->want.role.word && !MUTANT(S0_01_ROLE_NOT_IN_KEY);
	c->want.role = role.page;
	return follow(c, role, scope, moved, false);
}

bool mmu_write_reg(struct mmu_ctx *c, enum mmu_reg_write what, u64 val)
{
	const u32 format = (u32)(CR0_PG | CR4_PAE | CR4_PSE | CR4_LA57 | EFER_LMA);
	u64 *reg = reg_of(&c->regs, what), old = *reg, pcid = regs_pcid(&c->regs);
	enum flush_scope scope = write_scope(what, old, val);
	u32 mode, changed;

	*reg = val;
	mode = role_mode(&c->regs);
	changed = mode ^ c->role.mode;
	if (unlikely(c->role.page.fmt == ROLE_PAE ||
		     (changed & format && !MUTANT(S1_07_FORMAT_IN_PLACE)))) {
		*reg = old;
		return write_any(c, what, val);
	}
	if (changed)
		return toggle(c, mode, scope);
	return follow(c, c->role, scope, false, regs_pcid(&c->regs) != pcid);
}

bool mmu_write_cr3(struct mmu_ctx *c, u64 val, bool flush)
{
	u64 key = (val & role_gfmt(c->role.page)->cr3) >> PAGE_SHIFT, changed = c->regs.cr3 ^ val;
	bool moved = key != c->want.id[0];

	if (unlikely(c->role.page.fmt == ROLE_PAE || c->role.page.fmt == ROLE_LIN))
		return write_any(c, flush ? MMU_WROTE_CR3 : MMU_WROTE_CR3_NOFLUSH, val);
	c->want.id[0] = key;
	c->regs.cr3 = val;
	return follow(c, c->role, mmu_event_scope(flush ? MMU_EV_CR3 : MMU_EV_CR3_NOFLUSH), moved,
		      (c->regs.cr4 & CR4_PCIDE) && (changed & CR3_PCID_MASK));
}

/* --- life ------------------------------------------------------------------------------------- */

int mmu_ctx_set_caps(struct mmu_ctx *c, const struct mmu_caps *caps)
{
	struct mmu_regs r = c->regs;
	int id;

	env_lock(&c->vm->lock);
	id = caps_intern(&c->vm->shadow.caps, caps);
	env_unlock(&c->vm->lock);
	if (id < 0)
		return id;
	c->caps = (u32)id;
	caps_apply(&c->vm->shadow.caps, c->caps, &r);
	if (!MUTANT(S1_10_CAPS_WAIT))
		(void)take_regs(c, &r, SCOPE_ALL);
	return 0;
}

int mmu_ctx_init(struct mmu_ctx *c, struct mmu_vm *m, struct mmu_tag *t,
		 const struct mmu_caps *caps)
{
	int rc;

	*c = (struct mmu_ctx){ .vm = m, .tag = t, .regs = { .cr0 = CR0_ET } };
	rc = mmu_ctx_set_caps(c, caps);
	if (rc)
		return rc;
	env_lock(&m->lock);
	c->cache.limit = m->shadow.tune.roots - (MUTANT(ROOTS_15) ? 2u : 1u);
	c->next = m->shadow.ctxs;
	m->shadow.ctxs = c;
	env_unlock(&m->lock);
	return 0;
}

void mmu_ctx_fini(struct mmu_ctx *c)
{
	struct mmu_ctx **link = &c->vm->shadow.ctxs;

	env_lock(&c->vm->lock);
	while (*link && *link != c)
		link = &(*link)->next;
	if (*link)
		*link = c->next;
	root_drop_ctx(c);
	env_unlock(&c->vm->lock);
	res_drop(c->vm, &c->res);
}
