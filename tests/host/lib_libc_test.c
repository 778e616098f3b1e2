/* SPDX-License-Identifier: BSD-2-Clause */
/* LIBS: -no-pie */
/* CFLAGS: -fno-pie -fno-builtin */
/*
 * The hypervisor's C library, as it is compiled for the image, against this machine's. Every symbol
 * of it has the prefix nl_ here (tests/host/host.mk), so both live in one program.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "lib/types.h"
#include "tests/host/test.h"

int nl_snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
void *nl_memcpy(void *d, const void *s, size_t n);
void *nl_memmove(void *d, const void *s, size_t n);
void *nl_memset(void *d, int c, size_t n);
int nl_memcmp(const void *a, const void *b, size_t n);
void *nl_memchr(const void *s, int c, size_t n);
size_t nl_strlen(const char *s);
size_t nl_strlcpy(char *d, const char *s, size_t size);
char *nl_strstr(const char *a, const char *b);
int nl_strcmp(const char *a, const char *b);
int nl_strncmp(const char *a, const char *b, size_t n);
int nl_strcasecmp(const char *a, const char *b);
size_t nl_strcspn(const char *s, const char *set);
unsigned long long nl_strtoull(const char *s, char **end, int base);
long nl_strtol(const char *s, char **end, int base);
void nl_qsort(void *base, size_t nr, size_t size, int (*cmp)(const void *, const void *));
void *nl_bsearch(const void *key, const void *base, size_t nr, size_t size,
		 int (*cmp)(const void *, const void *));
int nl_isspace(int c);
int nl_isprint(int c);
int nl_isxdigit(int c);
int nl_isalnum(int c);
int nl_toupper(int c);
int nl_tolower(int c);

#define SAME(...)                                                          \
	do {                                                               \
		char a[128], b[128];                                       \
		int na = nl_snprintf(a, sizeof(a), __VA_ARGS__);           \
                                                                           \
		assert_int_equal(na, snprintf(b, sizeof(b), __VA_ARGS__)); \
		assert_string_equal(a, b);                                 \
	} while (0)

static void formats_give_what_the_standard_says(void **state)
{
	static const u64 values[] = { 0,          1,          9,         255,        0x7fffffff,
				      0x80000000, UINT32_MAX, INT64_MAX, 1ULL << 63, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		u64 v = values[i];
		int d = (int)v;

		SAME("%d|%5d|%-5d|%05d|%+d|% d|%.3d", d, d, d, d, d, d, d);
		SAME("%u|%x|%X|%#x|%o|%08x", (u32)v, (u32)v, (u32)v, (u32)v, (u32)v, (u32)v);
		SAME("%lu|%lx|%#lx|%ld|%016lx|%-20lx|", v, v, v, (long)v, v, v);
		SAME("%llu|%llx|%lld", (unsigned long long)v, (unsigned long long)v, (long long)v);
		SAME("%zu|%zx|%jd|%ju|%td", (size_t)v, (size_t)v, (intmax_t)v, (uintmax_t)v,
		     (ptrdiff_t)v);
		SAME("%hhx|%hhu|%hhd|%hx|%hd", (u8)v, (u8)v, (s8)v, (u16)v, (s16)v);
		SAME("%llx then %s and %d", (unsigned long long)v, "text", d);
		SAME("%*d|%-*d|%.*d", 7, d, 7, d, 7, d);
	}
	SAME("%c%c%%|%3c|%-3c|", 'a', 'b', 'c', 'd');
	SAME("%s|%10s|%-10s|%.2s|%10.2s|%.*s", "text", "text", "text", "text", "text", 3, "text");
	SAME("%p", (void *)0x1234);
	SAME("%50s|%-50s|", "wide", "wide");
}

static void long_output_is_cut_and_counted(void **state)
{
	char buf[8] = "1234567";

	(void)state;
	assert_int_equal(nl_snprintf(buf, 4, "%s", "abcdefghi"), 9);
	assert_memory_equal(buf, "abc\000567", 8);
	assert_int_equal(nl_snprintf(buf, 1, "%d", 12345), 5);
	assert_int_equal(buf[0], 0);
	assert_int_equal(nl_snprintf(NULL, 0, "%050d", 1), 50);
	assert_int_equal(nl_snprintf(buf, 8, "%c", 0), 1);
	assert_memory_equal(buf, "\0", 2);
}

#define SPAN 600

static void memory_functions_touch_exactly_their_bytes(void **state)
{
	static u8 a[SPAN], b[SPAN], src[SPAN];
	u64 seed = 3;

	(void)state;
	for (u32 i = 0; i < SPAN; i++)
		src[i] = (u8)test_random(&seed);
	for (u32 round = 0; round < 20000; round++) {
		size_t n = test_random(&seed) % (round % 2 ? 300 : 24);
		size_t to = test_random(&seed) % (SPAN - n), from = test_random(&seed) % (SPAN - n);
		u8 c = (u8)round;

		memcpy(a, src, SPAN);
		memcpy(b, src, SPAN);
		assert_ptr_equal(nl_memmove(a + to, a + from, n), a + to);
		memmove(b + to, b + from, n);
		assert_memory_equal(a, b, SPAN);
		assert_ptr_equal(nl_memcpy(a + to, src + from, n), a + to);
		memcpy(b + to, src + from, n);
		assert_memory_equal(a, b, SPAN);
		assert_ptr_equal(nl_memset(a + to, c, n), a + to);
		memset(b + to, c, n);
		assert_memory_equal(a, b, SPAN);
		assert_ptr_equal(nl_memchr(src + from, c, n), memchr(src + from, c, n));
		b[SPAN - 1] = (u8)(b[SPAN - 1] + round % 2);
		assert_int_equal(nl_memcmp(a, b, SPAN) > 0, memcmp(a, b, SPAN) > 0);
		assert_int_equal(nl_memcmp(a, b, SPAN) == 0, memcmp(a, b, SPAN) == 0);
	}
}

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

static void string_functions_agree(void **state)
{
	static const char *const words[] = { "",     "a",      "A",
					     "ab",   "abc",    "abd",
					     "aab",  "aabaab", "console=ttyS0",
					     "\xff", "a\xff",  "the quick brown" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (size_t k = 0; k < ARRAY_SIZE(words); k++) {
			const char *a = words[i], *b = words[k];
			char d[6] = "12345";

			assert_int_equal(nl_strlen(a), strlen(a));
			assert_int_equal(sign(nl_strcmp(a, b)), sign(strcmp(a, b)));
			assert_int_equal(sign(nl_strncmp(a, b, 2)), sign(strncmp(a, b, 2)));
			assert_int_equal(nl_strcasecmp(a, b) == 0, strcasecmp(a, b) == 0);
			assert_ptr_equal(nl_strstr(a, b), strstr(a, b));
			assert_int_equal(nl_strcspn(a, b), strcspn(a, b));
			assert_int_equal(nl_strlcpy(d, a, sizeof(d)), strlen(a));
			assert_int_equal(strncmp(d, a, 5), strlen(a) > 5 ? strncmp(d, a, 5) : 0);
			assert_int_equal(strlen(d), MIN(strlen(a), sizeof(d) - 1));
		}
	for (int c = 0; c < 128; c++) {
		assert_int_equal(!nl_isspace(c), !isspace(c));
		assert_int_equal(!nl_isprint(c), !isprint(c));
		assert_int_equal(!nl_isxdigit(c), !isxdigit(c));
		assert_int_equal(!nl_isalnum(c), !isalnum(c));
		assert_int_equal(nl_toupper(c), toupper(c));
		assert_int_equal(nl_tolower(c), tolower(c));
	}
}

/* "0x" alone is left out: newlib takes it for no number, glibc for 0 and an x. */
static void numbers_are_read_alike(void **state)
{
	static const char *const texts[] = { "0",
					     "42",
					     "-42",
					     "0x1f",
					     "0777",
					     "  12x",
					     "zz",
					     "",
					     "-",
					     "+7",
					     "18446744073709551615",
					     "18446744073709551616",
					     "-9223372036854775808",
					     "9223372036854775808" };
	static const int bases[] = { 0, 10, 16, 36 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (size_t k = 0; k < ARRAY_SIZE(bases); k++) {
			char *a, *b;

			assert_int_equal(nl_strtoull(texts[i], &a, bases[k]),
					 strtoull(texts[i], &b, bases[k]));
			assert_ptr_equal(a, b);
			assert_int_equal(nl_strtol(texts[i], &a, bases[k]),
					 strtol(texts[i], &b, bases[k]));
			assert_ptr_equal(a, b);
		}
}

static int compare(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

static void sorting_and_searching_work(void **state)
{
	static u32 v[1000];
	u64 seed = 9;

	(void)state;
	for (u32 round = 0; round < 50; round++) {
		size_t nr = test_random(&seed) % ARRAY_SIZE(v);
		u32 key = (u32)(test_random(&seed) % 500), *hit;
		bool there = false;

		for (size_t i = 0; i < nr; i++) {
			v[i] = round % 3 ? (u32)(test_random(&seed) % 500) : (u32)(i / 2);
			there |= v[i] == key;
		}
		nl_qsort(v, nr, sizeof(v[0]), compare);
		for (size_t i = 1; i < nr; i++)
			assert_true(v[i - 1] <= v[i]);
		hit = nl_bsearch(&key, v, nr, sizeof(v[0]), compare);
		assert_int_equal(hit != NULL, there);
		assert_true(!hit || *hit == key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_give_what_the_standard_says),
		cmocka_unit_test(long_output_is_cut_and_counted),
		cmocka_unit_test(memory_functions_touch_exactly_their_bytes),
		cmocka_unit_test(string_functions_agree),
		cmocka_unit_test(numbers_are_read_alike),
		cmocka_unit_test(sorting_and_searching_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
