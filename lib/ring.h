/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Byte ring, for consoles. One writer and one reader may use it at the same time from two CPUs
 * without a lock; more of either take turns under a lock of theirs. ring_force() is for scroll-back
 * rings only, where writer and reader share a lock.
 */
#pragma once

#include "lib/types.h"

struct ring {
	u8 *buf;
	u32 size;    /* a power of two */
	u32 in, out; /* bytes ever put and taken, modulo 2^32 */
};

#define RING(b)                               \
	{                                     \
		.buf = (b), .size = sizeof(b) \
	}

static inline u32 ring_used(const struct ring *r)
{
	/* Acquire: pairs with the release in ring_put(). */
	return __atomic_load_n(&r->in, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(&r->out, __ATOMIC_ACQUIRE);
}

static inline u32 ring_free(const struct ring *r)
{
	return r->size - ring_used(r);
}

/* False when the ring is full. */
static inline bool ring_put(struct ring *r, u8 byte)
{
	if (ring_free(r) == 0)
		return false;
	r->buf[r->in & (r->size - 1)] = byte;
	/* Release: the reader that sees the new count sees the byte. */
	__atomic_store_n(&r->in, r->in + 1, __ATOMIC_RELEASE);
	return true;
}

/* False when the ring is empty. */
static inline bool ring_get(struct ring *r, u8 *byte)
{
	if (ring_used(r) == 0)
		return false;
	*byte = r->buf[r->out & (r->size - 1)];
	/* Release: the writer that sees the new count may overwrite the byte. */
	__atomic_store_n(&r->out, r->out + 1, __ATOMIC_RELEASE);
	return true;
}

/* Puts the byte, dropping the oldest one when the ring is full. */
static inline void ring_force(struct ring *r, u8 byte)
{
	if (ring_free(r) == 0)
		r->out++;
	ring_put(r, byte);
}

/* Byte number i of those in the ring, 0 = oldest; i must be below ring_used(). */
static inline u8 ring_peek(const struct ring *r, u32 i)
{
	return r->buf[(r->out + i) & (r->size - 1)];
}
