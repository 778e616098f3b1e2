/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: mmu/[a-z]*.c mmu/shadow/[a-z]*.c tests/host/mmu_sim.c tests/host/fake/bug.c */
/* Lists of entry names against plain sets; every chunk is somewhere; I7 sees what is broken. */

#include "mmu_sim.h"

#include <stdlib.h>

#include "mmu/shadow/idlist.h"

#define NR_LISTS 40
#define NR_IDS   240 /* different elements of one list */

static struct mmu_vm vm;
static struct idlist_pool pool;

struct model {
	idlist_t l;
	bool in[NR_IDS];
	u32 nr;
};

static struct model model[NR_LISTS];

static void start(void)
{
	sim_start(SPTE_NPT, 400, 1);
	sim_vm(&vm, 1, 380);
	pool = (struct idlist_pool){ 0 };
	memset(model, 0, sizeof(model));
}

static void reserve(void)
{
	struct mmu_res r = { 0 };

	if (!idlist_wants(&pool))
		return;
	assert_int_equal(res_fill(&vm, &r, 1), 0);
	idlist_reserve(&pool, &r);
	assert_false(idlist_wants(&pool));
	res_drop(&vm, &r);
}

/* Elements that look like real ones: large, not in order. */
static spteid_t id_of(u32 i)
{
	return (i * 2654435761u >> 1 & 0x7ffffffe) | 1;
}

static void check_list(const struct model *m)
{
	struct idlist_iter it = idlist_begin(m->l);
	bool seen[NR_IDS] = { false };
	spteid_t id;
	u32 n = 0;

	assert_null(idlist_check(&pool, m->l));
	assert_int_equal(idlist_count(m->l), m->nr);
	while ((id = idlist_next(&it))) {
		u32 i = 0;

		while (i < NR_IDS && id_of(i) != id)
			i++;
		assert_true(i < NR_IDS && m->in[i] && !seen[i]);
		seen[i] = true;
		n++;
	}
	assert_int_equal(n, m->nr);
	assert_int_equal(idlist_next(&it), 0);
	for (u32 i = 0; i < NR_IDS; i++)
		assert_int_equal(idlist_has(m->l, id_of(i)), m->in[i]);
	assert_int_equal(idlist_first(m->l) != 0, m->nr != 0);
	assert_true(!m->nr || idlist_has(m->l, idlist_first(m->l)));
	/* No more chunks than the elements fill. */
	assert_int_equal(idlist_chunks(m->l), m->nr < 2 ? 0 : (m->nr + 13) / 14);
}

static void check_pool(void)
{
	u32 used = 0;

	for (u32 i = 0; i < NR_LISTS; i++)
		used += idlist_chunks(model[i].l);
	assert_null(idlist_check_pool(&pool, used));
	assert_non_null(idlist_check_pool(&pool, used + 1));
}

static void add(struct model *m, u32 i)
{
	idlist_add(&pool, &m->l, id_of(i));
	m->in[i] = true;
	m->nr++;
}

static void remove_one(struct model *m, u32 i)
{
	assert_int_equal(idlist_remove(&pool, &m->l, id_of(i)), m->in[i]);
	m->nr -= m->in[i];
	m->in[i] = false;
}

static void lists_are_sets(void **state)
{
	(void)state;
	start();
	for (u32 step = 0; step < 200000; step++) {
		struct model *m = &model[sim_rand(NR_LISTS)];
		u32 i = (u32)sim_rand(NR_IDS);
		/* Lists grow and shrink in turn. */
		bool more = sim_rand(8) < (step >> 12 & 1 ? 6 : 2);

		reserve();
		if (more && !m->in[i])
			add(m, i);
		else
			remove_one(m, i);
		if (step % 16 == 0)
			check_list(m);
		if (step % 1024 == 0) {
			check_pool();
			idlist_trim(&vm, &pool);
			check_pool();
		}
	}
	for (u32 k = 0; k < NR_LISTS; k++) {
		check_list(&model[k]);
		for (spteid_t id; (id = idlist_first(model[k].l));)
			assert_true(idlist_remove(&pool, &model[k].l, id));
		assert_int_equal(model[k].l, 0);
	}
	check_pool();
	idlist_trim(&vm, &pool);
	assert_int_equal(pool.nr, 0);
	assert_int_equal(pool.nr_free, 0);
	assert_int_equal(pool.free, 0);
	assert_int_equal(vm.used, 1);
	mmu_vm_fini(&vm);
}

static void one_element_needs_no_chunk(void **state)
{
	idlist_t l = 0;

	(void)state;
	start();
	assert_int_equal(idlist_count(l), 0);
	assert_int_equal(idlist_first(l), 0);
	assert_false(idlist_has(l, 5));
	assert_false(idlist_has(l, 0));
	assert_false(idlist_remove(&pool, &l, 0));
	assert_false(idlist_remove(&pool, &l, 5));
	idlist_add(&pool, &l, 5);
	assert_int_equal(l, 5);
	assert_false(idlist_remove(&pool, &l, 6));
	assert_false(idlist_has(l, 0));
	assert_true(idlist_remove(&pool, &l, 5));
	assert_int_equal(l, 0);
	assert_int_equal(pool.nr, 0);
	/* Two and back to one: the chunk comes back. */
	reserve();
	idlist_add(&pool, &l, 5);
	idlist_add(&pool, &l, 0x7fffffff);
	assert_int_equal(pool.nr_free, IDCHUNKS_PER_PAGE - 1);
	assert_true(idlist_remove(&pool, &l, 5));
	assert_int_equal(l, 0x7fffffff);
	assert_int_equal(pool.nr_free, IDCHUNKS_PER_PAGE);
	idlist_trim(&vm, &pool);
	mmu_vm_fini(&vm);
}

/* However a list got there, IDLIST_RESERVE chunks are enough for as many additions. */
static void reserve_is_enough(void **state)
{
	(void)state;
	start();
	reserve();
	while (pool.nr_free > IDLIST_RESERVE)
		add(&model[0], model[0].nr);
	assert_false(idlist_wants(&pool));
	for (u32 k = 1; k < 33; k++)
		add(&model[k], 0);
	for (u32 k = 1; k < 33; k++)
		add(&model[k], 1);
	for (u32 k = 0; k < 16; k++)
		add(&model[33], k);
	assert_true(idlist_wants(&pool));
	check_pool();
	reserve();
	check_pool();
	mmu_vm_fini(&vm);
}

/* Without a page the reserve stays as it is; with enough chunks no page is taken. */
static void reserve_takes_one_page_when_needed(void **state)
{
	struct mmu_res r = { 0 };

	(void)state;
	start();
	idlist_reserve(&pool, &r);
	assert_int_equal(pool.nr, 0);
	assert_int_equal(res_fill(&vm, &r, 3), 0);
	idlist_reserve(&pool, &r);
	idlist_reserve(&pool, &r);
	assert_int_equal(r.nr, 2);
	assert_int_equal(pool.nr, IDCHUNKS_PER_PAGE);
	res_drop(&vm, &r);
	idlist_trim(&vm, &pool);
	mmu_vm_fini(&vm);
}

/* Pages in use stay with all their chunks, the others go. */
static void trim_keeps_pages_in_use(void **state)
{
	(void)state;
	start();
	for (u32 k = 0; k < 30; k++)
		for (u32 i = 0; i < NR_IDS; i++) {
			reserve();
			add(&model[k], i);
		}
	assert_true(pool.nr >= 4 * IDCHUNKS_PER_PAGE);
	for (u32 k = 1; k < 30; k++)
		for (u32 i = 0; i < NR_IDS; i++)
			remove_one(&model[k], i);
	idlist_trim(&vm, &pool);
	check_pool();
	check_list(&model[0]);
	assert_true(pool.nr <= 2 * IDCHUNKS_PER_PAGE);
	assert_int_equal(pool.nr, (vm.used - 1) * IDCHUNKS_PER_PAGE);
	for (u32 i = 0; i < NR_IDS; i++)
		remove_one(&model[0], i);
	idlist_trim(&vm, &pool);
	assert_int_equal(vm.used, 1);
	mmu_vm_fini(&vm);
}

struct chunk_view {
	u16 nr, behind;
	u32 next, id[14];
};

static struct chunk_view *view(u32 n)
{
	struct chunk_view *page = (void *)sp_table(n / IDCHUNKS_PER_PAGE);

	return &page[n % IDCHUNKS_PER_PAGE];
}

static void check_sees_broken_chains(void **state)
{
	struct chunk_view *head, *last, keep;
	idlist_t l;

	(void)state;
	start();
	for (u32 i = 0; i < 20; i++) {
		reserve();
		add(&model[0], i);
	}
	l = model[0].l;
	head = view(l & 0x7fffffff);
	last = view(head->next);
	keep = *head;
	assert_null(idlist_check(&pool, l));
	head->nr = 15;
	assert_string_equal(idlist_check(&pool, l), "a chunk counts more than it holds");
	head->nr = 0;
	assert_string_equal(idlist_check(&pool, l), "a chunk that should be fuller");
	*head = keep;
	last->nr = 13;
	assert_string_equal(idlist_check(&pool, l), "a chunk that should be fuller");
	last->nr = 14;
	head->id[3] = 0;
	assert_string_equal(idlist_check(&pool, l), "a list holds what is no entry");
	head->id[3] = 0x80000005;
	assert_string_equal(idlist_check(&pool, l), "a list holds what is no entry");
	*head = keep;
	last->next = head->next;
	assert_string_equal(idlist_check(&pool, l), "a list runs in a circle");
	last->next = 7;
	assert_string_equal(idlist_check(&pool, l), "a list leads out of its chunks");
	last->next = vm.root.sp * IDCHUNKS_PER_PAGE;
	assert_string_equal(idlist_check(&pool, l), "a list leads out of its chunks");
	last->next = 0;
	head->next = 0;
	head->nr = 1;
	assert_string_equal(idlist_check(&pool, l), "a chunk that should be fuller");
	assert_string_equal(idlist_check(&pool, 1U << 31), "an empty chain");
	*head = keep;
	head->behind = 0;
	assert_string_equal(idlist_check(&pool, l), "a chunk miscounts those behind it");
	*head = keep;
	assert_null(idlist_check(&pool, l));

	check_pool();
	view(view(pool.free)->next)->next = pool.free;
	assert_string_equal(idlist_check_pool(&pool, 2), "more free chunks than counted");
	view(view(pool.free)->next)->next = 0;
	assert_string_equal(idlist_check_pool(&pool, 2), "fewer free chunks than counted");
	view(view(pool.free)->next)->next = 3;
	assert_string_equal(idlist_check_pool(&pool, 2), "the free chunks lead elsewhere");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_sets),
		cmocka_unit_test(one_element_needs_no_chunk),
		cmocka_unit_test(reserve_is_enough),
		cmocka_unit_test(reserve_takes_one_page_when_needed),
		cmocka_unit_test(trim_keeps_pages_in_use),
		cmocka_unit_test(check_sees_broken_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
