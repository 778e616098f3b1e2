/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/shadow/rcache.c */
/* The cache of roots against a list of names: both transformations, in every case. */

#include "test.h"

#include "lib/types.h"

#include "mmu/shadow/rcache.h"
#include "mmu/shadow/root.h"

#define NR_ROOTS 40
#define NONE     NR_ROOTS

static struct shadow_root roots[NR_ROOTS];

static bool is_root(const struct shadow_root *r, const void *arg)
{
	return r == arg;
}

static u32 name(const struct shadow_root *r)
{
	return r ? (u32)(r - roots) : NONE;
}

static struct shadow_root *root(u32 n)
{
	return n == NONE ? NULL : &roots[n];
}

/* --- the model: a list of names, and what the design says about it ---------------------------- */

struct model {
	u32 cur, limit, nr;
	u32 list[RCACHE_NR + 1];
};

static u32 model_find(const struct model *m, u32 n)
{
	for (u32 i = 0; i < m->nr; i++)
		if (m->list[i] == n)
			return i;
	return NONE;
}

static bool model_remove(struct model *m, u32 n)
{
	u32 at = model_find(m, n);

	if (at == NONE)
		return false;
	m->nr--;
	for (u32 i = at; i < m->nr; i++)
		m->list[i] = m->list[i + 1];
	return true;
}

static void model_push(struct model *m, u32 n)
{
	for (u32 i = m->nr++; i > 0; i--)
		m->list[i] = m->list[i - 1];
	m->list[0] = n;
}

static u32 model_pop(struct model *m)
{
	return m->nr ? m->list[--m->nr] : NONE;
}

/* Returns what lost its place. */
static u32 model_switch(struct model *m, bool keep, u32 want, bool *hit)
{
	u32 old = m->cur, lost = NONE;

	if (keep && old != NONE && old == want) {
		*hit = true;
		return NONE;
	}
	*hit = model_remove(m, want);
	m->cur = *hit ? want : NONE;
	if (old == NONE)
		return NONE;
	if (!keep)
		return old;
	model_push(m, old);
	if (m->nr > m->limit)
		lost = model_pop(m);
	return lost;
}

static void same(const struct rcache *c, const struct model *m)
{
	assert_int_equal(name(c->cur), m->cur);
	for (u32 i = 0; i < RCACHE_NR; i++)
		assert_int_equal(name(c->mru[i]), i < m->nr ? m->list[i] : NONE);
}

/* Every root is where it was or in *evicted, and none is twice anywhere. */
static void permutation(const struct rcache *before, const struct rcache *after,
			const struct shadow_root *evicted)
{
	u32 count[NR_ROOTS + 1] = { 0 };

	count[name(before->cur)]++;
	count[name(after->cur)] += 4;
	count[name(evicted)] += 4;
	for (u32 i = 0; i < RCACHE_NR; i++) {
		count[name(before->mru[i])]++;
		count[name(after->mru[i])] += 4;
	}
	for (u32 n = 0; n < NR_ROOTS; n++)
		assert_true(count[n] == 0 || count[n] == 5);
}

static void switch_both(struct rcache *c, struct model *m, bool keep, u32 want)
{
	struct rcache before = *c;
	struct shadow_root *evicted = root(7);
	bool hit, model_hit;
	u32 lost;

	hit = rcache_switch(c, keep, is_root, root(want), &evicted);
	lost = model_switch(m, keep, want, &model_hit);
	assert_int_equal(hit, model_hit);
	assert_int_equal(name(evicted), lost);
	same(c, m);
	permutation(&before, c, evicted);
}

/* --- tests ------------------------------------------------------------------------------------ */

/* A root that was looked for in vain is built and becomes the current one. */
static void build(struct rcache *c, struct model *m, u32 n)
{
	if (m->cur != NONE || model_find(m, n) != NONE)
		return;
	c->cur = root(n);
	m->cur = n;
}

static void random_switches(u32 limit, u32 nr, uint64_t *seed)
{
	struct rcache c = { .limit = limit };
	struct model m = { .cur = NONE, .limit = limit };

	for (u32 step = 0; step < 1000000 / 16; step++) {
		u32 want = (u32)(test_random(seed) % nr);

		switch_both(&c, &m, test_random(seed) % 4 != 0, want);
		if (test_random(seed) % 8)
			build(&c, &m, want);
		if (test_random(seed) % 32 == 0) {
			u32 n = (u32)(test_random(seed) % nr);

			assert_int_equal(rcache_remove(&c, root(n)), model_remove(&m, n));
		}
		if (test_random(seed) % 64 == 0)
			assert_int_equal(name(rcache_pop(&c)), model_pop(&m));
		same(&c, &m);
	}
}

/* S0.8: a million switches over all limits. */
static void random_switches_follow_the_model(void **state)
{
	uint64_t seed = 4711;

	(void)state;
	for (u32 limit = 0; limit <= RCACHE_NR; limit++)
		random_switches(limit, limit < 8 ? limit + 3 : NR_ROOTS, &seed);
}

/* The arrangement number n of up to limit of the first nr roots, and one current root or none;
 * false if n names none. */
static bool arrange(u32 n, u32 limit, u32 nr, struct rcache *c, struct model *m)
{
	*c = (struct rcache){ .limit = limit };
	*m = (struct model){ .cur = n % (nr + 1), .limit = limit };
	if (m->cur == nr)
		m->cur = NONE;
	c->cur = root(m->cur);
	n /= nr + 1;
	for (u32 i = 0; i < limit; i++, n /= nr + 1) {
		u32 r = n % (nr + 1);

		if (r == nr)
			continue; /* no root: the list is shorter */
		if (r == m->cur || model_find(m, r) != NONE)
			return false;
		c->mru[m->nr] = root(r);
		m->list[m->nr++] = r;
	}
	return true;
}

/* S0.8, S0.9: every array of 3 slots over 5 roots, every current root, every question. */
static void all_switches_of_three_slots(void **state)
{
	const u32 nr = 5, all = 6 * 6 * 6 * 6;
	u32 tried = 0;

	(void)state;
	for (u32 limit = 0; limit <= 3; limit++)
		for (u32 n = 0; n < all; n++)
			for (u32 question = 0; question < 2 * (nr + 1); question++) {
				struct rcache c;
				struct model m;

				if (!arrange(n, limit, nr, &c, &m))
					continue;
				switch_both(&c, &m, question & 1,
					    question / 2 < nr ? question / 2 : NONE);
				tried++;
			}
	assert_true(tried > 10000);
}

/* S0.9: what each of the four cases does, in one example each. */
static void each_form_in_an_example(void **state)
{
	struct rcache c = { .cur = &roots[0], .limit = 3 };
	struct shadow_root *evicted;

	(void)state;
	c.mru[0] = &roots[1];
	c.mru[1] = &roots[2];
	c.mru[2] = &roots[3];
	/* (a), hit */
	assert_true(rcache_switch(&c, true, is_root, &roots[2], &evicted));
	assert_null(evicted);
	assert_ptr_equal(c.cur, &roots[2]);
	assert_ptr_equal(c.mru[0], &roots[0]);
	assert_ptr_equal(c.mru[1], &roots[1]);
	assert_ptr_equal(c.mru[2], &roots[3]);
	/* (a), miss: the oldest goes */
	assert_false(rcache_switch(&c, true, is_root, &roots[9], &evicted));
	assert_ptr_equal(evicted, &roots[3]);
	assert_null(c.cur);
	assert_ptr_equal(c.mru[0], &roots[2]);
	/* (b), miss: the array stays */
	c.cur = &roots[9];
	assert_false(rcache_switch(&c, false, is_root, &roots[8], &evicted));
	assert_ptr_equal(evicted, &roots[9]);
	assert_null(c.cur);
	assert_ptr_equal(c.mru[0], &roots[2]);
	assert_ptr_equal(c.mru[1], &roots[0]);
	assert_ptr_equal(c.mru[2], &roots[1]);
	/* (b), hit: a hole at the end */
	c.cur = &roots[9];
	assert_true(rcache_switch(&c, false, is_root, &roots[0], &evicted));
	assert_ptr_equal(evicted, &roots[9]);
	assert_ptr_equal(c.cur, &roots[0]);
	assert_ptr_equal(c.mru[0], &roots[2]);
	assert_ptr_equal(c.mru[1], &roots[1]);
	assert_null(c.mru[2]);
	/* The hole is what the next miss pushes out. */
	assert_false(rcache_switch(&c, true, is_root, &roots[9], &evicted));
	assert_null(evicted);
}

/* The current root is asked first; kept, nothing moves. */
static void the_current_root_may_match(void **state)
{
	struct rcache c = { .cur = &roots[4], .limit = 2 };
	struct shadow_root *evicted;

	(void)state;
	c.mru[0] = &roots[5];
	assert_true(rcache_switch(&c, true, is_root, &roots[4], &evicted));
	assert_null(evicted);
	assert_ptr_equal(c.cur, &roots[4]);
	assert_ptr_equal(c.mru[0], &roots[5]);
	/* Not if it must go. */
	assert_false(rcache_switch(&c, false, is_root, &roots[4], &evicted));
	assert_ptr_equal(evicted, &roots[4]);
	assert_null(c.cur);
}

/* Looks for root n, builds it on a miss; counts the builds. */
static u32 go_to(struct rcache *c, u32 n)
{
	struct shadow_root *evicted;

	if (rcache_switch(c, true, is_root, &roots[n], &evicted))
		return 0;
	c->cur = &roots[n];
	return 1;
}

/* S0.3: roots of PAE guests are cached as any other. */
static void pae_roots_are_cached(void **state)
{
	struct rcache c = { .limit = RCACHE_NR };
	u32 built = 0;

	(void)state;
	for (u32 n = 0; n < 8; n++)
		roots[n].kind = SRK_PAE32;
	for (u32 round = 0; round < 100; round++)
		for (u32 n = 0; n < 8; n++)
			built += go_to(&c, n);
	assert_int_equal(built, 8);
}

/* S0.4: from one kind to the other and back, always a hit. */
static void the_cache_is_searched_whatever_the_root_is(void **state)
{
	struct rcache c = { .limit = RCACHE_NR };
	u32 built = 0;

	(void)state;
	roots[0].kind = SRK_SP;
	roots[1].kind = SRK_PAE32;
	roots[2].kind = SRK_NONE;
	for (u32 i = 0; i < 1000; i++)
		for (u32 n = 0; n < 3; n++)
			built += go_to(&c, n);
	assert_int_equal(built, 3);
}

static void without_slots_nothing_is_kept(void **state)
{
	struct rcache c = { .cur = &roots[1], .limit = 0 };
	struct shadow_root *evicted;

	(void)state;
	assert_null(rcache_pop(&c));
	assert_false(rcache_remove(&c, &roots[1]));
	assert_false(rcache_switch(&c, true, is_root, &roots[2], &evicted));
	assert_ptr_equal(evicted, &roots[1]);
	assert_null(c.cur);
	assert_false(rcache_switch(&c, true, is_root, &roots[2], &evicted));
	assert_null(evicted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_switches_follow_the_model),
		cmocka_unit_test(all_switches_of_three_slots),
		cmocka_unit_test(each_form_in_an_example),
		cmocka_unit_test(the_current_root_may_match),
		cmocka_unit_test(pae_roots_are_cached),
		cmocka_unit_test(the_cache_is_searched_whatever_the_root_is),
		cmocka_unit_test(without_slots_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
