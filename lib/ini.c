/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader of INI text. Each line is copied, checked and cut in place; the words of the section stay
 * in the parser until the next one. Garbage of any kind gives an error with its line number.
 */

#include "lib/ini.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct ini {
	const struct ini_text *text;
	size_t pos; /* start of the next line */
	struct ini_entry e;
	char line[INI_LINE_MAX + 1];
	char section[INI_SECTION_MAX + 1];
	const char *wrong; /* what is wrong with the line */
};

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cuts white space off both ends. */
static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (blank(*s))
		s++;
	while (end > s && blank(end[-1]))
		*--end = 0;
	return s;
}

/* Cuts off a comment that stands outside double quotes. */
static void cut_comment(char *s)
{
	bool quoted = false;

	for (char *p = s; *p; p++) {
		if (*p == '"')
			quoted = !quoted;
		if (!quoted && (*p == ';' || *p == '#') && (p == s || blank(p[-1]))) {
			*p = 0;
			return;
		}
	}
}

static int wrong(struct ini *ini, const char *what)
{
	ini->wrong = what;
	return -EINVAL;
}

/* Copies the next line without its end. Returns 1, 0 after the last line, or -EINVAL. */
static int next_line(struct ini *ini)
{
	const char *s = ini->text->data + ini->pos;
	size_t left = ini->text->len - ini->pos, len;
	const char *end;

	if (left == 0)
		return 0;
	end = memchr(s, '\n', left);
	len = end ? (size_t)(end - s) : left;
	ini->pos += len + (end ? 1 : 0);
	ini->e.line++;
	if (len && s[len - 1] == '\r')
		len--;
	if (len > INI_LINE_MAX)
		return wrong(ini, "the line is too long");
	for (size_t i = 0; i < len; i++)
		if ((u8)s[i] < ' ' && s[i] != '\t')
			return wrong(ini, "the line holds a control character");
	memcpy(ini->line, s, len);
	ini->line[len] = 0;
	return 1;
}

/* "[kind name]" */
static int parse_section(struct ini *ini, char *s)
{
	size_t len = strlen(s);
	char *kind, *name;

	if (s[len - 1] != ']')
		return wrong(ini, "a section must end in ]");
	if (len - 2 > INI_SECTION_MAX)
		return wrong(ini, "the section's name is too long");
	memcpy(ini->section, s + 1, len - 2);
	ini->section[len - 2] = 0;
	kind = trim(ini->section);
	if (!*kind)
		return wrong(ini, "the section has no name");
	name = kind + strcspn(kind, " \t");
	if (*name)
		*name++ = 0;
	ini->e.kind = kind;
	ini->e.name = trim(name);
	ini->e.key = ini->e.value = NULL;
	return 0;
}

/* "key = value", with the value in double quotes or not */
static int parse_key(struct ini *ini, char *s)
{
	char *eq = strchr(s, '='), *value;
	size_t len;

	if (!eq)
		return wrong(ini, "expected \"key = value\" or \"[section]\"");
	*eq = 0;
	ini->e.key = trim(s);
	if (!*ini->e.key)
		return wrong(ini, "there is no key before =");
	value = trim(eq + 1);
	len = strlen(value);
	if (*value == '"') {
		if (len < 2 || strchr(value + 1, '"') != value + len - 1)
			return wrong(ini, "a value that begins with \" must end in the next one");
		value[len - 1] = 0;
		value++;
	}
	ini->e.value = value;
	return 0;
}

/* Returns 1 for an entry, 0 for a line that holds none, -EINVAL for a mistake. */
static int parse_line(struct ini *ini)
{
	char *s = ini->line;
	int ret;

	cut_comment(s);
	s = trim(s);
	if (!*s)
		return 0;
	ret = *s == '[' ? parse_section(ini, s) : parse_key(ini, s);
	return ret ? ret : 1;
}

/* Writes "file:line: " and returns its length. */
static size_t say_where(const struct ini *ini, char *err, size_t err_size)
{
	int n = snprintf(err, err_size, "%s:%u: ", ini->text->file, (unsigned)ini->e.line);

	return n < 0 ? 0 : MIN((size_t)n, err_size);
}

int ini_parse(const struct ini_text *text, ini_fn fn, void *arg, char *err, size_t err_size)
{
	struct ini ini = { .text = text, .e = { .kind = "", .name = "" } };
	size_t n;
	int ret;

	while ((ret = next_line(&ini)) > 0) {
		ret = parse_line(&ini);
		if (ret > 0) {
			n = say_where(&ini, err, err_size);
			ret = fn(arg, &ini.e, err + n, err_size - n);
		}
		if (ret)
			break;
	}
	if (ini.wrong) {
		n = say_where(&ini, err, err_size);
		snprintf(err + n, err_size - n, "%s", ini.wrong);
	} else if (ret == 0 && err_size) {
		*err = 0;
	}
	return ret;
}
