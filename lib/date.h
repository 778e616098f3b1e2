/* SPDX-License-Identifier: BSD-2-Clause */
/* Dates of the Gregorian calendar and seconds since 1970-01-01 00:00:00. */
#pragma once

#include "lib/types.h"

struct date {
	u32 year; /* 1970.. */
	u8 month; /* 1..12 */
	u8 day;   /* 1..31 */
	u8 hour, min, sec;
	u8 weekday; /* 0 = Sunday; date_to_seconds() ignores it */
};

void date_from_seconds(u64 s, struct date *d);
/* Fields out of range carry over, as far as a u64 goes; a year before 1970 counts as 1970. */
u64 date_to_seconds(const struct date *d);
