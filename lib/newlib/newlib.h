/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * newlib's configuration, in place of what its configure script would write: C99 and long long
 * conversions in vsnprintf(), nothing else. No locales, no wide characters, no floating point, no
 * file streams, the small form of struct _reent.
 */
#pragma once

#define _WANT_IO_C99_FORMATS             1
#define _WANT_IO_LONG_LONG               1
#define _WANT_REENT_SMALL                1
#define _MB_LEN_MAX                      1
#define _HAVE_CC_INHIBIT_LOOP_TO_LIBCALL 1
