/* SPDX-License-Identifier: BSD-2-Clause */
/* Years are counted from March here, so that the leap day is the last of its year; 400 years have
 * 146097 days. */
#include "lib/date.h"

#define DAYS_400 146097
#define DAYS_0   719468 /* from 0000-03-01 to 1970-01-01 */
#define DAY_SECS 86400

/* Days from 1 March to the first day of month m, 0 = March. */
static u32 days_before(u32 m)
{
	return (153 * m + 2) / 5;
}

static u64 leap_days(u64 years)
{
	return years / 4 - years / 100 + years / 400;
}

u64 date_to_seconds(const struct date *d)
{
	u64 year = d->year < 1970 ? 1970 : d->year;
	u32 m = d->month < 1 ? 0 : (d->month - 1U) % 12;
	u64 days;

	/* January and February end the year before. */
	year -= m < 2 ? 1 : 0;
	m = (m + 10) % 12;
	days = year * 365 + leap_days(year) + days_before(m) + d->day - DAYS_0 - 1;
	return days * DAY_SECS + d->hour * 3600U + d->min * 60U + d->sec;
}

void date_from_seconds(u64 s, struct date *d)
{
	u64 days = s / DAY_SECS + DAYS_0;
	u32 rest = (u32)(s % DAY_SECS), in_400 = (u32)(days % DAYS_400);
	u32 years = (in_400 - in_400 / 1460 + in_400 / 36524 - in_400 / (DAYS_400 - 1)) / 365;
	u32 in_year = in_400 - (365 * years + (u32)leap_days(years));
	u32 m = (5 * in_year + 2) / 153;

	d->day = (u8)(in_year - days_before(m) + 1);
	d->month = (u8)(m < 10 ? m + 3 : m - 9);
	d->year = (u32)(days / DAYS_400 * 400) + years + (m < 10 ? 0 : 1);
	d->hour = (u8)(rest / 3600);
	d->min = (u8)(rest / 60 % 60);
	d->sec = (u8)(rest % 60);
	d->weekday = (u8)((s / DAY_SECS + 4) % 7); /* 1970-01-01 was a Thursday */
}
