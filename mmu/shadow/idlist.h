/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Short lists of entry names (spteid_t), kept in one 32-bit word while they have at most one
 * element: the leaves that map a frame, the entries that point to a table. Longer ones are chains
 * of 64-byte chunks with a count in each, filled from the head, so that adding looks at one chunk.
 *
 *	0		empty
 *	id		one element (bit 31 clear)
 *	1 << 31 | n	chain that begins with chunk n
 *
 * Chunks come from pool pages in state SP_DATA. The VM's free chunks are counted; an operation
 * makes sure of enough before the lock (idlist_reserve), then adding cannot fail. Under
 * mmu_vm.lock.
 */
#pragma once

#include "lib/types.h"

#include "mmu/pool.h"
#include "mmu/shadow/shadow_vm.h"

struct mmu_vm;

typedef u32 idlist_t;

#define IDCHUNK_IDS       14
#define IDCHUNKS_PER_PAGE ((u32)(PAGE_SIZE / 64))

/* At most this many additions to lists need a chunk until idlist_reserve() is called again. */
#define IDLIST_RESERVE 48

#define IDLIST_CROWD 1024

/* A page is needed before the next operation. */
static inline bool idlist_wants(const struct idlist_pool *p)
{
	return p->nr_free < IDLIST_RESERVE;
}

/* Takes a page from the reserve, if idlist_wants() and the reserve has one. */
void idlist_reserve(struct idlist_pool *p, struct mmu_res *r);
/* Gives back every page that no list uses, before there is no memory and at the end of the VM.
 * Returns how many. */
u32 idlist_trim(struct mmu_vm *m, struct idlist_pool *p);

void idlist_add_more(struct idlist_pool *p, idlist_t *l, spteid_t id);
bool idlist_remove_chained(struct idlist_pool *p, idlist_t *l, spteid_t id);

/* id is not 0 and not in the list. There must be a free chunk (see above). */
static inline void idlist_add(struct idlist_pool *p, idlist_t *l, spteid_t id)
{
	if (*l == 0)
		*l = id;
	else
		idlist_add_more(p, l, id);
}

/* False if id is not in the list. */
static inline bool idlist_remove(struct idlist_pool *p, idlist_t *l, spteid_t id)
{
	if (!id || *l != id)
		return idlist_remove_chained(p, l, id);
	*l = 0;
	return true;
}

bool idlist_has(idlist_t l, spteid_t id);
u32 idlist_count(idlist_t l);
/* The list has more than about IDLIST_CROWD elements: finding one of them takes long. */
bool idlist_crowded(idlist_t l);
/* Some element, or 0 when the list is empty; so "while ((id = idlist_first(l)))" can empty it. */
spteid_t idlist_first(idlist_t l);

/* Elements one after another; the list must not change meanwhile. */
struct idlist_iter {
	u32 chunk; /* 0: the list was a single element */
	u32 pos;
	spteid_t single;
};

static inline struct idlist_iter idlist_begin(idlist_t l)
{
	return (struct idlist_iter){
		.chunk = l >> 31 ? l & ~BIT32(31) : 0,
		.single = l >> 31 ? 0 : l,
	};
}

/* The next element, or 0 at the end. */
spteid_t idlist_next(struct idlist_iter *it);

/* I7. idlist_check(): the chain is well-formed; idlist_check_pool(): so is the list of free chunks,
 * and no chunk is lost when the lists of the VM use that many. NULL or what is wrong. */
const char *idlist_check(const struct idlist_pool *p, idlist_t l);
const char *idlist_check_pool(const struct idlist_pool *p, u32 used);
/* Chunks of a list. */
u32 idlist_chunks(idlist_t l);
