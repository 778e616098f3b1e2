/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parts of the program access: tables.c builds page tables, run.c and run.S make accesses through
 * them, plan.c chooses which, model.c says from the manuals what must come of each, errata.c knows
 * where emulators are wrong, and access.c compares and reports.
 */
#pragma once

#include "lib/types.h"

#include "tests/guests/access/layout.h"

#define LEVELS_MAX 5

/* Bits of entries. Source: Intel SDM 3A "Paging", tables of the formats of entries. */
#define PTE_P         BIT(0)
#define PTE_W         BIT(1)
#define PTE_U         BIT(2)
#define PTE_A         BIT(5)
#define PTE_D         BIT(6)
#define PTE_PS        BIT(7)
#define PTE_NX        BIT(63)
#define PTE_KEY_SHIFT 59
#define KEY           5 /* the protection key that is tried */

/* Of the CPU, from CPUID. */
struct cpu {
	u8 maxphyaddr;
	bool pse, pse36, pages_1g, nx, smep, smap, pku, la57;
};

/* A mode of paging. */
struct mode {
	const char *name;
	u8 levels;
	u8 entry_size;
	u64 cr4; /* PSE, PAE, LA57 */
	bool long_mode;
	u64 va; /* under test; its low 30 bits are the address of the frame */
	u64 cr3;
};

/* Registers that decide about accesses. */
struct regs {
	bool wp, smep, smap, nxe, pke;
	u32 pkru;
};

/* One access: what is asked and what came of it. Entries by level - 1; 0 where there is none. */
struct attempt {
	u64 before[LEVELS_MAX];
	u64 after[LEVELS_MAX];
	u32 kind;
	u32 end;
	u32 error;
	u32 read; /* by OP_READ */
	u64 cr2;
	u32 frame;     /* the frame's word afterwards */
	u32 elsewhere; /* 1: the entries lead to another frame */
};

/* What the architecture says about an access. */
struct outcome {
	bool fault;
	u32 error;
	u64 must[LEVELS_MAX]; /* bits that the access sets in the entries, */
	u64 may[LEVELS_MAX];  /* and may set */
	bool int_lost;        /* the fault before came again for the INT n behind the access */
};

/* --- model.c ---------------------------------------------------------------------------------- */

void model(const struct cpu *cpu, const struct mode *m, const struct regs *r,
	   const struct attempt *a, struct outcome *o);
/* The bits that are reserved in a present entry of the level; leaf: one that maps a page. */
u64 model_reserved(const struct cpu *cpu, const struct mode *m, const struct regs *r, u32 level,
		   bool leaf);
/* The mode has pages that an entry of the level maps. */
bool model_has_leaf(const struct cpu *cpu, const struct mode *m, u32 level);

/* --- tables.c --------------------------------------------------------------------------------- */

/* Builds the tables of a mode, sets its va and cr3. */
void tables_build(struct mode *m);
/* The entry of the level that translates m->va. */
void *tables_slot(const struct mode *m, u32 level);
/* Address that this entry holds: of the next table, or of the frame under test. */
u64 tables_address(const struct mode *m, u32 level, bool leaf);
/* The frame under test, where the engine sees it. */
extern u8 frame[];

/* --- run.c ------------------------------------------------------------------------------------ */

void run_init(void);
/*
 * Makes the accesses in the order of the list, each with its entries, whose lowest is of
 * leaf_level. Before each the TLB forgets the address: by INVLPG, or by a load of CR3.
 */
void run(const struct mode *m, const struct regs *r, u32 leaf_level, bool by_cr3,
	 struct attempt list[], u32 nr);
/* Address of the access, which a fault must report. */
u64 run_target_of(const struct mode *m, u32 kind);

/* --- plan.c ----------------------------------------------------------------------------------- */

/* Tries accesses in a mode whose tables are built; gives each batch to judge(). */
void plan(const struct cpu *cpu, const struct mode *m, bool full);

/* --- access.c --------------------------------------------------------------------------------- */

/*
 * Compares what came of attempts under these registers with the model. Fills in before[] of those
 * with KIND_KEEP.
 */
void judge(const struct regs *r, struct attempt list[], u32 nr);

/* --- errata.c --------------------------------------------------------------------------------- */

/*
 * Turns the outcome into what this machine makes of the attempt, if it is known to be wrong about
 * it; returns the name of the erratum, or NULL. fault: the last attempt before that ended by one.
 */
const char *erratum(const struct cpu *cpu, const struct mode *m, const struct regs *r,
		    const struct attempt *a, const struct attempt *fault, struct outcome *o);
/*
 * The access would fault for ever: Bochs denies a write to a supervisor's page by its key, and
 * under shadow paging the hypervisor knows no reason for it.
 */
bool erratum_forbids(const struct mode *m, const struct regs *r, const u64 entries[LEVELS_MAX],
		     u32 kind);
