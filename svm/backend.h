/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of svm/ share. Nobody else includes this. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "mmu/tlb.h"
#include "svm/control.h"
#include "svm/probe.h"
#include "vm/exit.h"
#include "vm/hv_ops.h"
#include "vm/vcpu.h"

/* One physical CPU. */
struct svm_cpu {
	struct vmcb
		*host; /* FS, GS, TR, LDTR and the MSRs of VMSAVE, as the hypervisor wants them */
	void *hsave;   /* VMRUN keeps the rest of the host's state here */
	u32 last_vm;   /* VM id + 1 of the last vCPU loaded; 0 = none */
	u32 next_asid; /* svm/tlb.h */
	u64 asid_gen;
	bool flush_all;
};

#define BUSY_FLUSHING 1  /* the tag is being flushed */
#define BUSY_STEPPING 2  /* TF is set for us */
#define BUSY_VIRQ     4  /* an interrupt goes in as a virtual one: svm_inject() */
#define BUSY_WINDOW   8  /* a virtual interrupt is to make the guest exit */
#define BUSY_POLL     16 /* always, on Bochs: physical interrupts may wait without an exit */

enum nmi_state {
	NMI_OPEN,
	NMI_MASKED, /* from the injection to the IRET; IRET is intercepted */
	NMI_IRET,   /* the IRET at iret_rip was seen; masked as long as RIP is still there */
};

/* One virtual CPU: v->backend. */
struct svm_vcpu {
	struct vmcb *vmcb;
	u64 vmcb_hpa;
	u64 host_hpa; /* of the loaded CPU's svm_cpu.host */
	struct mmu_vm *mmu;
	struct mmu_tag tag;
	struct svm_cpu *cpu; /* whose ASIDs this vCPU has, and whose VMCB cache may know vmcb */
	u64 asid_gen;
	bool flush;    /* the next entry must flush the tag */
	bool dr_owned; /* DR0..DR3 hold the guest's values; no DR access exits */
	bool pause_exits;
	u8 busy; /* BUSY_*: what the end of the entry in progress must see to */
	u8 nmi;  /* enum nmi_state */
	u64 iret_rip;
	u64 step_dr6;   /* DR6.BS before the step, */
	u32 step_excs;  /* and the exceptions that exit */
	u64 shadow_rip; /* QUIRK, svm_shadow_lost(): an interrupt shadow is there */
	bool shadow;
	bool lme_hidden; /* QUIRK, svm/state.c: EFER.LME is 1 for the guest, 0 in the VMCB */
};

static __always_inline struct svm_vcpu *svm_of(const struct vcpu *v)
{
	return v->backend;
}

static __always_inline struct vmcb *vmcb_of(const struct vcpu *v)
{
	return svm_of(v)->vmcb;
}

/* The fields behind these CLEAN_* bits were written; the CPU must read them at the next entry. */
static __always_inline void vmcb_dirty(struct vmcb *b, u32 clean_bits)
{
	b->ctl.clean &= ~clean_bits;
}

/* cpu.c */
int svm_cpu_enable(void);
void svm_cpu_disable(void);
void svm_load(struct vcpu *v);
void svm_unload(struct vcpu *v);

/* ctl.c */
int svm_ctl_init(void);
int svm_vm_init(struct vm *vm);
void svm_vm_fini(struct vm *vm);
int svm_vcpu_init(struct vcpu *v);
void svm_vcpu_fini(struct vcpu *v);
void svm_pause_exits(struct vcpu *v, bool on);
void svm_set_tsc_offset(struct vcpu *v, u64 offset);
struct mmu_tag *svm_tag(struct vcpu *v);

/* enter.c */
enum exit_reason svm_enter(struct vcpu *v);
enum exit_reason svm_enter_shadow(struct vcpu *v);

/* enter.S: the VMRUN itself. */
extern const char svm_vmrun[];

/* exit.c: where svm/enter.S goes on. Fills v->regs and v->exit. */
enum exit_reason svm_exited(struct vcpu *v);

/* inject.c */
void svm_inject(struct vcpu *v, const struct vcpu_event *e);
void svm_cancel(struct vcpu *v);
void svm_irq_window(struct vcpu *v, bool on);
void svm_nmi_window(struct vcpu *v, bool on);
bool svm_irq_shadow(struct vcpu *v);
void svm_set_irq_shadow(struct vcpu *v, bool on);
bool svm_nmi_masked(struct vcpu *v);
void svm_mask_nmi(struct vcpu *v, bool masked);
/* An exit came while an event was being delivered: makes it v->pending. */
void svm_interrupted(struct vcpu *v);
/* The guest is at the IRET that ends an NMI handler. */
void svm_nmi_iret(struct vcpu *v);
/* An exit came while BUSY_VIRQ: the interrupt is in, or pending again. */
void svm_virq_ended(struct vcpu *v);
/* An exit came while BUSY_STEPPING: true when it is the #DB behind the step and not the guest's. */
bool svm_stepped(struct vcpu *v);
/* A physical interrupt came in an interrupt shadow of the guest. */
void svm_shadow_lost(struct vcpu *v);

/* dr.c */
void svm_dr_own(struct vcpu *v);
void svm_dr_disown(struct vcpu *v);

/* state.c */
void svm_vcpu_reset(struct vcpu *v);
u64 svm_get_sreg(struct vcpu *v, enum vcpu_sreg r);
void svm_set_sreg(struct vcpu *v, enum vcpu_sreg r, u64 val);
void svm_get_seg(struct vcpu *v, u32 seg, struct segment *s);
void svm_set_seg(struct vcpu *v, u32 seg, const struct segment *s);
void svm_set_paging(struct vcpu *v);
void svm_get_paging(struct vcpu *v, struct mmu_regs *r);
gva_t svm_get_code(struct vcpu *v, struct mmu_regs *r, u8 *bits);

/* check.c, dump.c */
u64 svm_host_cr4(void); /* CR4 bits that this CPU has */
int svm_check(struct vcpu *v, struct out *o);
void svm_dump(struct vcpu *v, struct out *o);
