/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events into the guest, and back out of a delivery that an exit interrupted.
 *
 * Software interrupts and INT3 and INTO are never injected again: their RIP is still at the
 * instruction, so the guest just executes it once more. That needs no length, and so no next-RIP
 * save. (Source: AMD APM 2 "Event Injection" pushes RIP as it is.)
 *
 * NMI: without virtual NMI the CPU does not know that the guest is in its NMI handler. From the
 * injection to the IRET, IRET exits. That exit comes before the IRET, whose frame a new NMI would
 * overwrite (it has a stack of its own), so NMI stays masked while RIP is still at it; if one
 * waits, TF is set for one instruction and the #DB behind it is the window. Behind another event
 * that the same entry delivers TF would go to the guest's stack: there a physical interrupt to this
 * CPU ends the entry after the delivery.
 */
#include "arch/lapic.h"
#include "arch/percpu.h"
#include "arch/regs.h"
#include "arch/trap.h"
#include "svm/backend.h"

/* Exceptions but #BP and #OF, whose RIP is behind the instruction; vector 2 is the NMI. */
#define FAULTS (~(BIT32(EXC_NMI) | BIT32(EXC_BP) | BIT32(EXC_OF)))
/* A virtual interrupt that the guest takes as soon as its IF allows. */
#define VIRQ   (INT_CTL_V_IRQ | INT_CTL_V_IGN_TPR | INT_CTL_V_PRIO_HIGHEST)

static void iret_intercept(struct svm_vcpu *s, bool on)
{
	vmcb_intercept_set(s->vmcb, ICPT_IRET, on);
	vmcb_dirty(s->vmcb, CLEAN_INTERCEPTS);
}

static void nmi_set(struct svm_vcpu *s, enum nmi_state state)
{
	s->nmi = (u8)state;
	iret_intercept(s, state == NMI_MASKED);
}

static void virq_set(struct svm_vcpu *s, bool pending, bool exits)
{
	struct vmcb *b = s->vmcb;

	if (exits)
		s->busy |= BUSY_WINDOW;
	else
		s->busy &= (u8)~BUSY_WINDOW;
	vmcb_intercept_set(b, ICPT_VINTR, exits);
	b->ctl.int_ctl = pending ? b->ctl.int_ctl | VIRQ : b->ctl.int_ctl & ~VIRQ;
	vmcb_dirty(b, CLEAN_INTERCEPTS | CLEAN_INT_CTL);
}

/*
 * QUIRK: QEMU TCG can deliver an external interrupt of EVENTINJ a second time, whatever IF is: it
 * leaves exception_index set, which takes effect when its loop ends for a reason of its own (a
 * timer of the emulator) before the guest's next exit or exception. So there the interrupt goes in
 * as a virtual one, which the guest takes before its first instruction, since IF is 1. An
 * interrupt window for the next one opens at the exit that follows, which is the EOI's at the
 * latest.
 */
static void inject_virq(struct svm_vcpu *s, u8 vector)
{
	s->busy |= BUSY_VIRQ;
	s->vmcb->ctl.int_vector = vector;
	virq_set(s, true, false);
}

/*
 * QUIRK: when a fault interrupts its delivery, QEMU TCG leaves V_IRQ set and reports an exception
 * of that vector, which could not be injected again.
 */
void svm_virq_ended(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);
	struct vmcb_ctl *c = &s->vmcb->ctl;
	bool taken = !(c->int_ctl & INT_CTL_V_IRQ);

	s->busy &= (u8)~BUSY_VIRQ;
	if (!taken) {
		v->pending = (struct vcpu_event){ .type = EVENT_IRQ, .vector = (u8)c->int_vector };
		v->redelivery = true;
		v->stat.reinjected++;
		vcpu_request_self(v, VREQ_EVENT);
	}
	virq_set(s, v->irq_window, v->irq_window);
}

void svm_inject(struct vcpu *v, const struct vcpu_event *e)
{
	struct svm_vcpu *s = svm_of(v);
	struct vmcb_ctl *c = &s->vmcb->ctl;

	if (svm_facts.is_tcg && e->type == EVENT_IRQ) {
		inject_virq(s, e->vector);
		return;
	}
	c->event_inj = event_encode(e);
	c->event_inj_error = e->error;
	if (e->type == EVENT_NMI)
		nmi_set(s, NMI_MASKED);
}

/* #VMEXIT clears EVENTINJ itself. */
void svm_cancel(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);
	u32 queued = s->vmcb->ctl.event_inj;

	s->vmcb->ctl.event_inj = 0;
	if (s->busy & BUSY_VIRQ) {
		s->busy &= (u8)~BUSY_VIRQ;
		virq_set(s, v->irq_window, v->irq_window);
	}
	if ((queued & EVENTINJ_VALID) && EVENTINJ_TYPE(queued) == EVENTINJ_TYPE_NMI)
		nmi_set(s, NMI_OPEN);
}

void svm_interrupted(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);
	const struct vmcb_ctl *c = &s->vmcb->ctl;

	if (!event_decode(c->exit_int_info, c->exit_int_error, &v->pending))
		return;
	if (v->pending.type == EVENT_NMI)
		nmi_set(s, NMI_OPEN);
	v->redelivery = true;
	v->stat.reinjected++;
	vcpu_request_self(v, VREQ_EVENT);
}

/*
 * QUIRK: QEMU TCG writes the shadow at #VMEXIT and does not read it at VMRUN. If a physical
 * interrupt comes between STI and HLT, the guest's own interrupt would be let in between them by
 * the next entry, and the HLT would sleep through what that interrupt announced.
 */
void svm_shadow_lost(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);

	if (!svm_facts.is_tcg)
		return;
	s->shadow = true;
	s->shadow_rip = v->regs.rip;
}

static bool in_lost_shadow(const struct vcpu *v)
{
	const struct svm_vcpu *s = svm_of(v);

	return s->shadow && s->shadow_rip == v->regs.rip;
}

bool svm_irq_shadow(struct vcpu *v)
{
	return (vmcb_of(v)->ctl.int_shadow & INT_SHADOW) || in_lost_shadow(v);
}

void svm_set_irq_shadow(struct vcpu *v, bool on)
{
	vmcb_of(v)->ctl.int_shadow =
		(vmcb_of(v)->ctl.int_shadow & ~INT_SHADOW) | (on ? INT_SHADOW : 0);
	svm_of(v)->shadow = false;
}

bool svm_nmi_masked(struct vcpu *v)
{
	const struct svm_vcpu *s = svm_of(v);

	return s->nmi == NMI_MASKED || (s->nmi == NMI_IRET && v->regs.rip == s->iret_rip);
}

void svm_mask_nmi(struct vcpu *v, bool masked)
{
	nmi_set(svm_of(v), masked ? NMI_MASKED : NMI_OPEN);
}

void svm_nmi_iret(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);

	s->iret_rip = v->regs.rip;
	nmi_set(s, NMI_IRET);
}

static void exceptions_exit(struct vmcb *b, u32 mask)
{
	b->ctl.exceptions = mask;
	vmcb_dirty(b, CLEAN_INTERCEPTS);
}

/*
 * Exit once the event that this entry delivers is in, or else behind one instruction, by #DB. If
 * the guest steps itself, its own #DB comes and is as good. Meanwhile every fault exits, so that
 * our TF does not go to the guest's stack with it; INTn, PUSHF and SYSCALL show it.
 */
static void exit_soon(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);

	if (s->busy & BUSY_VIRQ) {
		/* An interrupt of ours would come before the virtual one: the next exit must do. */
		vcpu_request_self(v, VREQ_EVENT);
	} else if (s->vmcb->ctl.event_inj & EVENTINJ_VALID) {
		vcpu_request_self(v, VREQ_EVENT);
		lapic_ipi(this_cpu()->apic_id, VEC_REQUEST);
	} else if (!(v->regs.rflags & RFLAGS_TF)) {
		/* Past the IRET: svm_stepped() must not take this step for the one over it. */
		if (s->nmi == NMI_IRET && v->regs.rip != s->iret_rip)
			s->nmi = NMI_OPEN;
		s->busy |= BUSY_STEPPING;
		s->step_dr6 = s->vmcb->save.dr6 & DR6_BS;
		s->step_excs = s->vmcb->ctl.exceptions;
		exceptions_exit(s->vmcb, s->step_excs | FAULTS);
		v->regs.rflags |= RFLAGS_TF;
	}
}

void svm_irq_window(struct vcpu *v, bool on)
{
	struct svm_vcpu *s = svm_of(v);

	if (s->busy & BUSY_VIRQ)
		return; /* svm_virq_ended() looks at v->irq_window */
	if (on && in_lost_shadow(v))
		exit_soon(v);
	else if (vmcb_intercept_get(s->vmcb, ICPT_VINTR) != on)
		virq_set(s, on, on);
}

/* After NMI_MASKED the IRET exits anyway; what exit_soon() began ends by itself. */
void svm_nmi_window(struct vcpu *v, bool on)
{
	if (on && svm_of(v)->nmi != NMI_MASKED)
		exit_soon(v);
}

bool svm_stepped(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);
	struct vmcb *b = s->vmcb;

	s->busy &= (u8)~BUSY_STEPPING;
	exceptions_exit(b, s->step_excs);
	/* An IRET that has been executed has loaded the guest's own TF. */
	if (s->nmi != NMI_IRET || v->regs.rip == s->iret_rip)
		v->regs.rflags &= ~RFLAGS_TF;
	if (b->ctl.exit_code != VMEXIT_EXCEPTION + EXC_DB) {
		vcpu_request_self(v, VREQ_EVENT); /* the window is still wanted */
		return false;
	}
	b->save.dr6 = (b->save.dr6 & ~DR6_BS) | s->step_dr6;
	vmcb_dirty(b, CLEAN_DR);
	return !(b->save.dr6 & DR6_B);
}
