/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: shell/parse.c */
/* Splitting of command lines. */

#include "shell/parse.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/host/test.h"

static char line[256];
static struct cmdline c;

static const char *parse(const char *s)
{
	snprintf(line, sizeof(line), "%s", s);
	return parse_line(line, &c);
}

static void words_are_split_at_blanks(void **state)
{
	(void)state;
	assert_null(parse("  mmu\twalk   linux.0  "));
	assert_int_equal(c.argc, 3);
	assert_string_equal(c.argv[0], "mmu");
	assert_string_equal(c.argv[1], "walk");
	assert_string_equal(c.argv[2], "linux.0");
	assert_null(c.argv[3]);
	assert_false(c.json);
}

static void empty_and_comment_lines_have_no_words(void **state)
{
	(void)state;
	assert_null(parse(""));
	assert_int_equal(c.argc, 0);
	assert_null(parse("   # vm kill linux"));
	assert_int_equal(c.argc, 0);
	assert_null(parse("vm list # 17"));
	assert_int_equal(c.argc, 2);
	assert_null(parse("a#b"));
	assert_string_equal(c.argv[0], "a#b");
}

static void json_flag_may_stand_anywhere(void **state)
{
	(void)state;
	assert_null(parse("-j vm list"));
	assert_true(c.json);
	assert_int_equal(c.argc, 2);
	assert_null(parse("vm -j list"));
	assert_true(c.json);
	assert_string_equal(c.argv[1], "list");
	assert_null(parse("vm list '-j'"));
	assert_false(c.json);
	assert_int_equal(c.argc, 3);
}

static void quotes_keep_blanks_and_the_other_quote(void **state)
{
	(void)state;
	assert_null(parse("say \"two words\" 'it\"s' \"\" a' b'c"));
	assert_int_equal(c.argc, 5);
	assert_string_equal(c.argv[1], "two words");
	assert_string_equal(c.argv[2], "it\"s");
	assert_string_equal(c.argv[3], "");
	assert_string_equal(c.argv[4], "a bc");
}

static void open_quote_is_an_error(void **state)
{
	(void)state;
	assert_string_equal(parse("say \"two words"), "a quote is not closed");
	assert_non_null(parse("'"));
}

static void seventeen_words_are_too_many(void **state)
{
	(void)state;
	assert_null(parse("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 -j"));
	assert_int_equal(c.argc, 16);
	assert_non_null(parse("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"));
}

static void random_lines_stay_inside_the_line(void **state)
{
	static const char alphabet[] = "ab -j\"'#\t\\.";
	u64 seed = 4101842887655102017ULL;

	(void)state;
	for (u32 i = 0; i < 300000; i++) {
		size_t n = test_random(&seed) % 40;
		char *text = malloc(n + 1); /* exact size: the address sanitizer guards its end */

		for (size_t k = 0; k < n; k++)
			text[k] = i % 2 ? alphabet[test_random(&seed) % (sizeof(alphabet) - 1)]
					: (char)(test_random(&seed) | 1);
		text[n] = '\0';
		if (!parse_line(text, &c))
			for (int k = 0; k < c.argc; k++)
				assert_true(c.argv[k] >= text &&
					    c.argv[k] + strlen(c.argv[k]) <= text + n);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_split_at_blanks),
		cmocka_unit_test(empty_and_comment_lines_have_no_words),
		cmocka_unit_test(json_flag_may_stand_anywhere),
		cmocka_unit_test(quotes_keep_blanks_and_the_other_quote),
		cmocka_unit_test(open_quote_is_an_error),
		cmocka_unit_test(seventeen_words_are_too_many),
		cmocka_unit_test(random_lines_stay_inside_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
