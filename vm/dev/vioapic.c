/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lines arrive here as asserted or not; the polarity bit is kept for the guest and has no effect.
 * Section titles in comments are the 82093AA datasheet's.
 */
#include "vm/dev/vioapic.h"

#include <errno.h>

#include "arch/mem.h"
#include "vm/dev/vapic_msg.h"
#include "vm/dev/vlapic.h"
#include "vm/dev/vpic.h"
#include "vm/vm.h"

#define VERSION (0x11 | (VIOAPIC_PINS - 1) << 16)
#define PIC_PIN 0

/* "I/O Redirection Table Registers" */
#define RTE_LOGICAL    BIT(11)
#define RTE_STATUS     BIT(12)
#define RTE_REMOTE_IRR BIT(14)
#define RTE_LEVEL      BIT(15)
#define RTE_MASKED     BIT(16)
#define RTE_WRITABLE   (MASK(63, 56) | 0x1afff)

enum {
	IOREGSEL = 0x00,
	IOWIN = 0x10,
	REG_ID = 0x00,
	REG_VERSION = 0x01,
	REG_ARB = 0x02,
	REG_TABLE = 0x10,
};

struct vioapic {
	struct vm *vm;
	u64 rte[VIOAPIC_PINS];
	u32 lines; /* input levels */
	u32 id;    /* in its place in the register */
	u8 select;
};

static u32 rte_mode(u64 rte)
{
	return (u32)FIELD(rte, 10, 8);
}

static struct apic_msg message(u64 rte)
{
	return (struct apic_msg){
		.dest = (u32)FIELD(rte, 63, 56),
		.vector = (u8)rte,
		.mode = (u8)rte_mode(rte),
		.logical = rte & RTE_LOGICAL,
		.level = rte & RTE_LEVEL,
	};
}

/* Only a fixed interrupt comes back with an EOI, so only then its pin waits for one. */
static bool waits_for_eoi(u64 rte)
{
	return rte & RTE_LEVEL && rte_mode(rte) <= APIC_LOWEST;
}

static enum virq_result deliver(struct vioapic *s, u32 pin)
{
	struct apic_msg m = message(s->rte[pin]);
	enum virq_result r = apic_send(s->vm, &m);

	if (r != VIRQ_IGNORED && waits_for_eoi(s->rte[pin]))
		s->rte[pin] |= RTE_REMOTE_IRR;
	return r;
}

/* A level-triggered pin whose line is up and that is free to do so, sends. */
static enum virq_result deliver_level(struct vioapic *s, u32 pin)
{
	u64 rte = s->rte[pin];

	if (!(s->lines & BIT32(pin)) || rte & RTE_MASKED || !waits_for_eoi(rte))
		return VIRQ_IGNORED;
	return rte & RTE_REMOTE_IRR ? VIRQ_MERGED : deliver(s, pin);
}

enum virq_result vioapic_set(struct vm *vm, u32 pin, bool level)
{
	struct vioapic *s = vm->ioapic;
	bool rising = level && !(s->lines & BIT32(pin));

	s->lines = level ? s->lines | BIT32(pin) : s->lines & ~BIT32(pin);
	if (waits_for_eoi(s->rte[pin]))
		return deliver_level(s, pin);
	/* An edge on a masked pin is lost, as the datasheet says of the mask bit. */
	if (!rising || s->rte[pin] & RTE_MASKED)
		return VIRQ_IGNORED;
	return deliver(s, pin);
}

void vioapic_eoi(struct vm *vm, u8 vector)
{
	struct vioapic *s = vm->ioapic;

	spin_lock(&vm->chipset_lock);
	for (u32 pin = 0; pin < VIOAPIC_PINS; pin++) {
		if (!(s->rte[pin] & RTE_REMOTE_IRR) || (u8)s->rte[pin] != vector)
			continue;
		s->rte[pin] &= ~RTE_REMOTE_IRR;
		deliver_level(s, pin);
	}
	spin_unlock(&vm->chipset_lock);
}

/* Tells each vCPU whether this entry passes the PICs' interrupts on to it. */
static void update_pic_wire(struct vioapic *s)
{
	u64 rte = s->rte[PIC_PIN];
	struct apic_msg m = message(rte);
	bool on = !(rte & RTE_MASKED) && m.mode == APIC_EXTINT;

	for_each_vcpu(v, s->vm) {
		WRITE_ONCE(v->lapic->pic_wire, on && apic_matches(v, &m));
		if (v->lapic->pic_wire && vpic_pending(s->vm))
			vcpu_request(v, VREQ_EVENT);
	}
}

static void rte_write(struct vioapic *s, u32 pin, u32 shift, u32 val)
{
	u64 *rte = &s->rte[pin];
	u64 bits = RTE_WRITABLE & (0xffffffffULL << shift);

	*rte = (*rte & ~bits) | ((u64)val << shift & bits);
	/* Edge mode knows no remote IRR; Linux clears a stuck one through it. */
	if (!(*rte & RTE_LEVEL))
		*rte &= ~RTE_REMOTE_IRR;
	if (pin == PIC_PIN)
		update_pic_wire(s);
	deliver_level(s, pin);
}

static u32 reg_read(const struct vioapic *s)
{
	u32 i = s->select - REG_TABLE;

	switch (s->select) {
	case REG_ID:
	case REG_ARB:
		return s->id;
	case REG_VERSION:
		return VERSION;
	default:
		return i < 2 * VIOAPIC_PINS ? (u32)(s->rte[i / 2] >> (i % 2 * 32)) : 0;
	}
}

static u64 ioapic_read(void *dev, struct vcpu *v, u64 off, u8 size)
{
	struct vioapic *s = dev;

	(void)v;
	(void)size;
	return off == IOREGSEL ? s->select : off == IOWIN ? reg_read(s) : 0;
}

static void ioapic_write(void *dev, struct vcpu *v, u64 off, u8 size, u64 val)
{
	struct vioapic *s = dev;
	u32 i = s->select - REG_TABLE;

	(void)v;
	(void)size;
	if (off == IOREGSEL)
		s->select = (u8)val;
	else if (off == IOWIN && s->select == REG_ID)
		s->id = val & 0x0f000000;
	else if (off == IOWIN && i < 2 * VIOAPIC_PINS)
		rte_write(s, i / 2, i % 2 * 32, (u32)val);
}

int vioapic_create(struct vm *vm)
{
	struct vioapic *s = kzalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	vm->ioapic = s;
	s->vm = vm;
	return vm_mmio_add(vm, GPA(VM_IOAPIC_BASE), PAGE_SIZE, ioapic_read, ioapic_write, s);
}

void vioapic_reset(struct vm *vm)
{
	struct vioapic *s = vm->ioapic;

	for (u32 i = 0; i < VIOAPIC_PINS; i++)
		s->rte[i] = RTE_MASKED;
	s->lines = 0;
	s->id = 0;
	s->select = 0;
	for_each_vcpu(v, vm)
		WRITE_ONCE(v->lapic->pic_wire, false);
}

void vioapic_destroy(struct vm *vm)
{
	if (vm->ioapic)
		kfree(vm->ioapic, sizeof(*vm->ioapic));
	vm->ioapic = NULL;
}
