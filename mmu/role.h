/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Roles. The role of a table page, with the first frame it maps or the frame of the guest table it
 * shadows, is all that decides whether two tables would hold the same entries. Pure identity,
 * compared as a whole word; state (linked, zapped, unsync, stale) is never part of it, and neither
 * is "this is a root": that is known to the root object alone. A child's role is computed from its
 * parent's, so nothing can be inherited by accident.
 *
 * The role of a vCPU's paging mode (cpu_role) holds in addition what matters to walks in software
 * only. It is computed from a snapshot of registers, never from live ones.
 */
#pragma once

#include "lib/bug.h"
#include "lib/types.h"

struct mmu_regs;

/* Where the entries come from. */
enum role_fmt {
	ROLE_LIN,    /* no source table: guest-physical frames in order */
	ROLE_32,     /* 4-byte entries, no large pages (CR4.PSE clear) */
	ROLE_32_PSE, /* 4-byte entries, 4 MiB pages */
	ROLE_PAE,
	ROLE_LM, /* 4 or 5 levels */
	ROLE_FMT_NR,
};

/* Bits of a table's role: X(name, width, what sync does with it). A page in use as SYNC_COMPARE
 * must match the vCPU that syncs it; SYNC_IGNORE bits follow from the table's place in the tree. */
#define MMU_ROLE_BITS(X)                                                                           \
	X(level, 3, SYNC_IGNORE)    /* 1..5 */                                                     \
	X(fmt, 3, SYNC_COMPARE)     /* enum role_fmt: of the source table */                       \
	X(quadrant, 2, SYNC_IGNORE) /* 4-byte formats: part of the source; split: D of the leaf */ \
	X(direct, 1, SYNC_IGNORE)   /* leaves are linear from the first frame */                   \
	X(split, 1, SYNC_IGNORE)    /* direct: stands for one large guest leaf */                  \
	X(access, 4, SYNC_IGNORE)   /* MMU_R|W|U|X inherited from above */                         \
	X(nx, 1, SYNC_COMPARE)      /* EFER.NXE */                                                 \
	X(wp, 1, SYNC_COMPARE)      /* CR0.WP */                                                   \
	X(smep_nwp, 1, SYNC_COMPARE) /* CR4.SMEP and not CR0.WP */                                 \
	X(emul_nwp, 1, SYNC_COMPARE) /* CR4.SMAP or PKE, and not CR0.WP */                         \
	X(ad_off, 1, SYNC_COMPARE)   /* the guest's entries have no A and D */                     \
	X(nested, 1, SYNC_COMPARE)   /* belongs to a guest of the guest */                         \
	X(passthru, 1, SYNC_IGNORE)  /* level of the hardware that the guest lacks */              \
	X(mbec, 1, SYNC_COMPARE)     /* user and supervisor execute rights */                      \
	X(as_id, 2, SYNC_COMPARE)    /* address space (normal, SMM, view) */                       \
	X(caps, 4, SYNC_COMPARE)     /* interned paging capabilities, mmu/caps.h */                \
	X(pkey, 4, SYNC_IGNORE)      /* split: protection key of the large leaf */

union page_role {
	u32 word;

	struct {
#define X(name, width, sync) u32 name : width;
		MMU_ROLE_BITS(X)
#undef X
	};
};

_Static_assert(sizeof(union page_role) == 4, "a role is compared as one word");

/* A table of the direct map for nested paging. */
static inline union page_role role_direct(u32 level)
{
	return (union page_role){ .level = level & 7, .fmt = ROLE_LIN, .direct = 1 };
}

/* The role that a table linked from an entry of this one must have, in the direct map. */
static inline union page_role role_child(union page_role parent)
{
	return role_direct(parent.level - 1u);
}

/* A vCPU's paging mode. valid is set by role_cpu() alone: zeroed memory is no role. mode has the
 * bits of CR0, CR4 and EFER that matter, where those have them; with the capabilities it decides
 * the page part. */
union cpu_role {
	u64 word;

	struct {
		union page_role page; /* of the root table; level 0 and fmt LIN without paging */

		union {
			u32 mode;

			struct {
				u32 valid : 1, : 3, pse : 1, pae : 1, : 4, lma : 1, nxe : 1;
				u32 la57 : 1, : 3, wp : 1, : 3, smep : 1, smap : 1, pke : 1, : 8;
				u32 pg : 1;
			};
		};
	};
};

_Static_assert(sizeof(union cpu_role) == 8, "a role is compared as one word");

/* Of a snapshot; caps: the vCPU's record, below MMU_CAPS_NR. */
union cpu_role role_cpu(const struct mmu_regs *r, u32 caps);

/* How the root for a mode is built. */
struct root_plan {
	u8 kind;                  /* enum shadow_root_kind */
	u8 hw_level;              /* levels that hardware walks: 3 (PAE), 4 or 5 */
	union page_role child[4]; /* roles of the tables it points to; word 0 = none */
};

/* A pure function of the mode. present: bit i = the i-th PDPTE is present (PAE only). */
struct root_plan root_plan(union cpu_role role, u32 present);

/* Role of the table to link at entry idx of a table with this role, shadowing a guest table: access
 * is what the guest's entries allow down to and including that entry. */
union page_role role_indirect_child(union page_role parent, u32 idx, u32 access);
/* The same for a table below a large guest leaf (split), or without a guest table at all.
 * dirty: the leaf's D is set. */
union page_role role_split_child(union page_role parent, u32 access, u32 pkey, bool dirty);

/* A table with role a may be synced by a vCPU in mode b (page part of its cpu_role). */
bool role_sync_equal(union page_role a, union page_role b);

/* Register bits that hardware must run with while the shadow of this mode is in use. */
struct hw_bits {
	u64 set, clear; /* all others are the guest's own */
};

struct mmu_hw_regs {
	struct hw_bits cr0, cr4, efer;
};

extern const struct mmu_hw_regs role_hw[2]; /* without and with paging */

static inline struct mmu_hw_regs role_hw_regs(union cpu_role role)
{
	ASSERT(role.valid == 1);
	return role_hw[role.pg];
}
