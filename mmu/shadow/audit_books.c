/* SPDX-License-Identifier: BSD-2-Clause */
/* Invariants of the lists and counts of shadow paging. Reads only. */
#include "mmu/audit_priv.h"
#include "mmu/farray.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/root_priv.h"
#include "mmu/shadow/sp.h"
#include "mmu/slot_priv.h"

struct sums {
	u32 pages, leaves, xlat, root_refs, counted, chunks;
};

static void add_page(struct sums *s, spx_t x)
{
	const struct sp *sp = sp_get(x);

	s->pages++;
	s->xlat += sp->xlat != 0;
	s->root_refs += sp->root_refs;
	s->counted += (sp->flags & SP_COUNTED) != 0;
	s->chunks += idlist_chunks(sp->parents);
	for (u32 i = 0; i < MMU_ENTRIES; i++)
		s->leaves += sspte_is_leaf(sp_table(x)[i]);
}

/* --- reverse map and counts of shadows -------------------------------------------------------- */

/* An array of list heads has at most one for each frame. */
static void check_lists(const struct mmu_vm *m, struct mmu_audit *a, struct sums *s,
			const struct farray *f, u64 nr)
{
	for (u64 i = 0; i < nr; i += 1U << FARRAY_U32) {
		spx_t page = farray_page(f, i, FARRAY_U32);
		const idlist_t *l = (const void *)sp_table(page);

		for (u64 j = 0; page && j < MIN(nr - i, 1ULL << FARRAY_U32); j++) {
			if (!l[j])
				continue;
			if (idlist_check(&m->shadow.ids, l[j]))
				audit_bad(a, "I7", idlist_check(&m->shadow.ids, l[j]));
			s->leaves -= idlist_count(l[j]);
			s->chunks += idlist_chunks(l[j]);
		}
	}
}

static u32 check_slot(const struct mmu_vm *m, struct mmu_audit *a, struct sums *s,
		      const struct slot *slot)
{
	u64 heads = MIN(slot->nr, (u64)FARRAY_INDEX_NR << FARRAY_U32);
	u32 pages = audit_farray_pages(&slot->shadows), some;

	for (u32 i = 0; i < ARRAY_SIZE(slot->rmap); i++) {
		pages += audit_farray_pages(&slot->rmap[i]);
		check_lists(m, a, s, &slot->rmap[i], heads);
	}
	if (!farray_check(&slot->shadows, sp_count_index(slot, GFN(slot->gfn.v + slot->nr)), &some))
		audit_bad(a, "I15", "count of shadowed frames in a page or block is wrong");
	for (u64 i = 0; slot->shadows.index && i < slot->nr; i++)
		s->counted -=
			farray_count(&slot->shadows, sp_count_index(slot, GFN(slot->gfn.v + i)));
	return pages;
}

/* --- roots ------------------------------------------------------------------------------------ */

static u32 references(const struct mmu_vm *m, const struct shadow_root *r)
{
	u32 n = 0;

	for (const struct mmu_ctx *c = m->shadow.ctxs; c; c = c->next) {
		n += c->cache.cur == r;
		for (u32 i = 0; i < RCACHE_NR; i++)
			n += c->cache.mru[i] == r;
	}
	return n;
}

static void check_root(const struct mmu_vm *m, struct mmu_audit *a, struct sums *s,
		       const struct shadow_root *r)
{
	const u64 *pdpt = env_ptr(r->hw);

	if (r->refs == 0 || r->refs != references(m, r))
		audit_bad(a, "I23", "a root's references are not those of the contexts");
	for (const struct shadow_root *o = r->next; o; o = o->next)
		if (o->gen == r->gen && rkey_equal(&o->key, &r->key))
			audit_bad(a, "I23", "two roots have one key");
	for (u32 i = 0; i < ARRAY_SIZE(r->child); i++) {
		spx_t x = r->child[i];

		if (x && (sp_get(x)->state != SP_LIVE || sp_get(x)->gen != r->gen))
			audit_bad(a, "I2", "a root points to no live page of its generation");
		s->root_refs -= x != 0;
		if (x && !role_sync_equal(sp_get(x)->role, r->key.role))
			audit_bad(a, "I23", "a root points to a page of another mode");
		/* QUIRK: QEMU TCG sets A there, where it is reserved. */
		if (r->kind == SRK_PAE32 && (pdpt[i] & ~GPTE_A) != (x ? sp_hpa(x).v | GPTE_P : 0))
			audit_bad(a, "I25", "a PDPTE for hardware is not its child's");
	}
	if (r->kind == SRK_SP && r->hw.v != sp_hpa(r->child[0]).v)
		audit_bad(a, "I25", "a root's address is not its table's");
}

static void check_context(const struct mmu_ctx *c, struct mmu_audit *a)
{
	const struct shadow_root *r = c->cache.cur;
	u32 gen = c->vm->shadow.gen;

	if (!c->role.valid || c->role.page.caps != c->caps)
		audit_bad(a, "I26", "a context's role is not of its CPUID");
	if (r && r->gen == gen && !rkey_equal(&r->key, &c->want))
		audit_bad(a, "I24", "a current root is not the wanted one");
	for (u32 i = 0; i < RCACHE_NR; i++)
		if (c->cache.mru[i] && c->cache.mru[i]->gen != gen)
			audit_bad(a, "I24", "an obsolete root is cached");
}

void mmu_audit_ctx(const struct mmu_ctx *c, struct mmu_audit *a)
{
	env_lock(&c->vm->lock);
	check_context(c, a);
	env_unlock(&c->vm->lock);
}

/* --- all -------------------------------------------------------------------------------------- */

static void check_sums(const struct mmu_vm *m, struct mmu_audit *a, const struct sums *s)
{
	if (s->pages != m->shadow.nr_live)
		audit_bad(a, "I30", "the list of live shadow pages is not complete");
	if (s->leaves)
		audit_bad(a, "I5", "reverse map and leaves do not add up");
	if (s->counted)
		audit_bad(a, "I15", "counts of shadows and shadow pages do not add up");
	if (s->root_refs)
		audit_bad(a, "I23", "shadow pages and roots disagree about references");
	if (idlist_check_pool(&m->shadow.ids, s->chunks))
		audit_bad(a, "I7", idlist_check_pool(&m->shadow.ids, s->chunks));
}

u32 audit_shadow_books(struct mmu_vm *m, struct mmu_audit *a)
{
	struct sums s = { 0 };
	const struct slot *slot;
	u32 pages = 0, live = 0;

	if (!m->shadow.on)
		return 0;
	for (spx_t x = 1; x <= mmu_pool.nr; x++)
		live += sp_get(x)->state == SP_LIVE && sp_get(x)->vm == m->id && sp_get(x)->gen;
	for (spx_t x = m->shadow.lru_first; x && s.pages <= live; x = sp_get(x)->lru_next)
		add_page(&s, x);
	if (s.pages != live)
		audit_bad(a, "I30", "live shadow pages and their list do not agree");
	for (u32 i = 0; (slot = mmu_slot_nth(m, i)); i++)
		pages += check_slot(m, a, &s, slot);
	for (const struct shadow_root *r = m->shadow.roots; r; r = r->next)
		check_root(m, a, &s, r);
	for (spx_t x = m->shadow.root_pages; x; x = sp_get(x)->next)
		pages++;
	for (const struct mmu_ctx *c = m->shadow.ctxs; c && !a->live; c = c->next)
		check_context(c, a);
	check_sums(m, a, &s);
	return pages + s.xlat + 1 + m->shadow.ids.nr / IDCHUNKS_PER_PAGE;
}
