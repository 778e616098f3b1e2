/* SPDX-License-Identifier: BSD-2-Clause */
/* Shadow pages: identity, links, life. */
#include "mmu/shadow/sp.h"

#include "mmu/farray.h"
#include "mmu/mutant.h"
#include "mmu/shadow/idlist.h"
#include "mmu/shadow/rmap.h"
#include "mmu/shadow/unsync.h"
#include "mmu/slot_priv.h"

/* --- hash ------------------------------------------------------------------------------------- */

static spx_t *bucket(const struct mmu_vm *m, gfn_t gfn)
{
	u64 h = gfn.v * 0x9e3779b97f4a7c15ULL;

	return &((spx_t *)(void *)sp_table(m->shadow.hash))[h >> (64 - SHADOW_HASH_BITS)];
}

static void hash_add(struct mmu_vm *m, spx_t x)
{
	spx_t *head = bucket(m, sp_get(x)->gfn);

	sp_get(x)->hash_next = *head;
	*head = x;
}

static void hash_remove(struct mmu_vm *m, spx_t x)
{
	spx_t *link = bucket(m, sp_get(x)->gfn);

	while (*link != x)
		link = &sp_get(*link)->hash_next;
	*link = sp_get(x)->hash_next;
}

spx_t sp_find(const struct mmu_vm *m, gfn_t gfn, union page_role role)
{
	for (spx_t x = *bucket(m, gfn); x; x = sp_get(x)->hash_next) {
		const struct sp *sp = sp_get(x);

		if (sp->gfn.v == gfn.v && sp->role.word == role.word && !sp_obsolete(m, sp))
			return x;
	}
	return 0;
}

spx_t sp_next_of(const struct mmu_vm *m, gfn_t gfn, spx_t x)
{
	x = x ? sp_get(x)->hash_next : *bucket(m, gfn);
	while (x && (sp_get(x)->gfn.v != gfn.v || sp_get(x)->role.direct))
		x = sp_get(x)->hash_next;
	return x;
}

/* --- how many pages shadow a frame ------------------------------------------------------------ */

static void count(struct mmu_vm *m, struct sp *sp)
{
	const struct slot *s = slot_of(m, sp->gfn);
	u64 i = s ? sp_count_index(s, sp->gfn) : 0;

	if (sp->role.direct || !s || !farray_page(&s->shadows, i, FARRAY_U16))
		return;
	sp->flags |= SP_COUNTED;
	farray_add(&s->shadows, i, 1);
}

static void uncount(struct mmu_vm *m, struct sp *sp)
{
	const struct slot *s = slot_of(m, sp->gfn);

	if (!(sp->flags & SP_COUNTED))
		return;
	sp->flags &= (u8)~SP_COUNTED;
	farray_add(&s->shadows, sp_count_index(s, sp->gfn), -1);
}

bool sp_any_of(struct mmu_vm *m, gfn_t gfn, u64 nr)
{
	const struct slot *s = slot_of(m, gfn);

	return farray_any(&s->shadows, sp_count_index(s, gfn), nr);
}

/* --- recently used ---------------------------------------------------------------------------- */

static void lru_add(struct shadow_vm *s, spx_t x)
{
	sp_get(x)->lru_prev = 0;
	sp_get(x)->lru_next = s->lru_first;
	if (s->lru_first)
		sp_get(s->lru_first)->lru_prev = x;
	else
		s->lru_last = x;
	s->lru_first = x;
}

static void lru_remove(struct shadow_vm *s, spx_t x)
{
	const struct sp *sp = sp_get(x);

	if (sp->lru_prev)
		sp_get(sp->lru_prev)->lru_next = sp->lru_next;
	else
		s->lru_first = sp->lru_next;
	if (sp->lru_next)
		sp_get(sp->lru_next)->lru_prev = sp->lru_prev;
	else
		s->lru_last = sp->lru_prev;
}

bool sp_second_chance(struct mmu_vm *m, spx_t x)
{
	if (!(sp_get(x)->flags & SP_USED) || MUTANT(USED_NOT_SPARED))
		return false;
	if (!MUTANT(USED_FOR_EVER))
		sp_get(x)->flags &= (u8)~SP_USED;
	if (MUTANT(USED_STAYS_LAST))
		return true;
	lru_remove(&m->shadow, x);
	lru_add(&m->shadow, x);
	return true;
}

/* --- life ------------------------------------------------------------------------------------- */

spx_t sp_new(struct mmu_vm *m, gfn_t gfn, union page_role role, struct mmu_res *r)
{
	spx_t x = res_take(r, SP_LIVE);
	struct sp *sp = sp_get(x);

	sp->gfn = gfn;
	sp->role = role;
	sp->gen = m->shadow.gen;
	if (!role.direct)
		sp->xlat = res_take(r, SP_DATA);
	hash_add(m, x);
	lru_add(&m->shadow, x);
	count(m, sp);
	m->shadow.nr_live++;
	mmu_stat_inc(m, MMU_STAT_SP_ALLOC);
	return x;
}

/* No entry points to it any more. */
static void unlink_all(struct mmu_vm *m, const struct sp *sp)
{
	spteid_t up;

	while ((up = idlist_first(sp->parents)))
		sp_drop(m, spte_id_page(up), spte_id_index(up));
}

void sp_zap(struct mmu_vm *m, spx_t x)
{
	struct sp *sp = sp_get(x);

	unlink_all(m, sp);
	if (sp->role.level == 1)
		for (u32 i = 0; (i = sp_next_bit(sp->present_map, i)) < MMU_ENTRIES; i++)
			sp_drop(m, x, i);
	for (u32 i = 0; sp->nr_present && i < MMU_ENTRIES; i++)
		if (sp_table(x)[i])
			sp_drop(m, x, i);
	hash_remove(m, x);
	lru_remove(&m->shadow, x);
	uncount(m, sp);
	m->shadow.nr_live--;
	if (sp->xlat)
		pool_free(m, sp->xlat);
	sp->xlat = 0;
	pool_zap(m, x);
	pool_quarantine(m, pool_zap_next(m));
	mmu_stat_inc(m, MMU_STAT_SP_ZAP);
	mmu_trace(m, SHADOW_ZAP, sp->gfn.v, x, sp->role.level);
}

/* A stamp that no flush so far has reached. */
static u64 next_epoch(struct mmu_vm *m)
{
	__atomic_store_n(&m->epoch, m->epoch + 1, __ATOMIC_RELEASE);
	return m->epoch;
}

/* --- entries ---------------------------------------------------------------------------------- */

static void write_entry(struct sp *sp, u32 idx, u64 *p, u64 new)
{
	if ((new != 0) != (*p != 0)) {
		sp->nr_present = (u16)(sp->nr_present + (new ? 1 : -1));
		if (sp->role.level == 1)
			sp->present_map[idx / 64] ^= BIT(idx % 64);
	}
	env_spte_write(p, new);
}

void sp_link(struct mmu_vm *m, spx_t x, u32 idx, spx_t child, u64 gpte)
{
	struct sp *sp = sp_get(x), *ch = sp_get(child);

	/* As in rmap_add(): to take one of very many off the list would be a long search. */
	if (unlikely(idlist_crowded(ch->parents)) && !MUTANT(PARENTS_UNBOUNDED))
		unlink_all(m, ch);
	idlist_add(&m->shadow.ids, &ch->parents, spte_id(x, idx));
	if (sp->xlat)
		sp_xlat(sp)[idx] = src_word(gpte, ch->gfn);
	if (ch->flags & SP_UNSYNC || ch->nr_unsync)
		unsync_mark_parent(x, idx);
	write_entry(sp, idx, &sp_table(x)[idx], sspte_table(sp_hpa(child)));
}

void sp_set_leaf(struct mmu_vm *m, spx_t x, u32 idx, u64 e, u64 src)
{
	struct sp *sp = sp_get(x);
	u64 *p = &sp_table(x)[idx];

	if (sp->xlat)
		sp_xlat(sp)[idx] = src;
	if (*p == 0)
		rmap_add(m, sp_leaf_gfn(sp, idx), sp->role.level, spte_id(x, idx));
	else if (sspte_writable(*p) && !sspte_writable(e))
		m->shadow.lazy_w = next_epoch(m);
	write_entry(sp, idx, p, e);
}

static void note_dropped_leaf(struct mmu_vm *m, u32 level, u64 e)
{
	if (sspte_writable(e) && !MUTANT(S3_05_LAZY_W_FORGOTTEN))
		m->shadow.lazy_w = next_epoch(m);
	if (level > 1)
		m->shadow.lazy_large = next_epoch(m);
}

void sp_drop(struct mmu_vm *m, spx_t x, u32 idx)
{
	struct sp *sp = sp_get(x);
	u64 *p = &sp_table(x)[idx];
	u64 e = *p;

	if (e == 0)
		return;
	if (sspte_is_table(e)) {
		struct sp *ch = sp_get(sp_of_hpa(sspte_hpa(e)));

		idlist_remove(&m->shadow.ids, &ch->parents, spte_id(x, idx));
		unsync_clear_bit(sp, idx);
		/* Pieces of a large page may be anywhere below. */
		if (ch->role.direct || ch->role.level > 1)
			m->shadow.lazy_large = next_epoch(m);
	} else {
		rmap_remove(m, sp_leaf_gfn(sp, idx), sp->role.level, spte_id(x, idx));
		note_dropped_leaf(m, sp->role.level, e);
	}
	write_entry(sp, idx, p, 0);
}

bool sp_protect(struct mmu_vm *m, spx_t x, u32 idx)
{
	u64 *p = &sp_table(x)[idx];

	if (!sspte_writable(*p))
		return false;
	m->shadow.lazy_w = next_epoch(m);
	write_entry(sp_get(x), idx, p, sspte_readonly(*p));
	return true;
}
