/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host memory: frames and their mapping. All RAM is reachable through an NX direct map.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#define DIRECT_MAP 0xffff800000000000ULL
#define IMAGE_BASE 0xffffffff80000000ULL

static __always_inline void *hpa_ptr(hpa_t a)
{
	return (void *)(DIRECT_MAP + a.v);
}

/* p must point into the direct map (frames from frame_alloc() do). */
static __always_inline hpa_t ptr_hpa(const void *p)
{
	return HPA((u64)p - DIRECT_MAP);
}

/*
 * Allocates nr contiguous frames aligned to align (a power of two, in frames), below the host
 * address limit (0 = anywhere). Contents undefined. Returns NULL when there is no such run.
 */
void *frames_alloc(u64 nr, u64 align, u64 limit);
void frames_free(void *p, u64 nr);
/* One zeroed frame. */
void *frame_alloc(void);
void frame_free(void *p);

u64 frames_free_count(void);
u64 frames_total(void);
/* Longest free run that could back guest RAM, in frames. */
u64 frames_largest_run(void);
/* Zeroes quickly (REP STOS). */
void frames_zero(void *p, u64 nr);

/* Maps device registers uncached; returns a pointer that stays valid for ever. */
volatile void *mmio_map(hpa_t base, u64 size_bytes);
/* A stack of STACK_SIZE bytes with an unmapped guard page below. Returns its lowest byte, or
 * NULL. */
#define STACK_SIZE (16 * 1024)
void *stack_alloc(void);
void stack_free(void *stack);

/* Small objects: zeroed, 16-byte aligned, any size. Backed by frames. NULL when out of memory. */
void *kzalloc(size_t size);
void kfree(void *p, size_t size);
