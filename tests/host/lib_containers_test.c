/* SPDX-License-Identifier: BSD-2-Clause */
/* LIBS: -lpthread */
/* The containers that live in headers: lists, byte rings, bitmaps, bits and counters. */

#include <pthread.h>
#include <sched.h>

#include "lib/bitmap.h"
#include "lib/bits.h"
#include "lib/list.h"
#include "lib/ring.h"
#include "lib/stat.h"
#include "tests/host/test.h"

struct item {
	int v;
	struct list node;
};

static int sum_in_order(struct list *head)
{
	int sum = 0;

	list_for_each(pos, head)
		sum = sum * 10 + list_entry(pos, struct item, node)->v;
	return sum;
}

static void list_keeps_order_and_survives_removal(void **state)
{
	struct list head = LIST_INIT(head);
	struct item items[4] = { { .v = 1 }, { .v = 2 }, { .v = 3 }, { .v = 4 } };

	(void)state;
	assert_true(list_empty(&head));
	list_add_tail(&items[1].node, &head);
	list_add_tail(&items[2].node, &head);
	list_add_head(&items[0].node, &head);
	list_add_before(&items[3].node, &items[1].node);
	assert_int_equal(sum_in_order(&head), 1423);
	assert_ptr_equal(list_first(&head, struct item, node), &items[0]);
	list_del(&items[3].node);
	list_del(&items[3].node);
	assert_int_equal(sum_in_order(&head), 123);
	list_for_each_safe(pos, tmp, &head)
		list_del(pos);
	assert_true(list_empty(&head));
}

static void ring_takes_and_gives_in_order(void **state)
{
	u8 buf[8], byte;
	struct ring r = RING(buf);

	(void)state;
	assert_false(ring_get(&r, &byte));
	for (u32 lap = 0; lap < 5; lap++) {
		for (u8 i = 0; i < 8; i++)
			assert_true(ring_put(&r, i));
		assert_false(ring_put(&r, 99));
		assert_int_equal(ring_used(&r), 8);
		for (u8 i = 0; i < 3; i++) {
			assert_true(ring_get(&r, &byte));
			assert_int_equal(byte, i);
		}
		assert_int_equal(ring_free(&r), 3);
		assert_int_equal(ring_peek(&r, 0), 3);
		assert_int_equal(ring_peek(&r, 4), 7);
		while (ring_get(&r, &byte))
			;
		assert_int_equal(byte, 7);
	}
}

static void ring_counts_past_32_bits(void **state)
{
	u8 buf[4], byte;
	struct ring r = { .buf = buf, .size = 4, .in = UINT32_MAX, .out = UINT32_MAX };

	(void)state;
	assert_true(ring_put(&r, 1) && ring_put(&r, 2));
	assert_int_equal(ring_used(&r), 2);
	assert_true(ring_get(&r, &byte));
	assert_int_equal(byte, 1);
	assert_true(ring_get(&r, &byte));
	assert_int_equal(byte, 2);
}

static void forced_ring_keeps_the_newest(void **state)
{
	u8 buf[4], byte;
	struct ring r = RING(buf);

	(void)state;
	for (u8 i = 0; i < 10; i++)
		ring_force(&r, i);
	assert_int_equal(ring_used(&r), 4);
	assert_true(ring_get(&r, &byte));
	assert_int_equal(byte, 6);
}

static void *feed(void *arg)
{
	for (u32 i = 0; i < 100000; i++)
		while (!ring_put(arg, (u8)i))
			sched_yield();
	return NULL;
}

static void ring_serves_one_writer_and_one_reader(void **state)
{
	u8 buf[16], byte;
	struct ring r = RING(buf);
	pthread_t t;

	(void)state;
	pthread_create(&t, NULL, feed, &r);
	for (u32 i = 0; i < 100000; i++) {
		while (!ring_get(&r, &byte))
			sched_yield();
		assert_int_equal(byte, (u8)i);
	}
	pthread_join(t, NULL);
}

static void bits_and_powers(void **state)
{
	(void)state;
	assert_int_equal(bit_lowest(1), 0);
	assert_int_equal(bit_lowest(BIT(63)), 63);
	assert_int_equal(bit_highest(1), 0);
	assert_int_equal(bit_highest(~0ULL), 63);
	assert_false(is_pow2(0));
	assert_true(is_pow2(1) && is_pow2(BIT(63)));
	assert_false(is_pow2(3));
	assert_int_equal(pow2_floor(1), 1);
	assert_int_equal(pow2_floor(0xffff), 0x8000);
	assert_int_equal(MASK(51, 12), 0x000ffffffffff000ULL);
	assert_int_equal(MASK(63, 0), ~0ULL);
	assert_int_equal(FIELD(0xabcd, 11, 4), 0xbc);
}

/* Against a plain array of bool. */
static void bitmap_search_agrees_with_a_plain_search(void **state)
{
	enum {
		NR = 200
	};

	u64 map[BITMAP_WORDS(NR)] = { 0 };
	bool plain[NR] = { 0 };
	u64 seed = 7;

	(void)state;
	for (u32 round = 0; round < 3000; round++) {
		u64 bit = test_random(&seed) % NR, set, clear, count = 0;

		plain[bit] = round % 3 != 0;
		if (plain[bit])
			bitmap_set(map, bit);
		else
			bitmap_clear(map, bit);
		bit = test_random(&seed) % (NR + 10);
		for (set = bit; set < NR && !plain[set]; set++)
			;
		for (clear = bit; clear < NR && plain[clear]; clear++)
			;
		for (u32 i = 0; i < NR; i++)
			count += plain[i];
		assert_int_equal(bitmap_next_set(map, NR, bit), MIN(set, (u64)NR));
		assert_int_equal(bitmap_next_clear(map, NR, bit), MIN(clear, (u64)NR));
		assert_int_equal(bitmap_count(map, NR), count);
		assert_int_equal(bitmap_test(map, bit % NR), plain[bit % NR]);
	}
}

#define TEST_STATS(X) X(hits, "how often") X(misses, "how seldom")

struct test_stat {
	TEST_STATS(STAT_FIELD)
};

static const struct stat_desc test_stat_descs[] = { TEST_STATS(STAT_DESC) };

static void counters_are_found_by_number(void **state)
{
	struct test_stat s = { 0 };

	(void)state;
	stat_inc(&s.hits);
	stat_add(&s.misses, 5);
	stat_inc(&s.misses);
	assert_int_equal(ARRAY_SIZE(test_stat_descs), 2);
	assert_string_equal(test_stat_descs[1].name, "misses");
	assert_string_equal(test_stat_descs[1].help, "how seldom");
	assert_int_equal(stat_get(&s, 0), 1);
	assert_int_equal(stat_get(&s, 1), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list_keeps_order_and_survives_removal),
		cmocka_unit_test(ring_takes_and_gives_in_order),
		cmocka_unit_test(ring_counts_past_32_bits),
		cmocka_unit_test(forced_ring_keeps_the_newest),
		cmocka_unit_test(ring_serves_one_writer_and_one_reader),
		cmocka_unit_test(bits_and_powers),
		cmocka_unit_test(bitmap_search_agrees_with_a_plain_search),
		cmocka_unit_test(counters_are_found_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
