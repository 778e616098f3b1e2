/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: lib/out.c */
/* Both forms of command output, byte for byte. */

#include "lib/out.h"

#include "tests/host/test.h"

static char written[8192];
static size_t written_len;

static void catch_bytes(void *arg, const char *s, size_t n)
{
	(void)arg;
	assert_true(written_len + n < sizeof(written));
	memcpy(written + written_len, s, n);
	written_len += n;
	written[written_len] = 0;
}

static void start(struct out *o, bool json)
{
	written_len = 0;
	written[0] = 0;
	out_init(o, catch_bytes, NULL, json);
}

static void record(struct out *o, const char *name, u64 n)
{
	out_begin(o);
	out_str(o, "name", -8, name);
	out_dec(o, "n", 4, n);
	out_hex(o, "addr", 8, n * 16);
	out_bool(o, "odd", -4, n & 1);
	out_end(o);
}

static void text_is_columns_under_one_heading(void **state)
{
	struct out o;

	(void)state;
	start(&o, false);
	out_heading(&o);
	record(&o, "linux", 3);
	record(&o, "a-longer-name", 12345);
	assert_string_equal(written, "name        n     addr odd\n"
				     "linux       3     0x30 yes\n"
				     "a-longer-name 12345  0x30390 yes\n");
}

static void text_has_no_heading_unless_asked(void **state)
{
	struct out o;

	(void)state;
	start(&o, false);
	record(&o, "x", 2);
	assert_string_equal(written, "x           2     0x20 no\n");
}

static void json_is_one_object_on_a_line(void **state)
{
	struct out o;

	(void)state;
	start(&o, true);
	out_heading(&o);
	record(&o, "linux", 3);
	record(&o, "", ~0ULL);
	assert_string_equal(written,
			    "{\"name\": \"linux\", \"n\": 3, \"addr\": \"0x30\", \"odd\": true}\n"
			    "{\"name\": \"\", \"n\": 18446744073709551615, "
			    "\"addr\": \"0xfffffffffffffff0\", \"odd\": true}\n");
}

static void empty_record_is_an_empty_object(void **state)
{
	struct out o;

	(void)state;
	start(&o, true);
	out_begin(&o);
	out_end(&o);
	assert_string_equal(written, "{}\n");
}

static void json_escapes_what_strings_must_not_hold(void **state)
{
	struct out o;

	(void)state;
	start(&o, true);
	out_begin(&o);
	out_str(&o, "s", 0, "a\"b\\c\n\t\x01\x1b\x7f\xff");
	out_end(&o);
	assert_string_equal(written,
			    "{\"s\": \"a\\\"b\\\\c\\u000a\\u0009\\u0001\\u001b\\u007f\\u00ff\"}\n");
}

static void columns_hide_control_characters(void **state)
{
	struct out o;

	(void)state;
	start(&o, false);
	out_begin(&o);
	out_str(&o, "s", 0, "a\x1b[2J\nb");
	out_end(&o);
	assert_string_equal(written, "a?[2J?b\n");
}

static void long_json_is_whole_and_long_text_is_cut(void **state)
{
	static char text[3000];
	struct out o;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	start(&o, true);
	out_begin(&o);
	out_str(&o, "s", 0, text);
	out_dec(&o, "n", 0, 1);
	out_end(&o);
	assert_int_equal(written_len, strlen("{\"s\": \"\", \"n\": 1}\n") + sizeof(text) - 1);
	assert_string_equal(written + written_len - 12, "x\", \"n\": 1}\n");

	start(&o, false);
	out_heading(&o);
	out_begin(&o);
	out_str(&o, "s", 0, text);
	out_dec(&o, "n", 0, 1);
	out_end(&o);
	assert_true(written_len <= sizeof(o.line) + sizeof(o.names));
	assert_int_equal(written[written_len - 1], '\n');
}

static void free_text_becomes_an_object_per_line(void **state)
{
	struct out o;

	(void)state;
	start(&o, false);
	out_text(&o, "one %d", 1);
	out_text(&o, "two\n");
	out_text(&o, "%s", "");
	assert_string_equal(written, "one 1\ntwo\n\n");
	start(&o, true);
	out_text(&o, "one\n\ntwo \"%d\"\n", 2);
	out_text(&o, "%s", "");
	assert_string_equal(written, "{\"text\": \"one\"}\n{\"text\": \"\"}\n"
				     "{\"text\": \"two \\\"2\\\"\"}\n");
}

static void error_is_marked_in_both_forms(void **state)
{
	struct out o;

	(void)state;
	start(&o, false);
	out_error(&o, "there is no VM %s", "x");
	assert_string_equal(written, "error: there is no VM x\n");
	start(&o, true);
	out_error(&o, "there is no VM %s", "x");
	assert_string_equal(written, "{\"error\": \"there is no VM x\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_columns_under_one_heading),
		cmocka_unit_test(text_has_no_heading_unless_asked),
		cmocka_unit_test(json_is_one_object_on_a_line),
		cmocka_unit_test(empty_record_is_an_empty_object),
		cmocka_unit_test(json_escapes_what_strings_must_not_hold),
		cmocka_unit_test(columns_hide_control_characters),
		cmocka_unit_test(long_json_is_whole_and_long_text_is_cut),
		cmocka_unit_test(free_text_becomes_an_object_per_line),
		cmocka_unit_test(error_is_marked_in_both_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
