/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: lib/ini.c */
/* INI text: what is read, what is refused and with which words, and any bytes at all. */

#include "lib/ini.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/test.h"

static char seen[4096], err[160];

/* Notes each entry as line:kind/name/key=value; refuses the key "refuse". */
static int note(void *arg, const struct ini_entry *e, char *msg, size_t msg_size)
{
	size_t n = strlen(seen);

	(void)arg;
	if (e->key && !strcmp(e->key, "refuse")) {
		snprintf(msg, msg_size, "the key %s is not known", e->key);
		return -ENOENT;
	}
	snprintf(seen + n, sizeof(seen) - n, "%u:%s/%s/%s=%s\n", e->line, e->kind, e->name,
		 e->key ? e->key : "-", e->value ? e->value : "-");
	return 0;
}

static int parse(const char *data, size_t len)
{
	struct ini_text text = { "vm.ini", data, len };

	seen[0] = 0;
	strcpy(err, "stale");
	return ini_parse(&text, note, NULL, err, sizeof(err));
}

static void good(const char *data, const char *want)
{
	assert_int_equal(parse(data, strlen(data)), 0);
	assert_string_equal(seen, want);
	assert_string_equal(err, "");
}

static void bad(const char *data, const char *want)
{
	assert_int_equal(parse(data, strlen(data)), -EINVAL);
	assert_string_equal(err, want);
}

static void sections_keys_and_comments_are_read(void **state)
{
	(void)state;
	good("[vm linux]\n"
	     "cpus    = 2\n"
	     "\n"
	     "  ; all of this is comment\n"
	     "# and this\n"
	     "paging  = auto          ; auto | npt\n"
	     "cmdline = console=ttyS0 a;b c#d # end\n"
	     "[global]\n"
	     "x=\n",
	     "1:vm/linux/-=-\n"
	     "2:vm/linux/cpus=2\n"
	     "6:vm/linux/paging=auto\n"
	     "7:vm/linux/cmdline=console=ttyS0 a;b c#d\n"
	     "8:global//-=-\n"
	     "9:global//x=\n");
}

static void key_before_any_section_has_an_empty_kind(void **state)
{
	(void)state;
	good("a = b", "1://a=b\n");
}

static void quotes_protect_comment_signs_and_blanks(void **state)
{
	(void)state;
	good("a = \" x ; y # z \" ; comment\n"
	     "b = say \"a ; b\" ; comment\n"
	     "c = \"\"\n",
	     "1://a= x ; y # z \n2://b=say \"a ; b\"\n3://c=\n");
}

static void line_ends_of_any_kind_do(void **state)
{
	(void)state;
	good("[vm a]\r\nx = 1\r\n\r\ny = 2", "1:vm/a/-=-\n2:vm/a/x=1\n4:vm/a/y=2\n");
	good("", "");
	good("\n\n\n", "");
	good("[ vm \t my machine ]", "1:vm/my machine/-=-\n");
}

static void mistakes_are_named_with_their_line(void **state)
{
	static char text[INI_LINE_MAX + 10];

	(void)state;
	bad("[vm a]\nhello\n", "vm.ini:2: expected \"key = value\" or \"[section]\"");
	bad("[vm a\n", "vm.ini:1: a section must end in ]");
	bad("[", "vm.ini:1: a section must end in ]");
	bad("[]", "vm.ini:1: the section has no name");
	bad("[  ]", "vm.ini:1: the section has no name");
	bad("\n = 3", "vm.ini:2: there is no key before =");
	bad("a = \"b", "vm.ini:1: a value that begins with \" must end in the next one");
	bad("a = \"b\" c", "vm.ini:1: a value that begins with \" must end in the next one");
	bad("a = \"", "vm.ini:1: a value that begins with \" must end in the next one");
	bad("a = b\x1b[2J", "vm.ini:1: the line holds a control character");
	assert_int_equal(parse("a = 1\nb\0 = 2\n", 13), -EINVAL);
	assert_string_equal(err, "vm.ini:2: the line holds a control character");

	memset(text, 'a', sizeof(text) - 1);
	bad(text, "vm.ini:1: the line is too long");
	text[1] = '=';
	text[INI_LINE_MAX] = 0;
	assert_int_equal(parse(text, INI_LINE_MAX), 0);
	memset(text, 'a', INI_LINE_MAX);
	text[0] = '[';
	text[INI_SECTION_MAX + 1] = ']';
	assert_int_equal(parse(text, INI_SECTION_MAX + 2), 0);
	text[INI_SECTION_MAX + 2] = ']';
	assert_int_equal(parse(text, INI_SECTION_MAX + 3), -EINVAL);
	assert_string_equal(err, "vm.ini:1: the section's name is too long");
}

static void refused_entry_ends_the_reading(void **state)
{
	static const char text[] = "a = 1\nrefuse = x\nb = 2\n";

	(void)state;
	assert_int_equal(parse(text, strlen(text)), -ENOENT);
	assert_string_equal(err, "vm.ini:2: the key refuse is not known");
	assert_string_equal(seen, "1://a=1\n");
}

static void small_error_buffer_is_respected(void **state)
{
	struct ini_text text = { "vm.ini", "hello", 5 };
	char small[4] = "abc";

	(void)state;
	assert_int_equal(ini_parse(&text, note, NULL, small, sizeof(small)), -EINVAL);
	assert_string_equal(small, "vm.");
	text.data = "refuse=1";
	text.len = 8;
	assert_int_equal(ini_parse(&text, note, NULL, small, sizeof(small)), -ENOENT);
	assert_int_equal(ini_parse(&text, note, NULL, small, 1), -ENOENT);
	assert_string_equal(small, "");
}

/* Entries must hold strings of the text, whatever it is; ASan watches the bounds. */
static int weigh(void *arg, const struct ini_entry *e, char *msg, size_t msg_size)
{
	size_t *total = arg;

	(void)msg;
	(void)msg_size;
	*total += strlen(e->kind) + strlen(e->name) + (e->key ? strlen(e->key) : 0) +
		  (e->value ? strlen(e->value) : 0);
	return 0;
}

static void any_bytes_end_in_a_verdict(void **state)
{
	static const char alphabet[] = "[]=\n\r\t \"';#ab\0\x80\xff\x01";
	u64 seed = 42;

	(void)state;
	for (u32 round = 0; round < 50000; round++) {
		size_t len = test_random(&seed) % 200, total = 0;
		char *data = malloc(len + 1); /* exact, for ASan; + 1 because of len = 0 */
		struct ini_text text = { "f", data + 1, len };
		int ret;

		assert_non_null(data);
		for (size_t i = 0; i < len; i++)
			data[i + 1] = round % 4 ? alphabet[test_random(&seed) % sizeof(alphabet)]
						: (char)test_random(&seed);
		ret = ini_parse(&text, weigh, &total, err, sizeof(err));
		assert_true(ret == 0 || ret == -EINVAL);
		assert_true((ret == 0) == (err[0] == 0));
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_keys_and_comments_are_read),
		cmocka_unit_test(key_before_any_section_has_an_empty_kind),
		cmocka_unit_test(quotes_protect_comment_signs_and_blanks),
		cmocka_unit_test(line_ends_of_any_kind_do),
		cmocka_unit_test(mistakes_are_named_with_their_line),
		cmocka_unit_test(refused_entry_ends_the_reading),
		cmocka_unit_test(small_error_buffer_is_respected),
		cmocka_unit_test(any_bytes_end_in_a_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
