/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: shell/line.c */
/*
 * The line editor in front of a model of the dumbest terminal: it knows printable characters, CR,
 * LF and BS. After every key its screen must show what the editor believes.
 */

#include "shell/line.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/host/test.h"

#define PROMPT "umbra> "

static struct line l;

/* One row of the terminal is enough: a LF begins an empty one. */
static struct {
	char row[LINE_MAX + 64];
	size_t col;
	u32 rows;
	bool strange; /* something that a dumb terminal does not know */
} term;

static void term_put(char c)
{
	if (c == '\r') {
		term.col = 0;
	} else if (c == '\n') {
		memset(term.row, ' ', sizeof(term.row));
		term.rows++;
	} else if (c == '\b') {
		term.strange |= term.col == 0;
		term.col -= term.col > 0;
	} else if (c < ' ' || c > '~' || term.col >= sizeof(term.row)) {
		term.strange = true;
	} else {
		term.row[term.col++] = c;
	}
}

static void on_write(void *arg, const char *s, size_t n)
{
	(void)arg;
	while (n-- > 0)
		term_put(*s++);
}

static char shown[LINE_MAX + 64];
static size_t shown_len, shown_back;

static void on_shown(void *arg, const char *text, size_t n, size_t back)
{
	(void)arg;
	memcpy(shown, text, n);
	shown_len = n;
	shown_back = back;
}

static void on_complete(void *arg, const char *head, line_add_fn add, void *add_arg)
{
	(void)arg;
	(void)head;
	add(add_arg, "mmu");
	add(add_arg, "vcpu");
	add(add_arg, "vm");
	add(add_arg, "vmlinux");
}

static const struct line_ops ops = { .write = on_write,
				     .complete = on_complete,
				     .shown = on_shown };

static int start(void **state)
{
	(void)state;
	memset(&term, 0, sizeof(term));
	memset(term.row, ' ', sizeof(term.row));
	line_init(&l, &ops, PROMPT);
	line_start(&l);
	return 0;
}

static enum line_event type(const char *keys)
{
	enum line_event ev = LINE_NONE;

	while (*keys)
		ev = line_feed(&l, (u8)*keys++);
	return ev;
}

/*
 * The screen's row is prompt and text, nothing behind it, and the cursor is where the editor says.
 */
static void assert_screen(void)
{
	size_t n = strlen(PROMPT);

	assert_false(term.strange);
	assert_memory_equal(term.row, PROMPT, n);
	assert_memory_equal(term.row + n, l.buf, l.len);
	for (size_t i = n + l.len; i < sizeof(term.row); i++)
		assert_int_equal(term.row[i], ' ');
	assert_int_equal(term.col, n + l.pos);
	assert_int_equal(shown_len, n + l.len);
	assert_memory_equal(shown, term.row, shown_len);
	assert_int_equal(shown_back, l.len - l.pos);
}

static void assert_text(const char *text, size_t pos)
{
	assert_screen();
	assert_int_equal(l.len, strlen(text));
	assert_memory_equal(l.buf, text, l.len);
	assert_int_equal(l.pos, pos);
}

static void typed_text_is_shown_and_returned(void **state)
{
	(void)state;
	type("vm list");
	assert_text("vm list", 7);
	assert_int_equal(type("\r"), LINE_ENTER);
	assert_string_equal(l.buf, "vm list");
}

static void keys_edit_in_the_middle(void **state)
{
	(void)state;
	type("abcdef\033[D\033[D\033[DX");
	assert_text("abcXdef", 4);
	type("\b");
	assert_text("abcdef", 3);
	type("\033[3~");
	assert_text("abcef", 3);
	type("\001Y\005Z");
	assert_text("YabcefZ", 7);
	type("\033[H\033[C\033OF\033OD");
	assert_text("YabcefZ", 6);
	type("\013");
	assert_text("Yabcef", 6);
	type("\033[1~\033[4~ two  three\027");
	assert_text("Yabcef two  ", 12);
	type("\027\027");
	assert_text("", 0);
	type("gone\025");
	assert_text("", 0);
	type("\177\b\033[D\033[C\004\027");
	assert_text("", 0);
}

static void history_goes_up_and_down_and_keeps_the_draft(void **state)
{
	(void)state;
	for (u32 i = 0; i < 40; i++) {
		char cmd[16];

		snprintf(cmd, sizeof(cmd), "cmd %u\r", i);
		assert_int_equal(type(cmd), LINE_ENTER);
		line_start(&l);
	}
	type("draft\033[A");
	assert_text("cmd 39", 6);
	type("\020\033OA");
	assert_text("cmd 37", 6);
	type("\016\033[B");
	assert_text("cmd 39", 6);
	type("\033[B");
	assert_text("draft", 5);
	type("\033[B");
	assert_text("draft", 5);
	for (u32 i = 0; i < 100; i++)
		type("\033[A");
	assert_text("cmd 8", 5);
}

static void history_stores_no_empty_line_and_no_repetition(void **state)
{
	(void)state;
	type("one\r");
	line_start(&l);
	type("one\r");
	line_start(&l);
	type("\r");
	line_start(&l);
	type("\033[A\033[A");
	assert_text("one", 3);
	assert_int_equal(l.hist_nr, 1);
}

static void enter_is_cr_or_lf_or_both(void **state)
{
	(void)state;
	assert_int_equal(type("a\r"), LINE_ENTER);
	line_start(&l);
	assert_int_equal(line_feed(&l, '\n'), LINE_NONE);
	assert_int_equal(type("b\n"), LINE_ENTER);
	line_start(&l);
	assert_int_equal(line_feed(&l, '\n'), LINE_ENTER);
}

static void control_c_drops_the_line(void **state)
{
	(void)state;
	assert_int_equal(type("abc\003"), LINE_CANCEL);
	line_start(&l);
	assert_text("", 0);
	assert_int_equal(l.hist_nr, 0);
}

static void control_l_shows_the_line_again(void **state)
{
	u32 rows;

	(void)state;
	type("abc\033[D");
	rows = term.rows;
	type("\014");
	assert_int_equal(term.rows, rows + 1);
	assert_text("abc", 2);
}

static void tab_completes_what_is_certain(void **state)
{
	(void)state;
	type("m\t");
	assert_text("mmu ", 4);
	type("\025v\t");
	assert_text("v", 1);
	type("m\t");
	assert_text("vm", 2);
	type("l\t");
	assert_text("vmlinux ", 8);
	type("\025xyz\t");
	assert_text("xyz", 3);
}

static void tab_lists_what_is_not(void **state)
{
	u32 rows;

	(void)state;
	type("mmu v");
	rows = term.rows;
	type("\t");
	assert_int_equal(term.rows, rows + 2);
	assert_text("mmu v", 5);
}

static void tab_completes_before_the_cursor_and_keeps_what_follows(void **state)
{
	(void)state;
	type("m tail\001\033[C\t");
	assert_text("mmu  tail", 4);
}

static void line_that_is_full_takes_no_more(void **state)
{
	(void)state;
	for (u32 i = 0; i < 2 * LINE_MAX; i++)
		type("x");
	assert_int_equal(l.len, LINE_MAX - 1);
	type("\001y\t");
	assert_int_equal(l.len, LINE_MAX - 1);
	assert_screen();
	assert_int_equal(type("\r"), LINE_ENTER);
	assert_int_equal(strlen(l.buf), LINE_MAX - 1);
}

static void unknown_sequences_leave_no_trace(void **state)
{
	(void)state;
	type("a\033[15~\033[1;5C\033[?25h\033x\033[200~\x80\xff\x1e");
	assert_text("a", 1);
	type("b");
	assert_text("ab", 2);
}

static void random_keys_never_break_the_screen(void **state)
{
	static const char *const keys[] = { "\033[A", "\033[B",  "\033[C", "\033[D", "\033[H",
					    "\033[F", "\033[3~", "v",      "m ",     "\t" };
	u64 seed = 88172645463325252ULL;

	(void)state;
	for (u32 i = 0; i < 1000000; i++) {
		u64 r = test_random(&seed);
		enum line_event ev;

		if (r % 4 == 0)
			ev = type(keys[r / 4 % ARRAY_SIZE(keys)]);
		else if (r % 4 == 1)
			ev = line_feed(&l, (u8)(' ' + r / 4 % 95));
		else
			ev = line_feed(&l, (u8)(r / 4));
		if (ev != LINE_NONE)
			line_start(&l);
		assert_screen();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(typed_text_is_shown_and_returned, start),
		cmocka_unit_test_setup(keys_edit_in_the_middle, start),
		cmocka_unit_test_setup(history_goes_up_and_down_and_keeps_the_draft, start),
		cmocka_unit_test_setup(history_stores_no_empty_line_and_no_repetition, start),
		cmocka_unit_test_setup(enter_is_cr_or_lf_or_both, start),
		cmocka_unit_test_setup(control_c_drops_the_line, start),
		cmocka_unit_test_setup(control_l_shows_the_line_again, start),
		cmocka_unit_test_setup(tab_completes_what_is_certain, start),
		cmocka_unit_test_setup(tab_lists_what_is_not, start),
		cmocka_unit_test_setup(tab_completes_before_the_cursor_and_keeps_what_follows,
				       start),
		cmocka_unit_test_setup(line_that_is_full_takes_no_more, start),
		cmocka_unit_test_setup(unknown_sequences_leave_no_trace, start),
		cmocka_unit_test_setup(random_keys_never_break_the_screen, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
