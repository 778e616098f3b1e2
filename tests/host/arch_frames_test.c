/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: arch/frames.c tests/host/fake/bug.c */
/* The frame allocator against a plain array of flags. */
#include <stdlib.h>

#include "arch/frames.h"
#include "arch/mem.h"
#include "tests/host/test.h"

#define NR 4096

static u64 map[NR / 64];
static bool model[NR]; /* true = taken */

static u64 frame_of(const void *p)
{
	return ptr_hpa(p).v >> PAGE_SHIFT;
}

static void fresh(void)
{
	frames_init(map, NR);
	frames_add(HPA(0), NR * PAGE_SIZE);
	memset(model, 0, sizeof(model));
	/* As the boot does with the first MiB: frame 0 is never given out. */
	frames_reserve(HPA(0), PAGE_SIZE);
	model[0] = true;
}

static void model_take(u64 f, u64 nr)
{
	for (u64 i = f; i < f + nr; i++) {
		assert_false(model[i]);
		model[i] = true;
	}
}

static u64 model_free(void)
{
	u64 n = 0;

	for (u32 i = 0; i < NR; i++)
		n += !model[i];
	return n;
}

static void partial_frames_are_not_given_out(void **s)
{
	(void)s;
	frames_init(map, NR);
	frames_add(HPA(100), 3 * PAGE_SIZE);
	assert_int_equal(frames_free_count(), 2);
	frames_reserve(HPA(PAGE_SIZE + 1), 1);
	assert_int_equal(frames_free_count(), 1);
	assert_int_equal(frame_of(frames_alloc(1, 1, 0)), 2);
	assert_null(frames_alloc(1, 1, 0));
}

static void alignment_and_limit_hold(void **s)
{
	void *p;

	(void)s;
	fresh();
	frames_reserve(HPA(0), 3 * PAGE_SIZE);
	p = frames_alloc(512, 512, 0);
	assert_int_equal(frame_of(p), 512);
	assert_null(frames_alloc(1, 1, 3 * PAGE_SIZE));
	assert_int_equal(frame_of(frames_alloc(1, 1, 4 * PAGE_SIZE)), 3);
	assert_null(frames_alloc(NR, 1, 0));
	assert_null(frames_alloc(0, 1, 0));
}

static void random_use_matches_the_model(void **s)
{
	struct {
		void *p;
		u64 nr;
	} live[64] = { 0 };

	(void)s;
	fresh();
	srand(1);
	for (int round = 0; round < 20000; round++) {
		u32 i = (u32)rand() % ARRAY_SIZE(live);
		u64 align = 1ULL << (rand() % 6);

		if (live[i].p) {
			frames_free(live[i].p, live[i].nr);
			memset(&model[frame_of(live[i].p)], 0, live[i].nr);
			live[i].p = NULL;
			continue;
		}
		live[i].nr = 1 + (u64)rand() % 150;
		live[i].p = frames_alloc(live[i].nr, align, 0);
		if (live[i].p) {
			assert_true(IS_ALIGNED(frame_of(live[i].p), align));
			model_take(frame_of(live[i].p), live[i].nr);
		}
		assert_int_equal(frames_free_count(), model_free());
	}
}

static void the_largest_run_is_found(void **s)
{
	(void)s;
	fresh();
	frames_reserve(HPA(1000 * PAGE_SIZE), PAGE_SIZE);
	frames_reserve(HPA(3000 * PAGE_SIZE), PAGE_SIZE);
	assert_int_equal(frames_largest_run(), 1999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partial_frames_are_not_given_out),
		cmocka_unit_test(alignment_and_limit_hold),
		cmocka_unit_test(random_use_matches_the_model),
		cmocka_unit_test(the_largest_run_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
