/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output of shell commands, as padded columns or as JSON lines. A text record is collected in
 * line[] and cut if it does not fit; a JSON record leaves through line[] as it grows, so that it
 * is whole whatever its length.
 */

#include "lib/out.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void out_init(struct out *o, void (*write)(void *arg, const char *s, size_t n), void *arg,
	      bool json)
{
	*o = (struct out){ .write = write, .arg = arg, .json = json };
}

static void flush(struct out *o)
{
	if (o->fill)
		o->write(o->arg, o->line, o->fill);
	o->fill = 0;
}

static void put_bytes(struct out *o, const char *s, size_t n)
{
	if (o->fill + n > sizeof(o->line) && o->json)
		flush(o);
	n = MIN(n, sizeof(o->line) - o->fill);
	memcpy(o->line + o->fill, s, n);
	o->fill += n;
}

static void put(struct out *o, const char *s)
{
	put_bytes(o, s, strlen(s));
}

/*
 * A JSON string. Bytes above 0x7f become the characters of the same number, so the output is
 * valid whatever the bytes are.
 */
static void put_json_string(struct out *o, const char *s, size_t n)
{
	put(o, "\"");
	for (size_t i = 0; i < n; i++) {
		u8 c = (u8)s[i];
		char esc[8];

		if (c == '"' || c == '\\')
			snprintf(esc, sizeof(esc), "\\%c", c);
		else if (c < ' ' || c >= 0x7f)
			snprintf(esc, sizeof(esc), "\\u%04x", c);
		else
			snprintf(esc, sizeof(esc), "%c", c);
		put(o, esc);
	}
	put(o, "\"");
}

/* A whole JSON object with one string in it. */
static void put_json_line(struct out *o, const char *key, const char *s, size_t n)
{
	put(o, "{\"");
	put(o, key);
	put(o, "\": ");
	put_json_string(o, s, n);
	put(o, "}\n");
	flush(o);
}

/* One object for each line of text. */
static void put_json_lines(struct out *o, const char *key, const char *s)
{
	while (*s) {
		size_t n = strcspn(s, "\n");

		put_json_line(o, key, s, n);
		s += n;
		if (*s == '\n')
			s++;
	}
}

static void __printf(3, 0) say(struct out *o, const char *key, const char *fmt, va_list ap)
{
	char text[sizeof(o->line)];
	size_t n;

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	if (o->json) {
		put_json_lines(o, key, text);
		return;
	}
	n = strlen(text);
	o->write(o->arg, text, n);
	if (n == 0 || text[n - 1] != '\n')
		o->write(o->arg, "\n", 1);
}

void out_text(struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(o, "text", fmt, ap);
	va_end(ap);
}

void out_error(struct out *o, const char *fmt, ...)
{
	va_list ap;

	if (!o->json)
		o->write(o->arg, "error: ", 7);
	va_start(ap, fmt);
	say(o, "error", fmt, ap);
	va_end(ap);
}

void out_heading(struct out *o)
{
	o->heading = true;
}

void out_begin(struct out *o)
{
	o->first = true;
	o->fill = 0;
	o->fill_names = 0;
	if (o->json)
		put(o, "{");
}

/*
 * Appends s to buf as a column, with anything that could upset a terminal replaced; what does not
 * fit is cut. Returns the new fill.
 */
static size_t put_column(char *buf, size_t size, size_t fill, int width, const char *s)
{
	int n = snprintf(buf + fill, size - fill, "%*s", width, s);
	size_t end = n < 0 ? fill : MIN(fill + (size_t)n, size - 1);

	for (size_t i = fill; i < end; i++)
		if ((u8)buf[i] < ' ' || buf[i] == 0x7f)
			buf[i] = '?';
	if (end < size - 1)
		buf[end++] = ' ';
	return end;
}

static void field(struct out *o, const char *key, int width, const char *val, bool json_string)
{
	if (!o->json) {
		o->fill = put_column(o->line, sizeof(o->line), o->fill, width, val);
		if (o->heading)
			o->fill_names =
				put_column(o->names, sizeof(o->names), o->fill_names, width, key);
		return;
	}
	put(o, o->first ? "\"" : ", \"");
	o->first = false;
	put(o, key);
	put(o, "\": ");
	if (json_string)
		put_json_string(o, val, strlen(val));
	else
		put(o, val);
}

void out_str(struct out *o, const char *key, int width, const char *val)
{
	field(o, key, width, val, true);
}

void out_dec(struct out *o, const char *key, int width, u64 val)
{
	char s[24];

	snprintf(s, sizeof(s), "%lu", val);
	field(o, key, width, s, false);
}

void out_hex(struct out *o, const char *key, int width, u64 val)
{
	char s[24];

	snprintf(s, sizeof(s), "0x%lx", val);
	field(o, key, width, s, true);
}

void out_bool(struct out *o, const char *key, int width, bool val)
{
	if (o->json)
		field(o, key, width, val ? "true" : "false", false);
	else
		field(o, key, width, val ? "yes" : "no", false);
}

/* Ends a row of columns: no white space before the newline. */
static void write_row(struct out *o, const char *buf, size_t fill)
{
	while (fill && buf[fill - 1] == ' ')
		fill--;
	o->write(o->arg, buf, fill);
	o->write(o->arg, "\n", 1);
}

void out_end(struct out *o)
{
	if (o->json) {
		put(o, "}\n");
		flush(o);
		return;
	}
	if (o->heading)
		write_row(o, o->names, o->fill_names);
	o->heading = false;
	write_row(o, o->line, o->fill);
	o->fill = 0;
}
