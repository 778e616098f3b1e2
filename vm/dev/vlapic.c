/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm/dev/vlapic.h"

#include <errno.h>
#include <string.h>

#include "arch/mem.h"
#include "vm/dev/vioapic.h"
#include "vm/dev/vlapic_int.h"
#include "vm/dev/vpic.h"
#include "vm/vm.h"

int vlapic_create(struct vcpu *v)
{
	struct vlapic *a = kzalloc(sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->vcpu = v;
	v->lapic = a;
	vlapic_timer_create(a);
	vlapic_reset(v, false);
	return 0;
}

void vlapic_destroy(struct vcpu *v)
{
	if (!v->lapic)
		return;
	timer_cancel(&v->lapic->timer);
	kfree(v->lapic, sizeof(*v->lapic));
	v->lapic = NULL;
}

void vlapic_quiesce(struct vcpu *v)
{
	WRITE_ONCE(v->lapic->stopped, true);
	timer_cancel(&v->lapic->timer);
}

void vlapic_set_mode(struct vlapic *a, enum vlapic_mode mode)
{
	u32 id = a->vcpu->id;

	WRITE_ONCE(a->mode, (u8)mode);
	/* Source: Intel SDM 3A "Deriving Logical x2APIC ID from the Local x2APIC ID". */
	if (mode == VLAPIC_X2APIC)
		WRITE_ONCE(a->ldr, (id >> 4) << 16 | BIT32(id & 15));
	WRITE_ONCE(a->enabled, mode != VLAPIC_OFF && (a->svr & SVR_ENABLE));
}

/* Source: Intel SDM 3A "Local APIC State After Power-Up or Reset". */
void vlapic_clear(struct vlapic *a)
{
	for (u32 i = 0; i < ARRAY_SIZE(a->irr); i++) {
		__atomic_store_n(&a->irr[i], 0, __ATOMIC_RELAXED);
		__atomic_store_n(&a->tmr[i], 0, __ATOMIC_RELAXED);
		a->isr[i] = 0;
	}
	a->isrv = a->ppr = a->tpr = 0;
	a->svr = 0xff;
	a->ldr = 0;
	a->dfr = ~0U;
	a->esr = 0;
	__atomic_store_n(&a->esr_new, 0, __ATOMIC_RELAXED);
	a->icr_lo = a->icr_hi = 0;
	for (u32 i = 0; i < LVT_NR; i++)
		a->lvt[i] = LVT_MASKED;
	vlapic_timer_reset(a);
}

void vlapic_reset(struct vcpu *v, bool init)
{
	struct vlapic *a = v->lapic;
	enum vlapic_mode mode = init ? a->mode : VLAPIC_XAPIC;

	vlapic_clear(a);
	if (!init) {
		v->apic_base = VM_LAPIC_BASE | APIC_BASE_EN | (v->id == 0 ? APIC_BASE_BSP : 0);
		a->stopped = false;
		a->pic_wire = false;
		a->lint_level[0] = a->lint_level[1] = false;
	}
	if (!init && v->id == 0) {
		/*
		 * There is no firmware to do it: MultiProcessor Specification "Virtual Wire Mode".
		 */
		a->svr |= SVR_ENABLE;
		a->lvt[LVT_LINT0] = APIC_EXTINT << 8;
		a->lvt[LVT_LINT1] = APIC_NMI << 8;
	}
	vlapic_set_mode(a, mode);
}

bool vlapic_set_irr(struct vcpu *v, u8 vector, bool level)
{
	struct vlapic *a = v->lapic;

	/* Source: Intel SDM 3A "Local APIC State After It Has Been Software Disabled". */
	if (!READ_ONCE(a->enabled) || !vlapic_irr_or(a, vector, level))
		return false;
	vcpu_request(v, VREQ_EVENT);
	return true;
}

void vlapic_error(struct vcpu *v, u32 bits)
{
	struct vlapic *a = v->lapic;
	u32 old = __atomic_fetch_or(&a->esr_new, bits, __ATOMIC_RELAXED);
	u32 lvt = READ_ONCE(a->lvt[LVT_ERROR]);

	if (!(bits & ~old) || lvt & LVT_MASKED)
		return;
	if (LVT_VECTOR(lvt) < VECTOR_FIRST)
		__atomic_fetch_or(&a->esr_new, ESR_RECV_ILLEGAL, __ATOMIC_RELAXED);
	else
		vlapic_set_irr(v, LVT_VECTOR(lvt), false);
}

void vlapic_lint(struct vcpu *v, u32 pin, bool level)
{
	struct vlapic *a = v->lapic;
	u32 lvt = READ_ONCE(a->lvt[LVT_LINT0 + pin]);
	bool rising = level && !a->lint_level[pin];
	struct apic_msg m = { .vector = LVT_VECTOR(lvt), .mode = (u8)LVT_MODE(lvt) };

	WRITE_ONCE(a->lint_level[pin], level);
	if (!rising)
		return;
	if (READ_ONCE(a->mode) != VLAPIC_OFF) {
		if (!(lvt & LVT_MASKED))
			apic_deliver(v, &m);
	} else if (pin == 0) { /* the pins are INTR and NMI */
		vcpu_request(v, VREQ_EVENT);
	} else {
		vcpu_request_nmi(v);
	}
}

bool vlapic_accepts_pic(const struct vcpu *v)
{
	const struct vlapic *a = v->lapic;
	u32 lvt = a->lvt[LVT_LINT0];

	if (a->mode == VLAPIC_OFF)
		return v->id == 0;
	return READ_ONCE(a->pic_wire) || (!(lvt & LVT_MASKED) && LVT_MODE(lvt) == APIC_EXTINT);
}

/* Source: Intel SDM 3A "Task Priority" and "Processor Priority". */
static inline void update_ppr(struct vlapic *a)
{
	u8 class = a->isrv & 0xf0;

	WRITE_ONCE(a->ppr, (a->tpr & 0xf0) >= class ? a->tpr : class);
}

void vlapic_set_tpr(struct vcpu *v, u8 tpr)
{
	struct vlapic *a = v->lapic;

	a->tpr = tpr;
	update_ppr(a);
	if (vlapic_has_irq(v))
		vcpu_request_self(v, VREQ_EVENT);
}

void vlapic_eoi(struct vcpu *v)
{
	struct vlapic *a = v->lapic;
	u8 vector = a->isrv;
	u32 w = vector >> 6;
	u64 bit = BIT(vector & 63);
	int next;

	if (unlikely(!vector))
		return;
	a->isr[w] &= ~bit;
	next = vlapic_highest(a->isr);
	a->isrv = next < 0 ? 0 : (u8)next;
	update_ppr(a);
	if (unlikely(READ_ONCE(a->tmr[w]) & bit))
		vioapic_eoi(v->vm, vector);
	if (vlapic_has_irq(v))
		vcpu_request_self(v, VREQ_EVENT);
}

void vlapic_set_svr(struct vlapic *a, u32 val)
{
	a->svr = val & 0x3ff;
	/* Source: Intel SDM 3A "Local APIC State After It Has Been Software Disabled". */
	if (!(val & SVR_ENABLE))
		for (u32 i = 0; i < LVT_NR; i++)
			a->lvt[i] |= LVT_MASKED;
	vlapic_set_mode(a, a->mode);
}
