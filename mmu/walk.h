/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest page walk in software, for every paging mode. Used to fetch instructions and operands that
 * the hypervisor emulates, by the shell, and (with shadow paging) to fill the shadow.
 * Source: AMD APM 2 "Page Translation and Protection"; Intel SDM 3A "Paging".
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/geom.h"

struct gfmt;
struct mmu_vm;

/* Access bits. W and U stand where guest entries have them. */
#define MMU_R        BIT32(0)
#define MMU_W        BIT32(1)
#define MMU_U        BIT32(2) /* from CPL 3 */
#define MMU_X        BIT32(3)
#define MMU_IMPLICIT BIT32(4) /* implicit supervisor access (descriptor tables): SMAP ignores AC */
#define MMU_NO_AD    BIT32(5) /* do not set accessed and dirty bits (shell, fetch ahead) */

/* Everything about a vCPU that decides a translation; a snapshot made by the backend. */
struct mmu_regs {
	u64 cr0, cr3, cr4, efer;
	u64 rflags; /* AC */
	u32 pkru;
	u8 cpl;
	u8 maxphyaddr; /* guest's CPUID */
	bool has_nx, has_1g, has_pse36;
	u64 pdpte[4];       /* latched, for PAE */
	bool pdpte_latched; /* false: read them from memory at each walk (AMD nested paging) */
};

/* An architectural page fault to inject. */
struct mmu_gfault {
	gva_t gva;
	u32 error; /* PFEC_* */
};

/* What the walk saw, for the caller and for the shell. Index = level, 1 = 4 KiB table. */
struct mmu_walk {
	u8 top;   /* level of the root table; 0 = no paging */
	u8 level; /* level of the last entry read (the leaf when ok) */
	bool ok;
	gpa_t gpa;                   /* translation, ok only */
	u64 page_size;               /* of the leaf */
	u64 gpte[MMU_MAX_LEVEL + 1]; /* after A/D updates */
	gpa_t gpte_gpa[MMU_MAX_LEVEL + 1];
	u8 access_in[MMU_MAX_LEVEL +
		     1];         /* rights inherited from above this level: MMU_W|MMU_U|MMU_X */
	u8 access;               /* rights of the whole walk */
	struct mmu_gfault fault; /* !ok */
	const char *reason;      /* !ok: static text naming the rule */
};

/* Walks gva (canonical: the caller has checked) for an access. Sets A and D in guest memory with
 * compare-exchange unless MMU_NO_AD. Lock-free. Returns w->ok. */
bool mmu_walk(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access,
	      struct mmu_walk *w);

/*
 * The last step alone, for w->fault.gva: e is the guest's entry of level 1 in this format,
 * inherited (MMU_W|MMU_U|MMU_X) what the entries above it allow. Of w it fills level, gpte[1],
 * access, gpa or fault and reason; A and D are the caller's affair. Lock-free.
 */
bool mmu_walk_last(const struct gfmt *f, const struct mmu_regs *regs, u32 access, u32 inherited,
		   u64 e, struct mmu_walk *w);

/* The same translation without the record: *gpa on success, *fault otherwise. The fast form. */
bool mmu_translate(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access, gpa_t *gpa,
		   struct mmu_gfault *fault);

/* A translation of mmu_fetch_quick(), and the guest's entries that it follows from, by level - 1.
 * They are read again each time, so no flush concerns it. Zeroed: empty. */
struct mmu_memo {
	u64 last;            /* address in the page; 0 = empty */
	const u64 *entry[5]; /* of levels that this walk has not: the same as of the next */
	u64 value[5], efer, la57;
	const u8 *code; /* the page */
	u8 cpl;
};

/* Pointer to at least 16 instruction bytes at gva; NULL when it takes more than the quickest walk
 * to tell. Looks at cr3, cr4, efer, cpl, maxphyaddr and has_1g of regs only; the last two are the
 * same for all calls with one memo. Lock-free. */
const u8 *mmu_fetch_quick(const struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva,
			  struct mmu_memo *memo);

/* Instruction bytes at gva: a host pointer and how many bytes follow it in the page, or NULL with
 * the fault, or NULL with fault->error = 0 and *len = 0 when the page is not RAM or ROM. access:
 * MMU_X, with MMU_U from CPL 3. Lock-free. */
const u8 *mmu_fetch_ptr(struct mmu_vm *m, const struct mmu_regs *regs, gva_t gva, u32 access,
			u32 *len, struct mmu_gfault *fault);
