/* SPDX-License-Identifier: BSD-2-Clause */
/* Roles: from registers to the mode, from the mode to the tables, from a table to its children. */
#include "mmu/role.h"

#include "lib/bug.h"

#include "arch/regs.h"
#include "mmu/caps.h"
#include "mmu/gfmt.h"
#include "mmu/mutant.h"
#include "mmu/shadow/root.h"
#include "mmu/walk.h"

#define ACCESS_ALL (MMU_R | MMU_W | MMU_U | MMU_X)

/* --- from registers to the mode --------------------------------------------------------------- */

static enum role_fmt fmt_of(const struct mmu_regs *r)
{
	if (!(r->cr0 & CR0_PG))
		return ROLE_LIN;
	if (r->efer & EFER_LMA)
		return ROLE_LM;
	if (r->cr4 & CR4_PAE)
		return MUTANT(S2_11_PAE_IS_LONG) ? ROLE_LM : ROLE_PAE;
	return (r->cr4 & CR4_PSE) && !MUTANT(S1_07_PSE_NO_FORMAT) ? ROLE_32_PSE : ROLE_32;
}

static u32 root_level(const struct mmu_regs *r, enum role_fmt fmt)
{
	static const u8 levels[ROLE_FMT_NR] = {
		[ROLE_32] = 2, [ROLE_32_PSE] = 2, [ROLE_PAE] = 3, [ROLE_LM] = 4
	};

	return levels[fmt] + (fmt == ROLE_LM && r->cr4 & CR4_LA57 ? 1u : 0u);
}

/* Only what changes the entries of a shadow. SMEP, SMAP and protection keys are hardware's affair
 * while CR0.WP is set; without it a page that only the supervisor may write has to be shadowed as a
 * supervisor page, and then they decide what is possible. NX is reserved, not ignored, without
 * EFER.NXE; 4-byte entries have none. */
static union page_role page_role_of(const struct mmu_regs *r, u32 caps)
{
	enum role_fmt fmt = fmt_of(r);
	bool wide = fmt == ROLE_PAE || fmt == ROLE_LM;
	bool keys = fmt == ROLE_LM && (r->cr4 & CR4_PKE);
	union page_role role = {
		.level = root_level(r, fmt) & 7,
		.fmt = fmt & 7,
		.direct = fmt == ROLE_LIN,
		.access = ACCESS_ALL,
		.nx = wide && (r->efer & EFER_NXE),
		.caps = MUTANT(S1_04_CAPS_NOT_IN_ROLE) ? 0 : caps & 15,
	};

	if (fmt == ROLE_LIN)
		return role;
	if (r->cr0 & CR0_WP) {
		role.wp = 1;
		role.smep_nwp = MUTANT(S1_07_NEEDLESS_SMEP) && (r->cr4 & CR4_SMEP);
	} else {
		role.smep_nwp = !!(r->cr4 & CR4_SMEP);
		role.emul_nwp = keys || (r->cr4 & CR4_SMAP);
	}
	return role;
}

_Static_assert(MMU_CAPS_NR <= 16, "the role has four bits for the number of a record");

union cpu_role role_cpu(const struct mmu_regs *r, u32 caps)
{
	ASSERT(caps < MMU_CAPS_NR);
	return (union cpu_role){ .page = page_role_of(r, caps), .mode = role_mode(r) };
}

/* --- from the mode to the root ---------------------------------------------------------------- */

/* Does an entry of the guest's table stand for two of ours? */
static bool four_byte_entries(union page_role role)
{
	return role.fmt == ROLE_32 || role.fmt == ROLE_32_PSE;
}

/* Four entries of hardware's PDPT; those of the guest's own PDPT that are absent stay empty. */
static struct root_plan plan_pae(union page_role page, u32 present)
{
	struct root_plan p = { .kind = SRK_PAE32, .hw_level = 3 };

	for (u32 i = 0; i < 4; i++) {
		if (page.fmt == ROLE_PAE && !(present & BIT32(i)))
			continue;
		p.child[i] = page;
		p.child[i].level = 2;
		if (four_byte_entries(page) && !MUTANT(S2_07_ONE_QUADRANT))
			p.child[i].quadrant = i & 3;
	}
	return p;
}

struct root_plan root_plan(union cpu_role role, u32 present)
{
	struct root_plan p = { .kind = SRK_SP,
			       .hw_level = role.page.level,
			       .child = { role.page } };

	ASSERT(role.valid == 1);
	if (role.page.fmt != ROLE_LM)
		return plan_pae(role.page, present);
	if (MUTANT(S2_03_ROOT_BIT))
		p.child[0].passthru = 1;
	return p;
}

/* --- sync ------------------------------------------------------------------------------------- */

/* The third argument of each role bit names one of these: a bit without a decision is an error. */
#define SYNC_COMPARE(width) ((1U << (width)) - 1)
#define SYNC_IGNORE(width)  0U

static const union page_role sync_mask = {
#define X(name, width, sync) .name = sync(width),
	MMU_ROLE_BITS(X)
#undef X
};

bool role_sync_equal(union page_role a, union page_role b)
{
	u32 mask = sync_mask.word;

	if (MUTANT(S2_08_WP_NOT_COMPARED))
		mask &= ~((union page_role){ .wp = 1 }).word;
	if (MUTANT(S2_08_LEVEL_COMPARED))
		mask |= ((union page_role){ .level = 7 }).word;
	return ((a.word ^ b.word) & mask) == 0;
}

/* --- from a table to its children ------------------------------------------------------------- */

/* What is compared is also what a table inherits from its parent: the mode it belongs to. All other
 * fields are named here, so nothing can come along by accident. */
union page_role role_indirect_child(union page_role parent, u32 idx, u32 access)
{
	union page_role r = { .word = parent.word & sync_mask.word };

	ASSERT(parent.level > 1 && !parent.direct);
	r.level = (parent.level - 1u) & 7;
	r.quadrant = four_byte_entries(parent) ? idx & 1 : 0;
	r.access = access & 15;
	return r;
}

union page_role role_split_child(union page_role parent, u32 access, u32 pkey, bool dirty)
{
	bool unpaged = parent.fmt == ROLE_LIN && !parent.split;

	ASSERT(parent.level > 1);
	return (union page_role){
		.level = (parent.level - 1u) & 7,
		.fmt = ROLE_LIN,
		.quadrant = dirty,
		.direct = 1,
		.split = !unpaged,
		.access = access & 15,
		.wp = parent.wp,
		.smep_nwp = parent.smep_nwp,
		.emul_nwp = parent.emul_nwp,
		.nested = parent.nested,
		.mbec = parent.mbec,
		.as_id = parent.as_id,
		.caps = parent.caps,
		.pkey = pkey & 15,
	};
}

/* --- hardware --------------------------------------------------------------------------------- */

/* Hardware walks 8-byte entries with NX in every mode. While the guest has paging off its linear
 * addresses are shadowed by user pages, which SMEP, SMAP and protection keys would make unreachable
 * for the supervisor; and EFER.LME with the forced CR0.PG would be long mode. Real mode stays real
 * mode: AMD APM 2 "Paged Real Mode". The shadow has no global pages and no PCIDs: the tag tells
 * address spaces apart. */
const struct mmu_hw_regs role_hw[2] = {
	{
		.cr0 = { .set = CR0_PG | CR0_WP },
		.cr4 = { .set = CR4_PAE,
			 .clear = CR4_PGE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_PKE },
		.efer = { .set = EFER_NXE, .clear = EFER_LME | EFER_LMA },
	},
	{
		.cr0 = { .set = CR0_PG | CR0_WP },
		.cr4 = { .set = CR4_PAE, .clear = CR4_PGE | CR4_PCIDE },
		.efer = { .set = EFER_NXE },
	},
};
