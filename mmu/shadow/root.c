/* SPDX-License-Identifier: BSD-2-Clause */
/* Root objects: keys, building, references. */
#include "mmu/shadow/root_priv.h"

#include "mmu/gfmt.h"
#include "mmu/mutant.h"
#include "mmu/shadow/fetch.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/rights.h"
#include "mmu/shadow/sp.h"

/* --- keys ------------------------------------------------------------------------------------- */

/* What of a PDPTE decides a translation: P and the address. */
static u64 normal_pdpte(u64 e)
{
	if (MUTANT(S2_10_RAW_KEY))
		return e;
	return e & GPTE_P ? e & (gfmt_pae.addr | GPTE_P) : 0;
}

struct rkey root_key(union cpu_role role, const struct mmu_regs *regs)
{
	struct rkey k = { .role = role.page };

	if (role.page.fmt == ROLE_PAE && MUTANT(S2_12_KEY_IS_CR3))
		k.id[0] = regs->cr3;
	else if (role.page.fmt == ROLE_PAE && !MUTANT(S2_01_PAE_KEY_IS_FRAME))
		for (u32 i = 0; i < ARRAY_SIZE(k.id); i++)
			k.id[i] = normal_pdpte(regs->pdpte[i]);
	else if (role.page.fmt != ROLE_LIN)
		k.id[0] = (regs->cr3 & role_gfmt(role.page)->cr3) >> PAGE_SHIFT;
	return k;
}

/* May be used for this key: it is the same, and the root is not obsolete. */
static __always_inline bool root_usable(const struct mmu_vm *m, const struct shadow_root *r,
					const struct rkey *key)
{
	if (r->gen != m->shadow.gen && !MUTANT(S0_13_OBSOLETE_ROOT_USED))
		return false;
	return rkey_equal(&r->key, key);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void more_roots(struct mmu_vm *m, struct mmu_res *res)
{
	spx_t page = res_take(res, SP_DATA);
	struct shadow_root *r = (void *)sp_table(page);

	sp_get(page)->next = m->shadow.root_pages;
	m->shadow.root_pages = page;
	for (u32 i = 0; i < PAGE_SIZE / sizeof(*r); i++) {
		r[i].next = m->shadow.roots_free;
		m->shadow.roots_free = &r[i];
	}
}

static struct shadow_root *new_root(struct mmu_vm *m, struct mmu_res *res)
{
	struct shadow_root *r;

	if (!m->shadow.roots_free)
		more_roots(m, res);
	r = m->shadow.roots_free;
	m->shadow.roots_free = r->next;
	*r = (struct shadow_root){ .next = m->shadow.roots };
	m->shadow.roots = r;
	return r;
}

static void free_root(struct mmu_vm *m, struct shadow_root *r)
{
	struct shadow_root **link = &m->shadow.roots;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	for (u32 i = 0; i < ARRAY_SIZE(r->child); i++)
		if (r->child[i] && --sp_get(r->child[i])->root_refs == 0 &&
		    MUTANT(S2_02_TABLES_GO_WITH_ROOT))
			sp_zap(m, r->child[i]);
	/* Nobody's current root: every tag that used it was told to flush when it went to another
	 * one, and no processor reads a PDPT but the one in its CR3. */
	if (MUTANT(S0_05_FREED_BY_CHILDREN) ? r->child[1] != 0 : r->kind == SRK_PAE32)
		low_free(r->hw);
	*r = (struct shadow_root){ .next = m->shadow.roots_free };
	m->shadow.roots_free = r;
}

void root_put(struct mmu_vm *m, struct shadow_root *r)
{
	if (--r->refs == 0)
		free_root(m, r);
}

/* --- building --------------------------------------------------------------------------------- */

/* The guest frame that child i of a root shadows, or the first frame that it maps. */
static gfn_t child_gfn(const struct mmu_ctx *c, u32 i)
{
	if (c->role.page.fmt == ROLE_LIN)
		return GFN(i * level_frames(3));
	if (c->role.page.fmt == ROLE_PAE)
		return gpa_to_gfn(GPA(c->regs.pdpte[i] & gfmt_pae.addr));
	return gpa_to_gfn(GPA(c->regs.cr3 & role_gfmt(c->role.page)->cr3));
}

static u32 pdptes_present(const struct mmu_ctx *c)
{
	u32 mask = 0;

	for (u32 i = 0; i < ARRAY_SIZE(c->regs.pdpte); i++)
		if (c->regs.pdpte[i] & GPTE_P)
			mask |= BIT32(i);
	return mask;
}

/* The only writer of a PDPT for hardware. */
static void set_pdpte(const struct shadow_root *r, u32 i, spx_t child)
{
	u64 pdpte_bits = MUTANT(S2_06_PDPTE_IS_ENTRY) ? GPTE_P | GPTE_W | GPTE_U : GPTE_P;
	u64 *pdpt = env_ptr(r->hw);

	env_spte_write(&pdpt[i], child ? sp_hpa(child).v | pdpte_bits : 0);
}

bool root_build(struct mmu_ctx *c)
{
	struct root_plan plan = root_plan(c->role, pdptes_present(c));
	struct mmu_vm *m = c->vm;
	struct shadow_root *r;
	hpa_t low = HPA(0);

	if (plan.kind == SRK_PAE32) {
		low = low_alloc();
		if (!low.v)
			return false;
	}
	idlist_reserve(&m->shadow.ids, &c->res);
	r = new_root(m, &c->res);
	r->key = c->want;
	r->kind = plan.kind;
	r->level = plan.hw_level;
	r->gen = m->shadow.gen;
	r->refs = 1;
	r->hw = low;
	for (u32 i = 0; i < ARRAY_SIZE(r->child); i++) {
		if (!plan.child[i].word)
			continue;
		r->child[i] = table_get(m, child_gfn(c, i), plan.child[i], &c->res);
		sp_get(r->child[i])->root_refs++;
		if (plan.kind == SRK_PAE32)
			set_pdpte(r, i, r->child[i]);
	}
	if (plan.kind == SRK_SP)
		r->hw = sp_hpa(r->child[0]);
	c->cache.cur = r;
	mmu_stat_inc(m, MMU_STAT_ROOT_BUILD);
	mmu_trace(m, SHADOW_ROOT, r->key.id[0], r->hw.v, "built");
	return true;
}

/* --- switching -------------------------------------------------------------------------------- */

static bool match(const struct shadow_root *r, const void *arg)
{
	const struct mmu_ctx *c = arg;

	return root_usable(c->vm, r, &c->want);
}

/* A root that another context has made. */
static struct shadow_root *find(const struct mmu_vm *m, const struct rkey *key)
{
	for (struct shadow_root *r = m->shadow.roots; r; r = r->next)
		if (root_usable(m, r, key) && !MUTANT(S2_13_ROOT_PER_VCPU))
			return r;
	return NULL;
}

void root_change(struct mmu_ctx *c)
{
	struct mmu_vm *m = c->vm;
	struct shadow_root *old = c->cache.cur, *last = c->cache.mru[0], *evicted = NULL;
	bool keep = old && old->gen == m->shadow.gen;

	if (MUTANT(S0_02_KEPT_BY_NEW_MODE) && old)
		keep = keep && old->level == root_plan(c->role, 0).hw_level;
	if (keep && old->kind == SRK_SP && last && root_usable(m, last, &c->want)) {
		/* Two that take turns change places. */
		c->cache.mru[0] = old;
		c->cache.cur = last;
	} else if (!rcache_switch(&c->cache, keep, match, c, &evicted)) {
		c->cache.cur = find(m, &c->want);
		if (c->cache.cur && !MUTANT(XSA_438_ROOT_NOT_HELD))
			c->cache.cur->refs++;
	}
	mmu_stat_inc(m, c->cache.cur ? MMU_STAT_ROOT_HIT : MMU_STAT_ROOT_MISS);
	mmu_trace(m, SHADOW_ROOT, c->want.id[0], c->cache.cur ? c->cache.cur->hw.v : 0,
		  c->cache.cur ? "hit" : "miss");
	MMU_HOOK(BEFORE_ROOT_PUT);
	if (evicted && MUTANT(S0_06_FREED_BY_MODE))
		evicted->kind = root_plan(c->role, 0).kind;
	if (evicted)
		root_put(m, evicted);
}

/* --- giving up -------------------------------------------------------------------------------- */

void root_drop_ctx(struct mmu_ctx *c)
{
	struct shadow_root *r;

	while ((r = rcache_pop(&c->cache)))
		root_put(c->vm, r);
	if (c->cache.cur)
		root_put(c->vm, c->cache.cur);
	c->cache.cur = NULL;
}

u32 root_drop_cached(struct mmu_vm *m, u32 max)
{
	bool any = true;
	u32 nr = 0;

	/* One of each context in turn, so that none loses all of its own to the others. */
	while (any && nr < max) {
		any = false;
		for (struct mmu_ctx *c = m->shadow.ctxs; c && nr < max; c = c->next) {
			struct shadow_root *r = rcache_pop(&c->cache);

			if (!r)
				continue;
			root_put(m, r);
			any = true;
			nr++;
		}
	}
	return nr;
}

static bool shadows(const struct shadow_root *r, gfn_t gfn)
{
	for (u32 i = 0; i < ARRAY_SIZE(r->child); i++)
		if (r->child[i] && !sp_get(r->child[i])->role.direct &&
		    sp_get(r->child[i])->gfn.v == gfn.v)
			return true;
	return false;
}

void root_drop_cached_of(struct mmu_vm *m, gfn_t gfn)
{
	for (struct mmu_ctx *c = m->shadow.ctxs; c; c = c->next)
		for (u32 i = 0; i < RCACHE_NR; i++) {
			struct shadow_root *r = c->cache.mru[i];

			if (r && (r->gen != m->shadow.gen || shadows(r, gfn)) &&
			    rcache_remove(&c->cache, r)) {
				root_put(m, r);
				i--; /* the next one may have moved here */
			}
		}
}

bool root_is_current(const struct mmu_vm *m, gfn_t gfn)
{
	for (const struct mmu_ctx *c = m->shadow.ctxs; c; c = c->next)
		if (c->cache.cur && shadows(c->cache.cur, gfn))
			return true;
	return false;
}

void root_drop_obsolete(struct mmu_vm *m)
{
	if (MUTANT(S0_13_OBSOLETE_ROOT_USED))
		return;
	root_drop_cached_of(m, GFN(~0ULL)); /* no table is there */
	for (struct mmu_ctx *c = m->shadow.ctxs; c; c = c->next) {
		struct shadow_root *r = c->cache.cur;

		if (!r || r->gen == m->shadow.gen)
			continue;
		__atomic_store_n(&c->cache.cur, NULL, __ATOMIC_RELAXED);
		r->refs--;
	}
}

void root_drop_unowned(struct mmu_vm *m)
{
	struct shadow_root *r = m->shadow.roots, *next;

	for (; r; r = next) {
		next = r->next;
		if (r->refs == 0)
			free_root(m, r);
	}
}
