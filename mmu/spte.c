/* SPDX-License-Identifier: BSD-2-Clause */
/* The two entry formats as data, and what is computed from them. */
#include "mmu/spte.h"

#include "mmu/geom.h"
#include "mmu/mutant.h"
#include "mmu/walk.h"

struct mmu_hw mmu_hw;

/* Accessed and dirty bits are set from the start, so hardware writes no entry, but of those that it
 * logs the dirty bit. */
struct spte_desc {
	u64 table;  /* hardware bits of a table entry */
	u64 leaf;   /* hardware bits of every leaf */
	u64 large;  /* and of a leaf above level 1 */
	u64 read;   /* lets the guest read */
	u64 write;  /* lets the guest write */
	u64 dirty;  /* the guest has written, or nobody asks */
	u64 exec;   /* lets the guest execute */
	u64 noexec; /* forbids it */
	u64 trap;   /* hardware bits of a trap entry */
};

#define PTE_P  BIT(0)
#define PTE_W  BIT(1)
#define PTE_U  BIT(2) /* hardware walks nested tables as user accesses */
#define PTE_A  BIT(5)
#define PTE_D  BIT(6)
#define PTE_PS BIT(7)
#define PTE_NX BIT(63)

#define EPT_R    BIT(0)
#define EPT_W    BIT(1)
#define EPT_X    BIT(2)
#define EPT_WB   (6ULL << 3)
#define EPT_IPAT BIT(6) /* guest RAM is write-back whatever the guest's PAT says */
#define EPT_PS   BIT(7)
#define EPT_A    BIT(8)
#define EPT_D    BIT(9)

static const struct spte_desc descs[] = {
	[SPTE_NPT] = {
		.table = PTE_P | PTE_W | PTE_U | PTE_A,
		.leaf = PTE_U | PTE_A | PTE_D,
		.large = PTE_PS,
		.read = PTE_P,
		.write = PTE_W,
		.noexec = PTE_NX,
	},
	[SPTE_EPT] = {
		.table = EPT_R | EPT_W | EPT_X | EPT_A,
		.leaf = EPT_WB | EPT_IPAT | EPT_A | EPT_D,
		.large = EPT_PS,
		.read = EPT_R,
		.write = EPT_W,
		.dirty = EPT_D,
		.exec = EPT_X,
		.trap = EPT_W | EPT_X,
	},
};

static const struct spte_desc *desc(void)
{
	return &descs[mmu_hw.fmt];
}

u64 spte_table(hpa_t table)
{
	return table.v | desc()->table | SPTE_TABLE;
}

u32 spte_rights(u32 access)
{
	if (access & MMU_R)
		return access & (MMU_R | MMU_W | MMU_X);
	return mmu_hw.exec_only || MUTANT(EXEC_ONLY_ASSUMED) ? access & MMU_X : 0;
}

u64 spte_leaf(hpa_t hpa, u32 level, u32 access, u64 soft)
{
	const struct spte_desc *d = desc();

	access = spte_rights(access);
	if (!access)
		return 0;
	return hpa.v | d->leaf | soft | (level > 1 ? d->large : 0) |
	       (access & MMU_R ? d->read : 0) | (access & MMU_W ? d->write : 0) |
	       (access & MMU_X ? d->exec : d->noexec);
}

u64 spte_log(u64 e)
{
	return e & ~(mmu_hw.pml ? desc()->dirty : desc()->write);
}

/* L1TF: a non-present entry must not name memory that the cache can hold. The top half of the
 * physical address space holds none on the processors concerned. Source: Intel "Deep Dive: L1
 * Terminal Fault", "Mitigation for VMMs". */
static u64 trap_high_bits(void)
{
	return mmu_hw.l1tf && !MUTANT(L1TF_LEAK) ? MASK(51, mmu_hw.maxphyaddr - 1u) : 0;
}

u64 spte_trap(u32 slot, u32 gen)
{
	return desc()->trap | SPTE_TRAP | (u64)slot << SPTE_TRAP_SLOT_SHIFT |
	       (u64)gen << SPTE_TRAP_GEN_SHIFT | trap_high_bits();
}

u64 spte_part(u64 e, u32 level, u32 i)
{
	if (spte_is_trap(e))
		return e;
	e += (u64)i * level_frames(level - 1) << PAGE_SHIFT;
	return level == 2 ? e & ~desc()->large : e;
}

u32 spte_access(u64 e)
{
	const struct spte_desc *d = desc();

	if (!spte_is_leaf(e))
		return 0;
	return (e & d->read ? MMU_R : 0) | (e & d->write ? MMU_W : 0) |
	       ((e & d->exec) == d->exec && !(e & d->noexec) ? MMU_X : 0);
}

flushneed_t spte_change(u64 old, u64 new)
{
	/* No processor caches an entry that faults, nor keeps one that it has no right to use. */
	if (!spte_is_leaf(old))
		return flush_need(FLUSH_NONE);
	if (MUTANT(DOWNGRADE_UNFLUSHED) ||
	    (spte_is_leaf(new) && spte_hpa(old).v == spte_hpa(new).v &&
	     (spte_access(old) & ~spte_access(new) & ~(MUTANT(READ_LOSS_UNFLUSHED) ? MMU_R : 0)) ==
		     0 &&
	     !(desc()->dirty & old & ~new)))
		return flush_need(FLUSH_NONE);
	return flush_need(FLUSH_SYNC);
}

static u64 leaf_illegal(u64 e, u32 level)
{
	const struct spte_desc *d = desc();
	u64 fixed = (d->leaf & ~(mmu_hw.pml ? d->dirty : 0)) | d->large;
	u64 bad = (e ^ (d->leaf | (level > 1 ? d->large : 0))) & fixed;

	bad |= e & MASK(51, mmu_hw.maxphyaddr) & SPTE_ADDR;
	bad |= e & (level_frames(level) - 1) << PAGE_SHIFT;
	if (!spte_access(e) || spte_access(e) != spte_rights(spte_access(e)))
		bad |= d->read;
	if ((e & d->write) && (e & (SPTE_SLOT_W | SPTE_MMU_W)) != (SPTE_SLOT_W | SPTE_MMU_W))
		bad |= d->write;
	if (level > 3 || (level == 3 && !mmu_hw.has_1g))
		bad |= d->large;
	if (mmu_hw.multihit && level > 1 && (spte_access(e) & MMU_X))
		bad |= d->exec;
	return bad | (e & ~(fixed | SPTE_ADDR | SPTE_SLOT_W | SPTE_MMU_W | d->read | d->write |
			    d->exec | d->noexec | d->dirty));
}

u64 spte_illegal(u64 e, u32 level)
{
	if (e == 0)
		return 0;
	if (spte_is_trap(e))
		return e ^ spte_trap(spte_trap_slot(e), spte_trap_gen(e));
	if (spte_is_table(e))
		return level == 1 ? SPTE_TABLE
				  : (e ^ spte_table(spte_hpa(e))) |
					    (e & MASK(51, mmu_hw.maxphyaddr) & SPTE_ADDR);
	return leaf_illegal(e, level);
}
