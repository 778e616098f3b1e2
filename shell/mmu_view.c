/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of contexts, pages, lists and paths. Reads only. */
#include "shell/mmu_view.h"

#include <string.h>

#include "mmu/shadow/events.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/sp.h"

void mmu_ctx_view(struct mmu_ctx *c, struct mmu_ctx_view *v)
{
	const struct rcache *cache = &c->cache;

	*v = (struct mmu_ctx_view){ .regs = c->regs, .role = c->role, .want = c->want };
	env_lock(&c->vm->lock);
	v->gen = c->vm->shadow.gen;
	v->synced = c->synced;
	v->flush = c->flush;
	if (cache->cur)
		v->root[0] = *cache->cur;
	for (u32 i = 0; i < cache->limit && cache->mru[i]; i++)
		v->root[1 + i] = *cache->mru[i];
	env_unlock(&c->vm->lock);
}

static bool is_shadow(const struct mmu_vm *m, spx_t x)
{
	const struct sp *sp = sp_get(x);

	return sp->state == SP_LIVE && sp->vm == m->id && sp->gen;
}

/* The first root that points to x itself. */
static const struct shadow_root *root_above(const struct mmu_vm *m, spx_t x)
{
	const struct shadow_root *r = m->shadow.roots;

	while (r && r->child[0] != x && r->child[1] != x && r->child[2] != x && r->child[3] != x)
		r = r->next;
	return r;
}

static u32 copy_ids(idlist_t l, spteid_t id[MMU_VIEW_IDS])
{
	struct idlist_iter it = idlist_begin(l);

	for (u32 i = 0; i < MMU_VIEW_IDS && (id[i] = idlist_next(&it)); i++)
		;
	return idlist_count(l);
}

bool mmu_page_view(struct mmu_vm *m, spx_t x, struct mmu_page_view *v)
{
	const struct shadow_root *r;
	bool found;

	env_lock(&m->lock);
	found = x && x <= mmu_pool.nr && is_shadow(m, x);
	if (found) {
		v->sp = *sp_get(x);
		r = v->sp.root_refs ? root_above(m, x) : NULL;
		v->root = r ? *r : (struct shadow_root){ .kind = SRK_NONE };
		memcpy(v->entry, sp_table(x), sizeof(v->entry));
		memset(v->source, 0, sizeof(v->source));
		if (v->sp.xlat)
			memcpy(v->source, sp_xlat(&v->sp), sizeof(v->source));
		v->nr_parents = copy_ids(v->sp.parents, v->parent);
	}
	env_unlock(&m->lock);
	return found;
}

u32 mmu_leaves_of(struct mmu_vm *m, gfn_t gfn, u32 level, spteid_t id[MMU_VIEW_IDS])
{
	const idlist_t *head;
	u32 nr;

	env_lock(&m->lock);
	head = m->shadow.on ? rmap_head(m, gfn, level) : NULL;
	nr = head ? copy_ids(*head, id) : 0;
	env_unlock(&m->lock);
	return nr;
}

u32 mmu_shadows_of(struct mmu_vm *m, gfn_t gfn, spx_t x[MMU_VIEW_IDS])
{
	u32 nr = 0;

	env_lock(&m->lock);
	for (spx_t y = 0; m->shadow.on && (y = sp_next_of(m, gfn, y)); nr++)
		if (nr < MMU_VIEW_IDS)
			x[nr] = y;
	env_unlock(&m->lock);
	return nr;
}

static const struct shadow_root *root_at(const struct mmu_vm *m, hpa_t hw)
{
	const struct shadow_root *r = m->shadow.roots;

	while (r && r->hw.v != hw.v)
		r = r->next;
	return r;
}

bool mmu_shadow_path(struct mmu_vm *m, hpa_t root, gva_t gva, u32 lowest, struct mmu_path *p)
{
	const struct shadow_root *r;
	u64 table = root.v;

	env_lock(&m->lock);
	r = root_at(m, root);
	*p = (struct mmu_path){ .top = r ? r->level : 0 };
	for (u32 l = p->top; l >= lowest && l > 0; l--) {
		bool pdpt = l == 3 && r->kind == SRK_PAE32;
		u32 idx = gva_index(gva, l) & (pdpt ? 3 : ~0U);

		p->level = (u8)l;
		p->at[l] = HPA(table + idx * sizeof(u64));
		p->entry[l] = env_spte_read(env_ptr(p->at[l]));
		if (pdpt ? !r->child[idx] : !sspte_is_table(p->entry[l]))
			break;
		table = sspte_hpa(p->entry[l]).v;
	}
	env_unlock(&m->lock);
	return p->top != 0;
}
