/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Role of a table page: with the first frame it maps, all that decides whether two tables would
 * hold the same entries. Pure identity, compared as a whole word; state (linked, zapped, stale) is
 * never part of it. A child's role is computed from its parent's, so nothing can be inherited by
 * accident.
 */
#pragma once

#include "lib/types.h"

/* Where the entries come from. */
enum role_fmt {
	ROLE_LIN, /* no source table: guest-physical frames in order */
};

union page_role {
	u32 word;

	struct {
		u32 level  : 3; /* 1..5 */
		u32 fmt    : 3; /* enum role_fmt */
		u32 direct : 1; /* leaves are linear from the table's first frame */
		u32 zero   : 25;
	};
};

_Static_assert(sizeof(union page_role) == 4, "a role is compared as one word");

/* A table of the direct map. */
static inline union page_role role_direct(u32 level)
{
	return (union page_role){ .level = level & 7, .fmt = ROLE_LIN, .direct = 1 };
}

/* The role that a table linked from an entry of this one must have. */
static inline union page_role role_child(union page_role parent)
{
	return role_direct(parent.level - 1u);
}
