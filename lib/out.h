/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Output of shell commands: one call site renders both forms. In text form a record is a row of
 * padded columns; with -j it is one JSON object on a line, keyed by the column names.
 *
 *	out_begin(o);
 *	out_str(o, "name", 12, vm->name);
 *	out_dec(o, "vcpus", 5, vm->nr_vcpus);
 *	out_end(o);
 *
 * In text form the column names are printed once, above the first record after out_heading().
 */
#pragma once

#include "lib/types.h"

struct out {
	void (*write)(void *arg, const char *s, size_t n); /* raw bytes to the terminal */
	void *arg;
	bool json;
	/* the rest is out.c's */
	bool heading;      /* print column names above the next record */
	bool first;        /* no field yet in this record */
	size_t fill;       /* bytes in line[] */
	size_t fill_names; /* bytes in names[] */
	char line[512];
	char names[256];
};

void out_init(struct out *o, void (*write)(void *arg, const char *s, size_t n), void *arg,
	      bool json);

/*
 * Free text, for people; a newline is added if the text does not end in one. With -j it becomes
 * {"text": "..."}, one object per line of text. At most 511 bytes a call. Not inside a record.
 */
void out_text(struct out *o, const char *fmt, ...) __printf(2, 3);
/* One sentence that says what was wrong and what to do. With -j: {"error": "..."}. */
void out_error(struct out *o, const char *fmt, ...) __printf(2, 3);

void out_heading(struct out *o);
void out_begin(struct out *o);
/* Control characters in val never reach the terminal: columns show ?, JSON escapes them. */
/* width: minimum column width in text form; negative aligns left, as in printf. */
void out_str(struct out *o, const char *key, int width, const char *val);
void out_dec(struct out *o, const char *key, int width, u64 val);
void out_hex(struct out *o, const char *key, int width, u64 val);
void out_bool(struct out *o, const char *key, int width, bool val);
void out_end(struct out *o);
