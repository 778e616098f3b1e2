/* SPDX-License-Identifier: BSD-2-Clause */
/* Set-up of the frame allocator; its use is in arch/mem.h. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

/* Bits for frames [0, nr_frames), all taken; map has nr_frames / 8 bytes. */
void frames_init(u64 *map, u64 nr_frames);
/* [base, base + size) becomes free; only whole frames inside it. */
void frames_add(hpa_t base, u64 size);
/* Every frame that [base, base + size) touches is taken. */
void frames_reserve(hpa_t base, u64 size);
