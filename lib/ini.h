/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader of INI text: "[kind name]" opens a section, "key = value" sets one thing in it. A comment
 * starts with ; or # at the beginning of a line or after white space. A value in double quotes is
 * taken as it is, comment signs included. Lines end in LF or CRLF; the last may end in nothing.
 */
#pragma once

#include "lib/types.h"

#define INI_LINE_MAX    700 /* bytes in a line, without its end */
#define INI_SECTION_MAX 63  /* bytes between the brackets */

struct ini_text {
	const char *file; /* for error messages */
	const char *data; /* not NUL-terminated */
	size_t len;
};

/* One section line (key is NULL) or one key. The strings live until the callback returns. */
struct ini_entry {
	const char *kind; /* first word of the section, "" before the first section */
	const char *name; /* rest of it, may be "" */
	const char *key;
	const char *value;
	u32 line; /* from 1 */
};

/*
 * Gets each entry in order. To refuse one it writes a sentence into err and returns -EINVAL (or
 * another error), which ends the reading.
 */
typedef int (*ini_fn)(void *arg, const struct ini_entry *e, char *err, size_t err_size);

/*
 * Reads the text and calls fn for every entry. Returns 0, or the first error with one sentence in
 * err that begins with "file:line: ".
 */
int ini_parse(const struct ini_text *text, ini_fn fn, void *arg, char *err,
	      size_t err_size) __must_check;
