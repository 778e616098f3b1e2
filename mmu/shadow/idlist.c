/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of entry names. Only the head of a chain may be partly filled: removing an element moves
 * one of the head's into its place. A chain has at least two elements; a list that shrinks to one
 * becomes a word again.
 */
#include "mmu/shadow/idlist.h"

#include "lib/bug.h"

#include "mmu/mutant.h"
#define CHAIN BIT32(31)

struct idchunk {
	u16 nr;
	u16 behind; /* chunks that follow in the chain, or UINT16_MAX if there are more */
	u32 next;   /* of the chain, or of the free chunks; 0 = the last */
	spteid_t id[IDCHUNK_IDS];
};

_Static_assert(sizeof(struct idchunk) == 64, "a chunk is a cache line");
_Static_assert(IDLIST_RESERVE <= IDCHUNKS_PER_PAGE, "one page serves idlist_reserve()");

/* Chunk n is in pool page n / IDCHUNKS_PER_PAGE; there is no page 0, so 0 names no chunk. */
static spx_t chunk_page(u32 n)
{
	return n / IDCHUNKS_PER_PAGE;
}

static struct idchunk *chunk_get(u32 n)
{
	struct idchunk *page = (void *)sp_table(chunk_page(n));

	return &page[n % IDCHUNKS_PER_PAGE];
}

static u32 chain_head(idlist_t l)
{
	return l & ~CHAIN;
}

/* --- chunks ----------------------------------------------------------------------------------- */

static void chunk_push_free(struct idlist_pool *p, u32 n)
{
	*chunk_get(n) = (struct idchunk){ .next = p->free };
	p->free = n;
	p->nr_free++;
}

static u32 chunk_take(struct idlist_pool *p)
{
	u32 n = p->free;

	/* idlist_reserve() before the lock left more than any one operation adds. */
	BUG_ON(n == 0);
	p->free = chunk_get(n)->next;
	p->nr_free--;
	sp_get(chunk_page(n))->nr_present++;
	return n;
}

static void chunk_put(struct idlist_pool *p, u32 n)
{
	sp_get(chunk_page(n))->nr_present--;
	chunk_push_free(p, n);
}

void idlist_reserve(struct idlist_pool *p, struct mmu_res *r)
{
	spx_t x;

	if (!idlist_wants(p) || r->nr == 0)
		return;
	x = res_take(r, SP_DATA);
	for (u32 i = 0; i < IDCHUNKS_PER_PAGE; i++)
		chunk_push_free(p, x * IDCHUNKS_PER_PAGE + i);
	p->nr += IDCHUNKS_PER_PAGE;
}

/* Takes the chunks of unused pages off the free list; those that begin a page go to *pages. */
static void unlink_unused(struct idlist_pool *p, u32 *pages)
{
	u32 n = p->free, keep = 0;

	p->nr_free = 0;
	while (n) {
		u32 next = chunk_get(n)->next, *to = NULL;

		if (sp_get(chunk_page(n))->nr_present) {
			to = &keep;
			p->nr_free++;
		} else {
			p->nr--;
			if (n % IDCHUNKS_PER_PAGE == 0)
				to = pages;
		}
		if (to) {
			chunk_get(n)->next = *to;
			*to = n;
		}
		n = next;
	}
	p->free = keep;
}

u32 idlist_trim(struct mmu_vm *m, struct idlist_pool *p)
{
	u32 pages = 0, freed = 0;

	unlink_unused(p, &pages);
	for (; pages; freed++) {
		u32 n = pages;

		pages = chunk_get(n)->next;
		pool_free(m, chunk_page(n));
	}
	return freed;
}

/* --- lists ------------------------------------------------------------------------------------ */

/* Chunks that a new chunk before this one has behind it. */
static u16 behind(u32 next)
{
	return next ? (u16)MIN(chunk_get(next)->behind + 1, UINT16_MAX) : 0;
}

static void push_chunk(struct idlist_pool *p, idlist_t *l, u32 next)
{
	u32 n = chunk_take(p);

	*chunk_get(n) = (struct idchunk){ .next = next, .behind = behind(next) };
	*l = CHAIN | n;
}

static void push_id(idlist_t l, spteid_t id)
{
	struct idchunk *c = chunk_get(chain_head(l));

	c->id[c->nr++] = id;
}

void idlist_add_more(struct idlist_pool *p, idlist_t *l, spteid_t id)
{
	spteid_t single = *l;

	ASSERT(id && !(id & CHAIN) && !idlist_has(*l, id));
	if (!(*l & CHAIN)) {
		push_chunk(p, l, 0);
		push_id(*l, single);
	} else if (chunk_get(chain_head(*l))->nr == IDCHUNK_IDS || MUTANT(CHUNKS_SPARSE)) {
		push_chunk(p, l, chain_head(*l));
	}
	push_id(*l, id);
}

/* Where id is in the chain, or NULL. */
static spteid_t *chain_find(idlist_t l, spteid_t id)
{
	for (u32 n = chain_head(l); n; n = chunk_get(n)->next) {
		struct idchunk *c = chunk_get(n);

		for (u32 i = 0; i < c->nr; i++)
			if (c->id[i] == id)
				return &c->id[i];
	}
	return NULL;
}

/* After an element has left the head of the chain. */
static void chain_shrink(struct idlist_pool *p, idlist_t *l)
{
	u32 n = chain_head(*l);
	const struct idchunk *c = chunk_get(n);

	if (c->nr > 1 || (c->nr == 1 && c->next))
		return;
	*l = c->nr ? c->id[0] : CHAIN | c->next;
	chunk_put(p, n);
}

bool idlist_remove_chained(struct idlist_pool *p, idlist_t *l, spteid_t id)
{
	spteid_t *at = *l & CHAIN ? chain_find(*l, id) : NULL;
	struct idchunk *head;

	if (!at)
		return false;
	head = chunk_get(chain_head(*l));
	*at = head->id[--head->nr];
	chain_shrink(p, l);
	return true;
}

bool idlist_has(idlist_t l, spteid_t id)
{
	if (l & CHAIN)
		return chain_find(l, id) != NULL;
	return l && l == id;
}

u32 idlist_count(idlist_t l)
{
	struct idlist_iter it = idlist_begin(l);
	u32 count = 0;

	while (idlist_next(&it))
		count++;
	return count;
}

u32 idlist_chunks(idlist_t l)
{
	u32 count = 0;

	for (u32 n = l & CHAIN ? chain_head(l) : 0; n; n = chunk_get(n)->next)
		count++;
	return count;
}

bool idlist_crowded(idlist_t l)
{
	return (l & CHAIN) && chunk_get(chain_head(l))->behind >= IDLIST_CROWD / IDCHUNK_IDS;
}

/* Of a chain the element that is cheapest to remove. */
spteid_t idlist_first(idlist_t l)
{
	return l & CHAIN ? chunk_get(chain_head(l))->id[0] : l;
}

spteid_t idlist_next(struct idlist_iter *it)
{
	const struct idchunk *c;
	spteid_t id = it->single;

	if (!it->chunk) {
		it->single = 0;
		return id;
	}
	c = chunk_get(it->chunk);
	id = c->id[it->pos++];
	if (it->pos == c->nr) {
		it->chunk = c->next;
		it->pos = 0;
	}
	return id;
}

/* --- I7 --------------------------------------------------------------------------------------- */

static bool is_chunk(u32 n)
{
	spx_t x = chunk_page(n);

	return x && x <= mmu_pool.nr && sp_get(x)->state == SP_DATA;
}

static const char *check_chunk(u32 n, bool head)
{
	const struct idchunk *c;

	if (!is_chunk(n))
		return "a list leads out of its chunks";
	c = chunk_get(n);
	if (c->nr > IDCHUNK_IDS)
		return "a chunk counts more than it holds";
	if (head ? c->nr < (c->next ? 1 : 2) : c->nr != IDCHUNK_IDS)
		return "a chunk that should be fuller";
	for (u32 i = 0; i < c->nr; i++)
		if (!c->id[i] || c->id[i] & CHAIN)
			return "a list holds what is no entry";
	return NULL;
}

const char *idlist_check(const struct idlist_pool *p, idlist_t l)
{
	u32 steps = 0;

	if (!(l & CHAIN))
		return NULL;
	if (l == CHAIN)
		return "an empty chain";
	for (u32 n = chain_head(l); n; n = chunk_get(n)->next) {
		const char *bad = check_chunk(n, n == chain_head(l));

		if (bad)
			return bad;
		if (steps++ == p->nr)
			return "a list runs in a circle";
	}
	for (u32 n = chain_head(l); n; n = chunk_get(n)->next)
		if (chunk_get(n)->behind != behind(chunk_get(n)->next))
			return "a chunk miscounts those behind it";
	return NULL;
}

const char *idlist_check_pool(const struct idlist_pool *p, u32 used)
{
	u32 steps = 0;

	for (u32 n = p->free; n; n = chunk_get(n)->next) {
		if (!is_chunk(n))
			return "the free chunks lead elsewhere";
		if (steps++ == p->nr_free)
			return "more free chunks than counted";
	}
	if (steps != p->nr_free)
		return "fewer free chunks than counted";
	return p->nr_free + used == p->nr ? NULL : "chunks in use do not add up";
}
