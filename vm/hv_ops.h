/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vendor contract: all that vm/ asks of a backend. Every entry is present in all of
 * them. Hot: enter, inject, get_code. Called on the vCPU's own CPU with the vCPU loaded unless
 * said otherwise.
 */
#pragma once

#include "lib/types.h"

#include "lib/out.h"
#include "mmu/walk.h"
#include "vm/exit.h"

struct vm;
struct vcpu;

/* Segment register; attributes as in the descriptor: type 3:0, S 4, DPL 6:5, P 7, AVL 8, L 9, D
 * 10, G 11. */
struct segment {
	u16 sel;
	u16 attr;
	u32 limit; /* in bytes, granularity applied */
	u64 base;
};

#define SEG_ATTR_S  BIT32(4)
#define SEG_ATTR_P  BIT32(7)
#define SEG_ATTR_L  BIT32(9)
#define SEG_ATTR_DB BIT32(10)
#define SEG_ATTR_G  BIT32(11)
#define SEG_DPL(a)  (((a) >> 5) & 3)
#define SEG_TYPE    0xfU

struct desc_table {
	u64 base;
	u16 limit;
};

/* Registers that live in the backend's control block while the guest owns them. */
enum vcpu_sreg {
	SR_CR0,
	SR_CR2,
	SR_CR3,
	SR_CR4,
	SR_EFER,
	SR_DR6,
	SR_DR7,
	SR_GDTR_BASE,
	SR_GDTR_LIMIT,
	SR_IDTR_BASE,
	SR_IDTR_LIMIT,
	SR_STAR,
	SR_LSTAR,
	SR_CSTAR,
	SR_SFMASK,
	SR_KERNEL_GS_BASE,
	SR_SYSENTER_CS,
	SR_SYSENTER_ESP,
	SR_SYSENTER_EIP,
	SR_PAT,
	SR_DEBUGCTL,
	SR_NR,
};

/*
 * Features of the CPU that the command line may forbid, to see what Umbra does without, and its
 * word on the mitigation of iTLB multihit, which else depends on the CPU.
 */
enum hv_without {
	HV_NESTED = 1,       /* nested paging */
	HV_UNRESTRICTED = 2, /* guests in real mode and without paging */
	HV_TAGS = 4,         /* tags in the TLB, where they can be left out */
	HV_LARGE_CODE = 8,   /* leaves above 4 KiB for executable memory: multihit=on */
	HV_SMALL_CODE = 16,  /* the restriction to 4 KiB: multihit=off */
};

struct hv_ops {
	const char *name; /* for people and logs */
	u8 nested_kind;   /* enum cfg_paging: what its nested paging is called */
	/* Where there is nested paging, a shadowed guest runs on the direct map while it has paging
	 * off. */
	bool unpaged_direct;

	/* Boot CPU, before anything else: 0, or with one sentence in why -ENODEV (the CPU has no
	 * such thing) or -ENOSYS (it cannot be used). without: enum hv_without. */
	int (*probe)(u32 without, char *why, size_t size);
	/* Machine-wide set-up after probe(): fills mmu_hw. */
	int (*init)(void);
	/* This CPU enters or leaves the operation in which it can run guests. */
	int (*cpu_enable)(void);
	void (*cpu_disable)(void);
	void (*describe)(struct out *o); /* capability table, one record each */
	bool (*nested_paging)(void);     /* the CPU has it; without it guests are shadowed */

	int (*vm_init)(struct vm *vm);
	void (*vm_fini)(struct vm *vm);
	int (*vcpu_init)(struct vcpu *v);
	void (*vcpu_fini)(struct vcpu *v);
	/* Architectural INIT/RESET state in the control block. */
	void (*vcpu_reset)(struct vcpu *v);

	/* v becomes, or stops being, the vCPU whose state is loaded on this CPU. */
	void (*load)(struct vcpu *v);
	void (*unload)(struct vcpu *v);

	/* Runs the guest once. Fills v->exit and returns v->exit.reason. */
	enum exit_reason (*enter)(struct vcpu *v);
	/* The same under shadow paging, with v->mmu loaded. EXIT_NONE: it must be loaded again. */
	enum exit_reason (*enter_shadow)(struct vcpu *v);
	/* The guest has written CR0, CR4 or EFER, v->mmu has taken it: hardware's follow. CR3 is
	 * that of v->mmu at each entry. */
	void (*set_paging)(struct vcpu *v);
	/* The hardware TLB forgets gva now; for a flush of one address only. */
	void (*flush_gva)(struct vcpu *v, gva_t gva);
	/* The linear address that the nested fault of the exit was for, if hardware tells. */
	bool (*fault_gva)(struct vcpu *v, gva_t *gva);
	/* The CPU switches tasks without the exit that shadow paging needs: vm/task_guard.h. */
	bool (*loses_task_switches)(void);
	/* The hardware TLB context; any CPU. */
	struct mmu_tag *(*tag)(struct vcpu *v);
	/* The event is delivered by the next entry. At most one per entry. */
	void (*inject)(struct vcpu *v, const struct vcpu_event *e);
	/* Takes back what inject() queued, for an entry that will not happen. */
	void (*cancel)(struct vcpu *v);
	/* Exit as soon as the guest can take an interrupt / NMI. */
	void (*irq_window)(struct vcpu *v, bool on);
	void (*nmi_window)(struct vcpu *v, bool on);
	/* Interrupt shadow of STI and MOV SS. Off: it has ended. */
	bool (*irq_shadow)(struct vcpu *v);
	void (*set_irq_shadow)(struct vcpu *v, bool on);
	/* The guest is between an NMI and its IRET. */
	bool (*nmi_masked)(struct vcpu *v);
	/* An NMI went in, or its IRET was executed, other than by inject() and enter(). */
	void (*mask_nmi)(struct vcpu *v, bool masked);

	/*
	 * enum vcpu_sreg; values are the guest's view; validity was checked by the caller. CR0,
	 * CR3, CR4 and EFER are written by paging_write() only.
	 */
	u64 (*get_sreg)(struct vcpu *v, enum vcpu_sreg r);
	void (*set_sreg)(struct vcpu *v, enum vcpu_sreg r, u64 val);
	void (*get_seg)(struct vcpu *v, u32 seg, struct segment *s);
	void (*set_seg)(struct vcpu *v, u32 seg, const struct segment *s);
	/*
	 * The guest's DR0 to DR3 are in v->dr until it uses them, or DR7 is set with one enabled.
	 */
	void (*save_dr)(struct vcpu *v);
	/* Nested paging: a MOV to CR0, CR3 or CR4 with this value reads PDPTEs, and they have
	 * reserved bits set. */
	bool (*refuses_pdptes)(struct vcpu *v, enum vcpu_sreg r, u64 val);
	/* Snapshot for translation. */
	void (*get_paging)(struct vcpu *v, struct mmu_regs *r);

	/*
	 * For the instruction at RIP: what mmu_fetch_quick() needs of the snapshot, the default
	 * operand size in bits, and the linear address. Hot.
	 */
	gva_t (*get_code)(struct vcpu *v, struct mmu_regs *r, u8 *bits);

	/* PAUSE exits or not; set when other threads wait for this CPU. */
	void (*pause_exits)(struct vcpu *v, bool on);
	void (*set_tsc_offset)(struct vcpu *v, u64 offset);
	/* The hardware translations of v are stale as a whole (used after moving or resetting
	 * it). */
	void (*flush)(struct vcpu *v);
	/* A dirty log may have begun or ended; hands the MMU what the CPU has logged meanwhile. */
	void (*dirty_sync)(struct vcpu *v);

	/* Software VM-entry check: number of failed rules; each is one record. */
	int (*check)(struct vcpu *v, struct out *o);
	void (*dump)(struct vcpu *v, struct out *o);
};

extern const struct hv_ops *hv; /* set once by boot/main.c */
