/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of vmx/ share. Nobody else includes this. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "arch/regs.h"
#include "mmu/tlb.h"
#include "vm/exit.h"
#include "vm/hv_ops.h"
#include "vm/vcpu.h"
#include "vmx/control.h"
#include "vmx/probe.h"

/* One physical CPU. */
struct vmx_cpu {
	void *vmxon;   /* the CPU's own, as long as it is in VMX operation */
	u32 last_vm;   /* VM id + 1 of the last vCPU loaded; 0 = none */
	u32 next_vpid; /* vmx/tlb.h */
	u64 vpid_gen;
};

/*
 * MSRs that VM-entry and VM-exit leave alone and the hypervisor does not use: the guest's values
 * stay in the registers until another vCPU is loaded.
 */
enum vmx_kept {
	KEPT_STAR,
	KEPT_LSTAR,
	KEPT_CSTAR,
	KEPT_SFMASK,
	KEPT_KERNEL_GS_BASE,
	KEPT_NR,
};

/* One virtual CPU: v->backend. Its VMCS is current on the CPU where the vCPU is loaded, and active
 * on no other. */
struct vmx_vcpu {
	u64 host_rsp;   /* as in the VMCS; must be first: enter.S */
	u8 launched;    /* second: enter.S */
	bool ss_mended; /* at ss_rip; ss_sel: what was in SS */
	bool set_up;    /* the VMCS has all that does not change */
	bool flush;     /* the next entry must flush the tag */
	bool dr_owned;  /* DR0..DR3 and DR6 hold the guest's values; no DR access exits */
	bool pause_exits;
	bool nested; /* vmx_nested() */
	bool ept;    /* hardware translates guest-physical addresses; shadow paging: while the
			* guest has paging off */
	bool real;   /* the guest is in real mode, and hardware cannot be */
	u16 vpid, ss_sel;
	u32 proc_ctl, proc2_ctl;         /* as in the VMCS, */
	u64 rip, rsp, rflags, eptp, cr3; /* and these; cr3: of a shadowed guest */
	u64 ss_rip;
	void *vmcs;
	/* EFER of the guest, then of the hypervisor, for a CPU whose VMCS has none. */
	struct vmx_msr *efer;
	u64 pat;  /* the guest's, which such a CPU never sees: only shadowed guests run there */
	u64 *log; /* vmx/pml/pml.c; NULL: the CPU logs nothing */
	struct mmu_vm *mmu;
	struct mmu_tag tag;
	struct vmx_cpu *cpu; /* whose VPIDs this vCPU has */
	u64 vpid_gen;
	u64 cr0_mask, cr4_mask; /* bits that the guest does not own */
	u64 kept[KEPT_NR];      /* while another vCPU is loaded, */
	u64 cr2;                /* this too */
	u64 dr6;                /* while !dr_owned */
};

static __always_inline struct vmx_vcpu *vmx_of(const struct vcpu *v)
{
	return v->backend;
}

/* cpu.c */
int vmx_cpu_enable(void);
void vmx_cpu_disable(void);
void vmx_load(struct vcpu *v);
void vmx_unload(struct vcpu *v);
u32 vmx_kept_msr(enum vmx_kept i); /* its number */

/* ctl.c */
int vmx_ctl_init(void);
int vmx_vm_init(struct vm *vm);
void vmx_vm_fini(struct vm *vm);
int vmx_vcpu_init(struct vcpu *v);
void vmx_vcpu_fini(struct vcpu *v);
/* The VMCS is current for the first time: all that does not change. */
void vmx_ctl_setup(struct vcpu *v);
/* Sets or clears bits of the processor-based controls. */
void vmx_proc_set(struct vmx_vcpu *s, u32 bits, bool on);
/* EPT with unrestricted guest, or neither. */
void vmx_use_ept(struct vmx_vcpu *s, bool on);
/* The guest may run for a millisecond. */
void vmx_start_timer(void);
void vmx_pause_exits(struct vcpu *v, bool on);
void vmx_set_tsc_offset(struct vcpu *v, u64 offset);
struct mmu_tag *vmx_tag(struct vcpu *v);

/* enter.S: where every exit goes on. */
extern const char vmx_exit_point[];

/* enter.c */
enum exit_reason vmx_enter(struct vcpu *v);
enum exit_reason vmx_enter_shadow(struct vcpu *v);
/* Enters with paging on, by the guest's shadow. */
enum exit_reason vmx_enter_paged(struct vcpu *v);

/* real/vm86.c: vmx_enter_paged() of a guest in real mode. */
enum exit_reason vmx_enter_real(struct vcpu *v);
/* vmx_check() of what would be entered with. */
int vmx_check_real(struct vcpu *v, struct out *o);

/* exit.c: where vmx/enter.S goes on. Fills v->regs and v->exit. */
enum exit_reason vmx_exited(struct vcpu *v);
bool vmx_fault_gva(struct vcpu *v, gva_t *gva);
/* vmx_exited() if VMLAUNCH or VMRESUME failed before it looked at the guest. */
enum exit_reason vmx_refused(struct vcpu *v);
/*
 * EVENTINJ_VALID, the bit that the way out looks at anyway, where interrupts are to be taken at
 * every exit with IF = 0, else 0. QUIRK: there they do not end a guest on Bochs.
 */
extern u32 vmx_polls;

/* inject.c */
void vmx_inject(struct vcpu *v, const struct vcpu_event *e);
void vmx_cancel(struct vcpu *v);
void vmx_irq_window(struct vcpu *v, bool on);
void vmx_nmi_window(struct vcpu *v, bool on);
bool vmx_irq_shadow(struct vcpu *v);
void vmx_set_irq_shadow(struct vcpu *v, bool on);
bool vmx_nmi_masked(struct vcpu *v);
void vmx_mask_nmi(struct vcpu *v, bool masked);
/* An exit came while this event was being delivered: makes it v->pending. */
void vmx_interrupted(struct vcpu *v, u32 info, u32 error);
/* The exit for which nmi_window() asked. */
void vmx_nmi_opened(struct vcpu *v);

/* pml/pml.c */
void vmx_pml_setup(const struct vmx_vcpu *s);
void vmx_pml_drain(const struct vmx_vcpu *s);
void vmx_dirty_sync(struct vcpu *v);

/* dr.c */
void vmx_dr_own(struct vcpu *v);
void vmx_dr_disown(struct vcpu *v);
u64 vmx_get_dr6(const struct vcpu *v);
void vmx_set_dr6(struct vcpu *v, u64 val);

/* state.c */
void vmx_vcpu_reset(struct vcpu *v);
u64 vmx_get_sreg(struct vcpu *v, enum vcpu_sreg r);
void vmx_set_sreg(struct vcpu *v, enum vcpu_sreg r, u64 val);
bool vmx_refuses_pdptes(struct vcpu *v, enum vcpu_sreg r, u64 val);
void vmx_get_seg(struct vcpu *v, u32 seg, struct segment *s);
void vmx_set_seg(struct vcpu *v, u32 seg, const struct segment *s);
/*
 * VM-entry has failed. True if it may have been for a segment that the guest can do nothing about;
 * it is as it should be now.
 */
bool vmx_mend_segments(struct vcpu *v);
/* The guest has executed nothing since: gives SS the selector back that it had before. */
void vmx_unmend_ss(struct vcpu *v);
void vmx_set_paging(struct vcpu *v);
void vmx_get_paging(struct vcpu *v, struct mmu_regs *r);
gva_t vmx_get_code(struct vcpu *v, struct mmu_regs *r, u8 *bits);

/* check.c, dump.c */
int vmx_check(struct vcpu *v, struct out *o);
void vmx_dump(struct vcpu *v, struct out *o);
/* "" for an encoding that is no field's. */
const char *vmx_field_name(enum vmcs_field f);
