/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events into the guest, and back out of a delivery that an exit interrupted.
 *
 * Software interrupts and INT1, INT3 and INTO are never injected again: their RIP is still at the
 * instruction, so the guest just executes it once more. That needs no length.
 *
 * NMI: the CPU itself knows with virtual NMIs that the guest is in its NMI handler.
 */
#include "vm/real_mode.h"
#include "vmx/backend.h"
#include "vmx/insn.h"

#define SHADOW (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)

static u32 blocking(void)
{
	return (u32)vmread(VMCS_GUEST_INTERRUPTIBILITY);
}

static void block(u32 bits, bool on)
{
	u32 old = blocking(), new = on ? old | bits : old & ~bits;

	if (new != old)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, new);
}

void vmx_inject(struct vcpu *v, const struct vcpu_event *e)
{
	u32 word = event_encode(e);

	/* A delivery ends the shadow, and an entry with one checks the pending #DB against TF. */
	block(SHADOW, false);
	if (vmx_of(v)->real) {
		if (e->type == EVENT_NMI)
			block(BLOCKED_BY_NMI, true);
		real_mode_deliver(v, e->vector, v->regs.rip);
		return;
	}
	/* Without protection an exception pushes no error code, and VM-entry checks that. */
	if (!(vmread(VMCS_GUEST_CR0) & CR0_PE))
		word &= ~EVENTINJ_HAS_ERROR;
	vmwrite(VMCS_ENTRY_EVENT, word);
	if (e->has_error)
		vmwrite(VMCS_ENTRY_EVENT_ERROR, e->error);
}

/* An entry clears the valid bit itself. */
void vmx_cancel(struct vcpu *v)
{
	(void)v;
	vmwrite(VMCS_ENTRY_EVENT, 0);
}

void vmx_interrupted(struct vcpu *v, u32 info, u32 error)
{
	if (!event_decode(info, error, &v->pending))
		return;
	if (v->pending.type == EVENT_NMI)
		block(BLOCKED_BY_NMI, false);
	v->redelivery = true;
	v->stat.reinjected++;
	vcpu_request_self(v, VREQ_EVENT);
}

bool vmx_irq_shadow(struct vcpu *v)
{
	(void)v;
	return blocking() & SHADOW;
}

/*
 * On: VM-entry refuses blocking by STI if IF is off, where only MOV SS has a shadow. Off: the
 * instruction in the shadow has ended, and with it what waited for its end.
 * Source: Intel SDM 3C "Checks on Guest Non-Register State".
 */
void vmx_set_irq_shadow(struct vcpu *v, bool on)
{
	u32 shadow = v->regs.rflags & RFLAGS_IF ? BLOCKED_BY_STI : BLOCKED_BY_MOV_SS;

	block(on ? shadow : SHADOW, on);
	if (!on)
		vmwrite(VMCS_GUEST_PENDING_DB, 0);
}

bool vmx_nmi_masked(struct vcpu *v)
{
	(void)v;
	return blocking() & BLOCKED_BY_NMI;
}

void vmx_mask_nmi(struct vcpu *v, bool masked)
{
	(void)v;
	block(BLOCKED_BY_NMI, masked);
}

void vmx_irq_window(struct vcpu *v, bool on)
{
	vmx_proc_set(vmx_of(v), PROC_INTR_WINDOW, on);
}

void vmx_nmi_window(struct vcpu *v, bool on)
{
	vmx_proc_set(vmx_of(v), PROC_NMI_WINDOW, on);
}

/* Some CPUs take an NMI behind STI, others do not; this one does if a shadow is left now. */
void vmx_nmi_opened(struct vcpu *v)
{
	vmx_nmi_window(v, false);
	block(BLOCKED_BY_STI, false);
}
