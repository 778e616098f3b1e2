/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Places where a hosted test may let something happen: another CPU's complete action, or a refused
 * allocation. In the hypervisor MMU_HOOK(id) is nothing. Under mmu_vm.lock only such things
 * happen as hardware can do meanwhile.
 */
#pragma once

#include "lib/types.h"

/* X(id, "where it stands") */
#define MMU_HOOKS(X)                                                                        \
	X(BEFORE_AD, "walk: all entries read, A and D not set yet")                         \
	X(AFTER_WALK, "fault: the guest's tables are read, the lock is not taken yet")      \
	X(BEFORE_LOCK, "fault: all is reserved, the lock is next")                          \
	X(BETWEEN_GET_AND_COMPARE, "fetch: child found and frozen, entry not compared")     \
	X(BEFORE_LEAF, "fetch: tables linked, the leaf entry not compared yet")             \
	X(AFTER_FETCH, "fault: lock released")                                              \
	X(BETWEEN_ZAP_AND_STORE, "trapped store: shadow entries dropped, memory still old") \
	X(BEFORE_ROOT_PUT, "root switch: a root lost its place, its reference not put")     \
	X(IN_COLLECT, "unsync: between two tables of a collection")                         \
	X(BEFORE_SYNC, "unsync: collected, not frozen yet")                                 \
	X(AFTER_FREEZE, "unsync: frozen and flushed, not synced yet")                       \
	X(ALLOC, "a request for pool pages; true = it is refused")

enum mmu_hook {
#define X(id, where) HOOK_##id,
	MMU_HOOKS(X)
#undef X
	HOOK_NR,
};

#define MMU_HOOK(id) env_hook(HOOK_##id)
