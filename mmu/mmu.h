/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Public face of the guest MMU stack. It knows no vCPU, no vendor and no device: faults and
 * register snapshots go in; verdicts, hardware roots and flush requests come out. It never injects,
 * never emulates, never prints.
 *
 * Locks: functions that change anything take mmu_vm.lock (RANK_MMU) themselves; the caller holds no
 * lock of a higher rank. Lock-free readers are marked so.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/hw.h"
#include "mmu/slot.h"
#include "mmu/tlb.h"
#include "mmu/vm.h"
#include "mmu/walk.h"

/* What to do about a fault: the one verdict type of the whole stack. X(id, "name") */
#define MMU_VERDICTS(X)                                                                      \
	X(FIXED, "fixed")        /* an entry was installed; run the guest again */           \
	X(SPURIOUS, "spurious")  /* the tables already allow it; run the guest again */      \
	X(RETRY, "retry")        /* lost a race or pages held back; run the guest again */   \
	X(MMIO, "mmio")          /* a device page: emulate, result.dev says which */         \
	X(EMULATE, "emulate")    /* write to a page that must be trapped: emulate it */      \
	X(TRACKED, "tracked")    /* a track withholds this access: mmu_track_add() */        \
	X(INJECT, "inject")      /* the guest's own fault: result.fault */                   \
	X(REFLECT_L1, "reflect") /* a nested guest's fault that belongs to its hypervisor */ \
	X(NOMEM, "no memory")    /* the page pool cannot serve this VM any more */           \
	X(KILL_VM, "kill")       /* an invariant of this VM is broken: freeze and dump it */

enum mmu_verdict {
#define X(id, name) MMU_##id,
	MMU_VERDICTS(X)
#undef X
};

/* "mmio", "fixed", ... */
const char *mmu_verdict_name(enum mmu_verdict v);

#define MMU_MAX_VMS 255

struct mmu_vm_cfg {
	u32 vm_id;       /* below MMU_MAX_VMS, unique */
	u32 quota_pages; /* table pages this VM may hold */
};

/* Nested-fault input. Sampled once by the backend. */
struct mmu_fault {
	gpa_t gpa;
	u32 access; /* MMU_R, MMU_W, MMU_X: what the access needed; 0: a trap entry did not say */
	bool table_walk; /* the access was the hardware's walk of the guest's own tables */
	bool present;    /* hardware says that a translation was present */
	u32 hw_error;    /* error code or qualification as the hardware gave it, for traces */
};

struct mmu_result {
	struct mmu_gfault fault; /* MMU_INJECT */
	u16 dev;            /* MMU_MMIO: the slot's device id; MMU_DEV_NONE = hole, reads ones */
	gpa_t dev_base;     /* MMU_MMIO: first gpa of that slot */
	gpa_t gpa;          /* shadow paging, MMU_MMIO and MMU_EMULATE: what gva translates to */
	bool may_unshadow;  /* MMU_EMULATE: mmu_unshadow() and another try do as well */
	const char *reason; /* static text for the shell: why this verdict */
};

#define MMU_DEV_NONE 0xffff

/* --- pool: table pages for all VMs ------------------------------------------------------------ */

/* Gives the MMU nr frames starting at base (host physical, in the direct map). Once, at boot. */
void mmu_pool_init(hpa_t base, u32 nr);
u32 mmu_pool_free(void);
u32 mmu_pool_total(void);

/* --- life of a VM's memory -------------------------------------------------------------------- */

int mmu_vm_init(struct mmu_vm *m, const struct mmu_vm_cfg *cfg) __must_check;
/* Frees all tables. No vCPU of the VM may run again. */
void mmu_vm_fini(struct mmu_vm *m);
/* Builds the direct map of every slot with the largest leaves possible, MMIO as trapping entries.
 * From then on slot changes keep it complete. -ENOMEM: the quota or the pool is too small. */
int mmu_prebuild(struct mmu_vm *m) __must_check;

/* --- faults ----------------------------------------------------------------------------------- */

/* A nested fault (#NPF; EPT violation or misconfiguration) of a guest on the direct map. */
enum mmu_verdict mmu_fault(struct mmu_vm *m, const struct mmu_fault *f, struct mmu_result *r);

/* --- guest memory for the rest of the hypervisor ---------------------------------------------- */

/* Host pointer to guest RAM at gpa, and in *len how many contiguous bytes follow it. NULL when gpa
 * is not RAM. For reading, and for writing where the caller then reports with mmu_wrote().
 * Lock-free. */
void *mmu_gpa_ptr(const struct mmu_vm *m, gpa_t gpa, u64 *len);
/* Copy across page and slot borders. -EFAULT when a byte is not RAM (or ROM, for reading); nothing
 * is guaranteed about the part before it. mmu_write() keeps dirty logs right. */
int mmu_read(const struct mmu_vm *m, gpa_t gpa, void *buf, u64 len) __must_check;
int mmu_write(struct mmu_vm *m, gpa_t gpa, const void *buf, u64 len) __must_check;
/* Compare-exchange of 1, 2, 4, 8 or 16 naturally aligned bytes. 1 = swapped, 0 = *old updated,
 * -EFAULT = not writable RAM, or not aligned. */
int mmu_cmpxchg(struct mmu_vm *m, gpa_t gpa, void *old, const void *new, u8 size) __must_check;
/* The hypervisor has written to these bytes through mmu_gpa_ptr(): keeps dirty logs right. */
void mmu_wrote(struct mmu_vm *m, gpa_t gpa, u64 len);

/* --- dirty logging and write tracking --------------------------------------------------------- */

/* Dirty log of the slot that starts at gfn. -ENOENT, -EINVAL when it is not RAM, -ENOMEM. */
int mmu_dirty_start(struct mmu_vm *m, gfn_t gfn) __must_check;
int mmu_dirty_stop(struct mmu_vm *m, gfn_t gfn) __must_check;
/* Fetches and clears the log of frames [gfn, gfn + nr): bit i of bits[] is set if frame gfn + i was
 * written since the last fetch. gfn relative to its slot and nr are multiples of 64. Writes after
 * return are in the next fetch. */
int mmu_dirty_fetch(struct mmu_vm *m, gfn_t gfn, u64 nr, u64 *bits) __must_check;

/* Withholds rights from the guest, MMU_W, MMU_X or MMU_R (with which W goes): until each track is
 * removed with the same rights, such an access gives MMU_TRACKED, and after return no CPU can make
 * one. Without mmu_exec_only() MMU_R takes X as well. The hypervisor's own accesses and walks are
 * not concerned. -ENOENT when it is not RAM, -ENOMEM, -EOVERFLOW (after 255 for W, 15 for R or X).
 */
int mmu_track_add(struct mmu_vm *m, gfn_t gfn, u32 rights) __must_check;
void mmu_track_remove(struct mmu_vm *m, gfn_t gfn, u32 rights);
/* What is withheld now. */
u32 mmu_tracked(struct mmu_vm *m, gfn_t gfn);
/* The guest can execute from a frame that it cannot read. Never where its tables are shadowed. */
bool mmu_exec_only(const struct mmu_vm *m);
