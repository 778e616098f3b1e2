/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments of shell commands and values in configuration files. */

#include "lib/cmd.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* Value of a digit in any base up to 16, or 16 when it is none. */
static u32 digit(char c)
{
	if (c >= '0' && c <= '9')
		return (u32)(c - '0');
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? (u32)(c - 'a' + 10) : 16;
}

int cmd_parse_u64(const char *s, u64 *val)
{
	static const char suffixes[] = "KMGT";
	u32 base = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10;
	const char *suffix;
	u64 v = 0;

	if (base == 16)
		s += 2;
	if (digit(*s) >= base)
		return -EINVAL;
	for (; digit(*s) < base; s++)
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit(*s), &v))
			return -ERANGE;
	suffix = *s ? strchr(suffixes, toupper((unsigned char)*s)) : NULL;
	if (suffix) {
		u32 shift = 10 * (u32)(suffix - suffixes + 1);

		if (v > ~0ULL >> shift)
			return -ERANGE;
		v <<= shift;
		s++;
	}
	if (*s)
		return -EINVAL;
	*val = v;
	return 0;
}
