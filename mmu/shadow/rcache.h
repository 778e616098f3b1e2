/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vCPU's cache of roots: the current one, and recently used ones, newest first. Pure functions on
 * a small array; references and locks are the caller's affair (mmu/shadow/root.c).
 *
 * Looking for a root has two forms. With (a), the current root can be kept: it becomes the newest.
 * A hit moves the root found to the front and closes its gap; a miss pushes all down and drops the
 * oldest. With (b), the current root must not be kept (it is obsolete): a hit takes the root
 * found out and leaves a hole at the end; a miss leaves the array alone.
 */
#pragma once

#include "lib/types.h"

struct shadow_root;

#define RCACHE_NR 15 /* with the current one 16 roots for each vCPU */

struct rcache {
	struct shadow_root *cur;            /* NULL: none */
	struct shadow_root *mru[RCACHE_NR]; /* newest first; NULL: holes, at the end only */
	u32 limit;                          /* of mru[] in use; 0..RCACHE_NR */
};

/* The root for which match(root, arg) holds becomes cur; NULL becomes cur if there is none. keep:
 * form (a) for the old cur, which stays if it is itself the one that matches; else (b). The root
 * that has lost its place, if any, comes back in *evicted for the caller to put, after it has
 * dropped any lock that putting must not be under: with (a) the oldest, with (b) the old cur.
 * Returns whether it was a hit. */
bool rcache_switch(struct rcache *c, bool keep,
		   bool (*match)(const struct shadow_root *r, const void *arg), const void *arg,
		   struct shadow_root **evicted);
/* Takes a root out of mru[] (not out of cur). True if it was there. */
bool rcache_remove(struct rcache *c, const struct shadow_root *r);
/* Takes the oldest root out of mru[], or NULL. */
struct shadow_root *rcache_pop(struct rcache *c);
