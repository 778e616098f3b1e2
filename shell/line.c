/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The editor keeps the cursor where it says and redraws only what stands behind a change: the tail
 * is written again, with spaces over what is gone, and BS brings the cursor back.
 */

#include "shell/line.h"

#include <string.h>

enum {
	ESC_NONE,
	ESC_SEEN,    /* ESC */
	ESC_BRACKET, /* ESC [ */
	ESC_O,       /* ESC O */
};

#define CTRL(c) ((c)&0x1f)
#define KEY_ESC 0x1b
#define KEY_DEL 0x7f

#define COMPLETE_COLUMNS 72

static void put(struct line *l, const char *s, size_t n)
{
	if (n > 0)
		l->ops->write(l->ops->arg, s, n);
}

static void put_repeated(struct line *l, char c, size_t n)
{
	while (n-- > 0)
		put(l, &c, 1);
}

static void tell_shown(struct line *l)
{
	char text[LINE_MAX + 32];
	size_t n = MIN(strlen(l->prompt), sizeof(text) - LINE_MAX);

	memcpy(text, l->prompt, n);
	memcpy(text + n, l->buf, l->len);
	l->ops->shown(l->ops->arg, text, n + l->len, l->len - l->pos);
}

/* --- moving and changing ---------------------------------------------------------------------- */

static void move_to(struct line *l, size_t pos)
{
	if (pos < l->pos)
		put_repeated(l, '\b', l->pos - pos);
	else
		put(l, l->buf + l->pos, pos - l->pos);
	l->pos = pos;
}

/* Writes the text from the cursor on, and spaces over what stood behind it. */
static void show_tail(struct line *l, size_t gone)
{
	put(l, l->buf + l->pos, l->len - l->pos);
	put_repeated(l, ' ', gone);
	put_repeated(l, '\b', l->len - l->pos + gone);
}

static void insert(struct line *l, const char *s, size_t n)
{
	n = MIN(n, LINE_MAX - 1 - l->len);
	memmove(l->buf + l->pos + n, l->buf + l->pos, l->len - l->pos);
	memcpy(l->buf + l->pos, s, n);
	l->len += n;
	put(l, l->buf + l->pos, n);
	l->pos += n;
	if (l->pos < l->len)
		show_tail(l, 0);
}

/* Removes the text from start to end and leaves the cursor at start. */
static void cut(struct line *l, size_t start, size_t end)
{
	move_to(l, start);
	memmove(l->buf + start, l->buf + end, l->len - end);
	l->len -= end - start;
	show_tail(l, end - start);
}

static void replace(struct line *l, const char *s)
{
	char copy[LINE_MAX];
	size_t n = strlen(s);

	memcpy(copy, s,
	       n); /* s may be the draft or a line of the history, which stay as they are */
	cut(l, 0, l->len);
	insert(l, copy, n);
}

static size_t word_start(const struct line *l)
{
	size_t p = l->pos;

	while (p > 0 && l->buf[p - 1] == ' ')
		p--;
	while (p > 0 && l->buf[p - 1] != ' ')
		p--;
	return p;
}

/* --- history ---------------------------------------------------------------------------------- */

static void hist_store(struct line *l)
{
	const char *last = l->hist_nr ? l->hist[(l->hist_nr - 1) % LINE_HISTORY] : "";

	if (l->len > 0 && strcmp(last, l->buf) != 0)
		memcpy(l->hist[l->hist_nr++ % LINE_HISTORY], l->buf, l->len + 1);
}

static void hist_move(struct line *l, bool older)
{
	u32 oldest = l->hist_nr > LINE_HISTORY ? l->hist_nr - LINE_HISTORY : 0;

	if (older ? l->hist_at == oldest : l->hist_at == l->hist_nr)
		return;
	if (l->hist_at == l->hist_nr) {
		memcpy(l->draft, l->buf, l->len);
		l->draft[l->len] = '\0';
	}
	l->hist_at += older ? -1U : 1U;
	replace(l, l->hist_at == l->hist_nr ? l->draft : l->hist[l->hist_at % LINE_HISTORY]);
}

static void redraw_below(struct line *l)
{
	put(l, "\r\n", 2);
	line_redraw(l);
}

/* --- completion ------------------------------------------------------------------------------- */

struct candidates {
	struct line *l;
	const char *typed; /* the word before the cursor */
	size_t typed_len;
	u32 nr;
	char common[LINE_WORD_MAX]; /* what all candidates begin with */
	size_t common_len;
	size_t column; /* while they are listed */
};

static bool fits(const struct candidates *c, const char *word)
{
	return strncmp(word, c->typed, c->typed_len) == 0;
}

static void narrow(void *arg, const char *word)
{
	struct candidates *c = arg;
	size_t n = MIN(strlen(word), sizeof(c->common));

	if (!fits(c, word))
		return;
	if (c->nr++ == 0) {
		memcpy(c->common, word, n);
		c->common_len = n;
	}
	for (size_t i = 0; i < c->common_len; i++)
		if (i == n || word[i] != c->common[i])
			c->common_len = i;
}

static void list(void *arg, const char *word)
{
	struct candidates *c = arg;
	size_t n = strlen(word);

	if (!fits(c, word))
		return;
	if (c->column + n > COMPLETE_COLUMNS) {
		put(c->l, "\r\n", 2);
		c->column = 0;
	}
	put(c->l, word, n);
	put(c->l, "  ", 2);
	c->column += n + 2;
}

static void complete(struct line *l)
{
	char head[LINE_MAX];
	struct candidates c = { .l = l };
	size_t start = l->pos;

	while (start > 0 && l->buf[start - 1] != ' ')
		start--;
	memcpy(head, l->buf, l->pos);
	head[l->pos] = '\0';
	c.typed = head + start;
	c.typed_len = l->pos - start;
	l->ops->complete(l->ops->arg, head, narrow, &c);
	if (c.common_len > c.typed_len)
		insert(l, c.common + c.typed_len, c.common_len - c.typed_len);
	if (c.nr == 1) {
		insert(l, " ", 1);
	} else if (c.nr > 1 && c.common_len == c.typed_len) {
		put(l, "\r\n", 2);
		l->ops->complete(l->ops->arg, head, list, &c);
		redraw_below(l);
	}
}

/* --- keys ------------------------------------------------------------------------------------- */

static void cut_char(struct line *l)
{
	if (l->pos < l->len)
		cut(l, l->pos, l->pos + 1);
}

static void cut_char_before(struct line *l)
{
	if (l->pos > 0)
		cut(l, l->pos - 1, l->pos);
}

static void left(struct line *l)
{
	if (l->pos > 0)
		move_to(l, l->pos - 1);
}

static void right(struct line *l)
{
	if (l->pos < l->len)
		move_to(l, l->pos + 1);
}

/* ESC [ number ~, as VT220 and the Linux console send it. */
static void numbered_key(struct line *l, u8 nr)
{
	if (nr == 1 || nr == 7)
		move_to(l, 0);
	else if (nr == 3)
		cut_char(l);
	else if (nr == 4 || nr == 8)
		move_to(l, l->len);
}

static void lettered_key(struct line *l, u8 c)
{
	if (c == 'A' || c == 'B')
		hist_move(l, c == 'A');
	else if (c == 'C')
		right(l);
	else if (c == 'D')
		left(l);
	else if (c == 'H')
		move_to(l, 0);
	else if (c == 'F')
		move_to(l, l->len);
}

/* Source: ECMA-48 "Control sequences": parameters are 0x30-0x3f, the final byte 0x40-0x7e. */
static void escape(struct line *l, u8 c)
{
	if (l->esc == ESC_SEEN) {
		l->esc = c == '[' ? ESC_BRACKET : c == 'O' ? ESC_O : ESC_NONE;
		l->esc_arg = 0;
	} else if (c >= '0' && c <= '9') {
		l->esc_arg = (u8)(l->esc_arg * 10 + (c - '0'));
	} else if (c < 0x20 || c >= 0x40) {
		if (c == '~')
			numbered_key(l, l->esc_arg);
		else
			lettered_key(l, c);
		l->esc = ESC_NONE;
	}
}

static void control(struct line *l, u8 c)
{
	if (c == CTRL('A'))
		move_to(l, 0);
	else if (c == CTRL('E'))
		move_to(l, l->len);
	else if (c == CTRL('B'))
		left(l);
	else if (c == CTRL('F'))
		right(l);
	else if (c == CTRL('D'))
		cut_char(l);
	else if (c == CTRL('H') || c == KEY_DEL)
		cut_char_before(l);
	else if (c == CTRL('K'))
		cut(l, l->pos, l->len);
	else if (c == CTRL('U'))
		cut(l, 0, l->pos);
	else if (c == CTRL('W'))
		cut(l, word_start(l), l->pos);
	else if (c == CTRL('L'))
		redraw_below(l);
	else if (c == CTRL('P') || c == CTRL('N'))
		hist_move(l, c == CTRL('P'));
	else if (c == '\t')
		complete(l);
	else if (c == KEY_ESC)
		l->esc = ESC_SEEN;
}

static enum line_event finish(struct line *l, enum line_event ev)
{
	move_to(l, l->len);
	if (ev == LINE_CANCEL)
		put(l, "^C", 2);
	put(l, "\r\n", 2);
	l->ops->shown(l->ops->arg, "", 0, 0);
	l->buf[l->len] = '\0';
	if (ev == LINE_ENTER)
		hist_store(l);
	return ev;
}

enum line_event line_feed(struct line *l, u8 c)
{
	bool lf_of_cr = c == '\n' && l->got_cr;

	l->got_cr = c == '\r';
	if (lf_of_cr)
		return LINE_NONE;
	if (c == '\r' || c == '\n' || c == CTRL('C')) {
		l->esc = ESC_NONE;
		return finish(l, c == CTRL('C') ? LINE_CANCEL : LINE_ENTER);
	}
	if (l->esc != ESC_NONE)
		escape(l, c);
	else if (c >= ' ' && c < KEY_DEL)
		insert(l, (const char *)&c, 1);
	else
		control(l, c);
	tell_shown(l);
	return LINE_NONE;
}

void line_redraw(struct line *l)
{
	put(l, "\r", 1);
	put(l, l->prompt, strlen(l->prompt));
	put(l, l->buf, l->len);
	put_repeated(l, '\b', l->len - l->pos);
	tell_shown(l);
}

void line_start(struct line *l)
{
	l->len = l->pos = 0;
	l->hist_at = l->hist_nr;
	put(l, l->prompt, strlen(l->prompt));
	tell_shown(l);
}

void line_init(struct line *l, const struct line_ops *ops, const char *prompt)
{
	memset(l, 0, sizeof(*l));
	l->ops = ops;
	l->prompt = prompt;
}
