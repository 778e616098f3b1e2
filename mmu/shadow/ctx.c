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

/*
 * Writes after which the processor reads the four entries again.
 * Source: Intel SDM 3A "PDPTE Registers".
 */
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

static enum flush_scope join(enum flush_scope a, enum mmu_event ev)
{
	return MAX(a, mmu_event_scope(ev));
}

static enum flush_scope cr4_scope(u64 old, u64 new)
{
	enum flush_scope s = mmu_event_scope(MMU_EV_ROLE);
	u64 changed = old ^ new;

	if (changed & CR4_PGE)
		s = join(s, MMU_EV_CR4_PGE);
	if (changed & CR4_PAE)
		s = join(s, MMU_EV_CR4_PAE);
	if (changed & CR4_PSE)
		s = join(s, MMU_EV_CR4_PSE);
	if (changed & old & CR4_PCIDE)
		s = join(s, MMU_EV_CR4_PCIDE_OFF);
	if (changed & new &CR4_SMEP)
		s = join(s, MMU_EV_CR4_SMEP_ON);
	return s;
}

static enum flush_scope write_scope(const struct mmu_regs *old, const struct mmu_regs *new,
				    enum mmu_reg_write what)
{
	switch (what) {
	case MMU_WROTE_CR0:
		return mmu_event_scope((old->cr0 ^ new->cr0) & CR0_PG ? MMU_EV_CR0_PG
								      : MMU_EV_ROLE);
	case MMU_WROTE_CR3:
		return mmu_event_scope(MMU_EV_CR3);
	case MMU_WROTE_CR3_NOFLUSH:
		return mmu_event_scope(MMU_EV_CR3_NOFLUSH);
	case MMU_WROTE_CR4:
		return cr4_scope(old->cr4, new->cr4);
	case MMU_WROTE_EFER:
		return mmu_event_scope(MMU_EV_ROLE);
	case MMU_WROTE_ALL:
		break;
	}
	return SCOPE_ALL;
}

/* The registers are what they are: role, key and root follow. */
static void take_regs(struct mmu_ctx *c, const struct mmu_regs *r, union cpu_role role,
		      enum flush_scope scope)
{
	bool changed = role.word != c->role.word;
	bool other_space = regs_pcid(r) != regs_pcid(&c->regs) && !MUTANT(PCID_TAGS_SHARED);

	c->regs = *r;
	c->role = role;
	c->want = root_key(c->role, r);
	event_flush(c, scope);
	env_lock(&c->vm->lock);
	if (MUTANT(S0_11_TOGGLE_TEARS_DOWN) && changed)
		root_drop_ctx(c);
	/* The one tag holds the entries of one root and one PCID. */
	if (root_switch(c) || other_space) {
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
}

bool mmu_write_regs(struct mmu_ctx *c, const struct mmu_regs *r, enum mmu_reg_write what)
{
	enum flush_scope scope = write_scope(&c->regs, r, what);
	bool cr3 = what == MMU_WROTE_CR3 || what == MMU_WROTE_CR3_NOFLUSH;
	struct mmu_regs new = *r;

	caps_apply(&c->vm->shadow.caps, c->caps, &new);
	memcpy(new.pdpte, c->regs.pdpte, sizeof(new.pdpte));
	new.pdpte_latched = is_pae(&new);
	if (reads_pdptes(c, &new, what) && !read_pdptes(c->vm, &new))
		return false;
	take_regs(c, &new, cr3 ? c->role : role_cpu(&new, c->caps), scope);
	return true;
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
		take_regs(c, &r, role_cpu(&r, c->caps), SCOPE_ALL);
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
