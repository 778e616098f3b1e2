/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Line editor with history and completion, for any terminal: it sends printable characters, CR, LF,
 * BS and space, nothing else. It understands what terminals send: arrows, Home, End, Delete, and
 * Ctrl-A B C D E F H K L N P U W. No allocation; bytes in, bytes out.
 */
#pragma once

#include "lib/types.h"

#define LINE_MAX      256 /* with the NUL */
#define LINE_HISTORY  32
#define LINE_WORD_MAX 64

/* Takes one candidate for the word before the cursor. */
typedef void (*line_add_fn)(void *arg, const char *word);

struct line_ops {
	void (*write)(void *arg, const char *s, size_t n);
	/*
	 * Offers candidates for the last word of head, the text before the cursor. Those that do
	 * not begin like that word are ignored.
	 */
	void (*complete)(void *arg, const char *head, line_add_fn add, void *add_arg);
	/* The line on the screen changed: prompt and text, cursor back columns before its end. */
	void (*shown)(void *arg, const char *text, size_t n, size_t back);
	void *arg;
};

enum line_event {
	LINE_NONE,
	LINE_ENTER,  /* line.buf is the line; call line_start() for the next one */
	LINE_CANCEL, /* Ctrl-C: the line was dropped; call line_start() */
};

struct line {
	const struct line_ops *ops;
	const char *prompt;
	char buf[LINE_MAX];
	size_t len, pos;
	u8 esc;      /* state of an escape sequence */
	u8 esc_arg;  /* its number */
	bool got_cr; /* a LF that follows belongs to it */
	u32 hist_nr; /* lines ever stored */
	u32 hist_at; /* the one shown; hist_nr = the new line */
	char draft[LINE_MAX];
	char hist[LINE_HISTORY][LINE_MAX];
};

void line_init(struct line *l, const struct line_ops *ops, const char *prompt);
/* Shows the prompt and begins an empty line. */
void line_start(struct line *l);
/* Shows prompt and text again; the screen's current line must be empty or hold them. */
void line_redraw(struct line *l);
enum line_event line_feed(struct line *l, u8 c);
