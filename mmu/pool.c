/* SPDX-License-Identifier: BSD-2-Clause */
/* The page pool: reserves, quotas, quarantine. */
#include "mmu/pool.h"

#include <errno.h>

#include "mmu/flush.h"
#include "mmu/mmu.h"
#include "mmu/mutant.h"
#include "mmu/reader.h"

struct mmu_pool mmu_pool;
struct mmu_reader mmu_readers[ENV_MAX_CPUS];

/* The states that each state may become. */
static const u8 next_states[SP_STATE_NR] = {
	[SP_FREE] = BIT32(SP_RESERVED),
	[SP_RESERVED] = BIT32(SP_FREE) | BIT32(SP_LIVE) | BIT32(SP_DATA),
	[SP_LIVE] = BIT32(SP_ZAPPING),
	[SP_DATA] = BIT32(SP_FREE),
	[SP_ZAPPING] = BIT32(SP_QUARANTINE),
	[SP_QUARANTINE] = BIT32(SP_FREE),
};

static void sp_set_state(struct sp *sp, enum sp_state to)
{
	/* Each transition below stands behind a list or a link that only a page of the right state
	 * is on; a wrong one would hand a live table to another VM. */
	BUG_ON(!(next_states[sp->state] & BIT32(to)));
	sp->state = (u8)to;
}

/* The headers come first in the range, as many pages as they need, then the pages. */
void mmu_pool_init(hpa_t base, u32 nr)
{
	struct mmu_pool *p = &mmu_pool;
	u32 headers = 0;

	while (((u64)headers << PAGE_SHIFT) < (u64)(nr - headers + 1) * sizeof(struct sp))
		headers++;
	*p = (struct mmu_pool){
		.base = HPA(base.v + ((u64)headers << PAGE_SHIFT) - PAGE_SIZE),
		.sp = env_ptr(base),
		.nr = nr - headers,
		.nr_free = nr - headers,
	};
	env_lock_init(&p->lock, ENV_RANK_POOL);
	p->sp[0] = (struct sp){ .state = SP_FREE }; /* looked at for a table that is absent */
	for (spx_t x = p->nr; x > 0; x--) {
		p->sp[x] = (struct sp){ .state = SP_FREE, .next = p->free_list };
		p->free_list = x;
	}
}

u32 mmu_pool_free(void)
{
	return __atomic_load_n(&mmu_pool.nr_free, __ATOMIC_RELAXED);
}

u32 mmu_pool_total(void)
{
	return mmu_pool.nr;
}

static bool reserve(struct mmu_vm *m, struct mmu_res *r, u32 n)
{
	struct mmu_pool *p = &mmu_pool;
	u32 first = r->nr;

	if (MMU_HOOK(ALLOC))
		return false;
	env_lock(&p->lock);
	if (m->used + (n - first) > m->quota || n - first > p->nr_free) {
		env_unlock(&p->lock);
		return false;
	}
	while (r->nr < n) {
		spx_t x = p->free_list;

		p->free_list = sp_get(x)->next;
		sp_set_state(sp_get(x), SP_RESERVED);
		*sp_get(x) = (struct sp){ .state = SP_RESERVED, .vm = (u8)m->id };
		r->page[r->nr++] = x;
	}
	m->used += n - first;
	p->nr_free -= n - first;
	env_unlock(&p->lock);
	for (u32 i = first; i < n; i++)
		env_zero(sp_table(r->page[i]));
	return true;
}

int res_fill(struct mmu_vm *m, struct mmu_res *r, u32 n)
{
	bool held_back;

	if (r->nr >= n || reserve(m, r, n))
		return 0;
	env_lock(&m->lock);
	pool_drain(m);
	if (m->quarantine) {
		tlb_sync(m);
		pool_drain(m);
	}
	held_back = m->quarantine != 0;
	env_unlock(&m->lock);
	if (reserve(m, r, n))
		return 0;
	if (held_back)
		return -EAGAIN;
	mmu_stat_inc(m, MMU_STAT_NOMEM);
	return -ENOMEM;
}

void res_drop(struct mmu_vm *m, struct mmu_res *r)
{
	while (r->nr)
		pool_free(m, r->page[--r->nr]);
}

spx_t res_take(struct mmu_res *r, enum sp_state state)
{
	spx_t x;

	/* Every caller computes what it needs before it takes the lock. */
	BUG_ON(r->nr == 0);
	x = r->page[--r->nr];
	sp_set_state(sp_get(x), state);
	return x;
}

void pool_free(struct mmu_vm *m, spx_t x)
{
	struct mmu_pool *p = &mmu_pool;
	struct sp *sp = sp_get(x);

	env_lock(&p->lock);
	sp_set_state(sp, SP_FREE);
	sp->next = p->free_list;
	p->free_list = x;
	p->nr_free++;
	m->used--;
	env_unlock(&p->lock);
}

void pool_zap(struct mmu_vm *m, spx_t x)
{
	struct sp *sp = sp_get(x);

	sp_set_state(sp, SP_ZAPPING);
	sp->parent = 0;
	sp->next = m->zap_list;
	m->zap_list = x;
}

spx_t pool_zap_next(struct mmu_vm *m)
{
	spx_t x = m->zap_list;

	if (x)
		m->zap_list = sp_get(x)->next;
	return x;
}

void pool_quarantine(struct mmu_vm *m, spx_t x)
{
	struct sp *sp = sp_get(x);

	sp_set_state(sp, SP_QUARANTINE);
	sp->stamp = m->epoch;
	sp->next = m->quarantine;
	m->quarantine = x;
}

static bool anybody_reading(void)
{
	env_fence(); /* pairs with mmu_read_begin() */
	for (u32 c = 0; c < env_nr_cpus(); c++)
		if (__atomic_load_n(&mmu_readers[c].reading, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* A page unlinked in epoch e is safe once every tag has flushed past a floor raised after that: the
 * running ones have, when tlb_acked() says so, and the others will before they run. */
void pool_drain(struct mmu_vm *m)
{
	if (!m->quarantine)
		return;
	if (sp_get(m->quarantine)->stamp >= m->drain_stamp)
		m->drain_stamp = tlb_raise(m);
	if ((!tlb_acked(m, m->drain_stamp) && !MUTANT(QUARANTINE_IGNORED)) || anybody_reading())
		return;
	while (m->quarantine) {
		spx_t x = m->quarantine;

		m->quarantine = sp_get(x)->next;
		pool_free(m, x);
	}
}
