/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's battery-backed clock. */
#pragma once

#include "lib/types.h"

/* Its time in seconds since 1970-01-01, taken as UTC; 0 when it holds no valid date. One
 * caller at a time. */
u64 cmos_time(void);
