/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Delivery of interrupt messages. Reads the destination registers of other vCPUs with single loads:
 * a message that races with a change of them may go by the old or the new value, as on a bus.
 * Source: Intel SDM 3A "Determining IPI Destination" and "Interrupt Command Register (ICR)".
 */
#include "vm/dev/vapic_msg.h"

#include "vm/dev/vlapic_int.h"
#include "vm/vm.h"

static bool matches_logical(const struct vlapic *a, u32 dest)
{
	u32 ldr = READ_ONCE(a->ldr);

	if (READ_ONCE(a->mode) == VLAPIC_X2APIC)
		return dest >> 16 == ldr >> 16 && dest & ldr & 0xffff;
	if (dest > 0xff)
		return false;
	ldr >>= 24;
	if (READ_ONCE(a->dfr) >> 28 == 0xf) /* flat model */
		return dest & ldr;
	return dest >> 4 == ldr >> 4 && dest & ldr & 0xf;
}

bool apic_matches(const struct vcpu *v, const struct apic_msg *m)
{
	if (m->dest == (m->wide ? ~0U : 0xff))
		return true;
	return m->logical ? matches_logical(v->lapic, m->dest) : m->dest == v->id;
}

static enum virq_result deliver_fixed(struct vcpu *v, const struct apic_msg *m)
{
	if (!READ_ONCE(v->lapic->enabled))
		return VIRQ_IGNORED;
	if (m->vector < VECTOR_FIRST) {
		vlapic_error(v, ESR_RECV_ILLEGAL);
		return VIRQ_IGNORED;
	}
	return vlapic_set_irr(v, m->vector, m->level) ? VIRQ_DELIVERED : VIRQ_MERGED;
}

enum virq_result apic_deliver(struct vcpu *v, const struct apic_msg *m)
{
	if (likely(m->mode <= APIC_LOWEST))
		return deliver_fixed(v, m);
	if (READ_ONCE(v->lapic->mode) == VLAPIC_OFF)
		return VIRQ_IGNORED;
	switch (m->mode) {
	case APIC_NMI:
		vcpu_request_nmi(v);
		break;
	case APIC_INIT:
		vcpu_request(v, VREQ_INIT);
		break;
	case APIC_SIPI:
		WRITE_ONCE(v->sipi_vector, m->vector);
		vcpu_request(v, VREQ_SIPI);
		break;
	case APIC_EXTINT:
		vcpu_request(v, VREQ_EVENT); /* it finds the PICs pending */
		break;
	default:
		return VIRQ_IGNORED; /* SMI: there is no SMM; reserved */
	}
	return VIRQ_DELIVERED;
}

/* Lowest priority: the enabled destination with the lowest PPR, the first of equals. */
static enum virq_result send_lowest(struct vm *vm, const struct apic_msg *m,
				    const struct vcpu * not, bool all)
{
	struct vcpu *best = NULL;

	for_each_vcpu(v, vm) {
		if (v == not || !READ_ONCE(v->lapic->enabled) || !(all || apic_matches(v, m)))
			continue;
		if (!best || READ_ONCE(v->lapic->ppr) < READ_ONCE(best->lapic->ppr))
			best = v;
	}
	return best ? deliver_fixed(best, m) : VIRQ_IGNORED;
}

enum virq_result apic_send_all(struct vm *vm, const struct apic_msg *m, const struct vcpu * not )
{
	enum virq_result best = VIRQ_IGNORED;

	if (m->mode == APIC_LOWEST)
		return send_lowest(vm, m, not, true);
	for_each_vcpu(v, vm) {
		enum virq_result r = v == not ? VIRQ_IGNORED : apic_deliver(v, m);

		best = MAX(best, r);
	}
	return best;
}

enum virq_result apic_send(struct vm *vm, const struct apic_msg *m)
{
	enum virq_result best = VIRQ_IGNORED;

	if (m->mode == APIC_LOWEST)
		return send_lowest(vm, m, NULL, false);
	/* The common case: one vCPU by its id. */
	if (!m->logical && m->dest < vm->nr_vcpus)
		return apic_deliver(vm->vcpu[m->dest], m);
	for_each_vcpu(v, vm) {
		enum virq_result r = apic_matches(v, m) ? apic_deliver(v, m) : VIRQ_IGNORED;

		best = MAX(best, r);
	}
	return best;
}
