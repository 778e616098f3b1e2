/* SPDX-License-Identifier: BSD-2-Clause */
/* Which event the guest gets next. */
#include "vm/event.h"

#include "lib/trace.h"

#include "arch/regs.h"
#include "arch/x86.h"
#include "vm/dev/vlapic.h"
#include "vm/dev/vpic.h"
#include "vm/hv_ops.h"
#include "vm/vcpu.h"
#include "vm/vm.h"

enum exc_class {
	CLASS_BENIGN,
	CLASS_CONTRIBUTORY,
	CLASS_PF,
	CLASS_DF,
};

static enum exc_class exc_class(u8 vector)
{
	switch (vector) {
	case EXC_DE:
	case EXC_TS:
	case EXC_NP:
	case EXC_SS:
	case EXC_GP:
		return CLASS_CONTRIBUTORY;
	case EXC_PF:
		return CLASS_PF;
	case EXC_DF:
		return CLASS_DF;
	default:
		return CLASS_BENIGN;
	}
}

enum event_merge event_merge(const struct vcpu_event *first, u8 second)
{
	enum exc_class a, b = exc_class(second);

	if (first->type != EVENT_EXC)
		return MERGE_SECOND;
	a = exc_class(first->vector);
	if (a == CLASS_DF && b != CLASS_BENIGN)
		return MERGE_TRIPLE;
	if (a == CLASS_CONTRIBUTORY && b == CLASS_CONTRIBUTORY)
		return MERGE_DOUBLE;
	if (a == CLASS_PF && (b == CLASS_CONTRIBUTORY || b == CLASS_PF))
		return MERGE_DOUBLE;
	return MERGE_SECOND;
}

/* Its delivery ends the guard of the debug registers, the record of branches, and steps from branch
 * to branch; an injection does not. Source: Intel SDM 3B "Single-Stepping on Branches". */
static void debug_exception(struct vcpu *v)
{
	hv->set_sreg(v, SR_DR7, hv->get_sreg(v, SR_DR7) & ~DR7_GD);
	hv->set_sreg(v, SR_DEBUGCTL, hv->get_sreg(v, SR_DEBUGCTL) & ~(DEBUGCTL_LBR | DEBUGCTL_BTF));
}

void vcpu_inject(struct vcpu *v, u8 vector, bool has_error, u32 error)
{
	struct vcpu_event e = {
		.type = EVENT_EXC, .vector = vector, .has_error = has_error, .error = error
	};

	switch (event_merge(&v->pending, vector)) {
	case MERGE_TRIPLE:
		v->pending.type = EVENT_NONE;
		vm_triple_fault(v);
		return;
	case MERGE_DOUBLE:
		e.vector = EXC_DF;
		e.has_error = true;
		e.error = 0;
		break;
	case MERGE_SECOND:
		break;
	}
	if (e.vector == EXC_DB)
		debug_exception(v);
	v->pending = e;
	vcpu_request_self(v, VREQ_EVENT);
}

void vcpu_inject_gp(struct vcpu *v)
{
	vcpu_inject(v, EXC_GP, true, 0);
}

void vcpu_inject_ud(struct vcpu *v)
{
	vcpu_inject(v, EXC_UD, false, 0);
}

void vcpu_inject_pf(struct vcpu *v, const struct mmu_gfault *f)
{
	if (v->mmu)
		mmu_pf_delivered(v->mmu, f->gva);
	hv->set_sreg(v, SR_CR2, f->gva.v);
	vcpu_inject(v, EXC_PF, true, f->error);
}

void vcpu_inject_db(struct vcpu *v, u64 dr6)
{
	hv->set_sreg(v, SR_DR6, hv->get_sreg(v, SR_DR6) | dr6);
	vcpu_inject(v, EXC_DB, false, 0);
}

static bool extint_pending(struct vcpu *v)
{
	return vpic_pending(v->vm) && vlapic_accepts_pic(v);
}

static bool irq_pending(struct vcpu *v)
{
	return vlapic_has_irq(v) || extint_pending(v);
}

static void inject(struct vcpu *v, const struct vcpu_event *e)
{
	trace_event(INJECT, rdtsc(), v->vm->id << 8 | v->id, e->vector, e->error);
	v->stat.injected++;
	hv->inject(v, e);
}

/* True when it was queued. */
static bool queue_nmi(struct vcpu *v)
{
	struct vcpu_event e = { .type = EVENT_NMI, .vector = EXC_NMI };

	if (hv->nmi_masked(v) || hv->irq_shadow(v)) {
		hv->nmi_window(v, true);
		return false;
	}
	inject(v, &e);
	if (--v->nmi_pending)
		hv->nmi_window(v, true);
	return true;
}

static void inject_irq(struct vcpu *v, int vector)
{
	const struct vcpu_event e = { .type = EVENT_IRQ, .vector = (u8)vector };

	inject(v, &e);
}

/* Takes the highest interrupt out of its controller. True when another one waits. */
static bool queue_irq(struct vcpu *v)
{
	int vector;

	if (!(v->regs.rflags & RFLAGS_IF) || hv->irq_shadow(v))
		return irq_pending(v);
	vector = vlapic_pending(v);
	if (vector >= 0) {
		vlapic_accept(v, (u8)vector);
		inject_irq(v, vector);
		/* What else the local APIC has is below this one now, and waits for EOI. */
		return extint_pending(v);
	}
	if (!extint_pending(v))
		return false;
	vector = vpic_ack(v->vm);
	if (vector >= 0)
		inject_irq(v, vector);
	return extint_pending(v);
}

static void open_window(struct vcpu *v, bool open)
{
	/* Asked for again each time: a window may be spent on an exit that comes too early. */
	if (open || v->irq_window)
		hv->irq_window(v, open);
	v->irq_window = open;
}

void event_window(struct vcpu *v)
{
	open_window(v, false);
	vcpu_request_self(v, VREQ_EVENT);
}

void event_queue(struct vcpu *v)
{
	bool more;

	if (unlikely(v->pending.type != EVENT_NONE)) {
		inject(v, &v->pending);
		v->pending.type = EVENT_NONE;
		v->redelivery = false;
		if (v->nmi_pending)
			hv->nmi_window(v, true);
		more = irq_pending(v);
	} else if (unlikely(v->nmi_pending) && queue_nmi(v)) {
		more = irq_pending(v);
	} else {
		more = queue_irq(v);
	}
	/* One that is open for nothing costs an exit. */
	open_window(v, more);
}

bool event_wakes(struct vcpu *v)
{
	if (v->pending.type != EVENT_NONE || (v->nmi_pending && !hv->nmi_masked(v)))
		return true;
	return (v->regs.rflags & RFLAGS_IF) && irq_pending(v);
}

void event_init(struct vcpu *v)
{
	/* The first processor would start the firmware again, and there is none but us. */
	if (v->id == 0)
		vm_request_reset(v->vm, "INIT signal to the first processor");
	else
		vcpu_reset(v, true);
}

/*
 * The CPU holds one NMI while it handles another. Source: Intel SDM 3A "Handling Multiple NMIs".
 */
void event_nmi(struct vcpu *v)
{
	u32 sent = __atomic_exchange_n(&v->nmis_sent, 0, __ATOMIC_ACQUIRE);

	v->nmi_pending = (u8)MIN(v->nmi_pending + sent, hv->nmi_masked(v) ? 1U : 2U);
}

void event_sipi(struct vcpu *v)
{
	struct segment cs;

	if (v->state != VCPU_WAIT_SIPI)
		return;
	hv->get_seg(v, S_CS, &cs);
	cs.sel = (u16)(v->sipi_vector << 8);
	cs.base = (u64)v->sipi_vector << 12;
	hv->set_seg(v, S_CS, &cs);
	v->regs.rip = 0;
	v->state = VCPU_RUNNING;
}
