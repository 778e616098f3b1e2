/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The second controller hangs on input 2 of the first. A rising edge is latched until it is taken,
 * even when the line falls before (the datasheet's spurious IRQ 7 in that case serves nobody).
 * Comments name sections of the 8259A datasheet.
 */
#include "vm/dev/vpic.h"

#include <errno.h>

#include "arch/mem.h"
#include "lib/bits.h"
#include "vm/vm.h"

#define CASCADE  2
#define SPURIOUS 7

#define ICW1_IC4  BIT32(0)
#define ICW1_SNGL BIT32(1)
#define ICW1      BIT32(4)
#define ICW4_AEOI BIT32(1)
#define ICW4_SFNM BIT32(4)
#define OCW3      BIT32(3)
#define OCW3_RIS  BIT32(0)
#define OCW3_RR   BIT32(1)
#define OCW3_POLL BIT32(2)
#define OCW3_SMM  BIT32(5)
#define OCW3_ESMM BIT32(6)

/* OCW2, bits 7:5. */
enum {
	ROTATE_AEOI_OFF = 0,
	EOI = 1,
	EOI_SPECIFIC = 3,
	ROTATE_AEOI_ON = 4,
	EOI_ROTATE = 5,
	SET_PRIORITY = 6,
	EOI_SPECIFIC_ROTATE = 7,
};

struct pic {
	u8 irr, isr, imr;
	u8 line; /* input levels */
	u8 elcr; /* inputs that are level-triggered */
	u8 base; /* vector of input 0 */
	u8 icw;  /* which of ICW2..4 the next write of port 1 is; 0 = none */
	u8 icw1, icw4;
	u8 first; /* input of highest priority; the others follow upwards, wrapping */
	bool special_mask, rotate_aeoi, read_isr, poll;
};

struct vpic {
	struct vm *vm;
	struct pic pic[2];
	u8 intr; /* output of the first; read without the lock */
};

static const u8 elcr_mask[2] = { 0xf8, 0xde }; /* the others are edge-triggered for ever */

/* The set bit of highest priority as a distance from first; 8 = none. */
static u32 priority(const struct pic *p, u8 bits)
{
	u32 turned = ((u32)bits << 8 | bits) >> p->first & 0xff;

	return turned ? bit_lowest(turned) : 8;
}

/* The input that would interrupt now, or -1: "Fully Nested Mode". */
static int highest(const struct vpic *s, u32 n)
{
	const struct pic *p = &s->pic[n];
	u8 isr = p->isr, irr = (u8)(p->irr & ~p->imr);
	u32 prio;

	if (likely(!irr))
		return -1;
	prio = priority(p, irr);
	if (p->special_mask) /* "Special Mask Mode" */
		isr &= (u8)~p->imr;
	if (n == 0 && p->icw4 & ICW4_SFNM) /* "The Special Fully Nested Mode" */
		isr &= (u8)~BIT32(CASCADE);
	if (prio >= priority(p, isr))
		return -1;
	return (int)((prio + p->first) & 7);
}

static void set_output(struct vpic *s, bool level)
{
	if (level == s->intr)
		return;
	WRITE_ONCE(s->intr, level);
	virq_pic_output(s->vm, level);
}

/* After any change: the second's output is the first's input 2. */
static void update(struct vpic *s)
{
	if (highest(s, 1) >= 0)
		s->pic[0].irr |= BIT32(CASCADE);
	else
		s->pic[0].irr &= (u8)~BIT32(CASCADE);
	set_output(s, highest(s, 0) >= 0);
}

enum virq_result vpic_set(struct vm *vm, u32 irq, bool level)
{
	struct vpic *s = vm->pic;
	struct pic *p = &s->pic[irq >> 3];
	u8 bit = (u8)BIT32(irq & 7), old = p->irr;
	bool rising = level && !(p->line & bit);

	p->line = (u8)(level ? p->line | bit : p->line & ~bit);
	if (p->elcr & bit)
		p->irr = (u8)(level ? p->irr | bit : p->irr & ~bit);
	else if (rising)
		p->irr |= bit;
	update(s);
	if (!rising || p->imr & bit)
		return VIRQ_IGNORED;
	return old & bit ? VIRQ_MERGED : VIRQ_DELIVERED;
}

bool vpic_pending(const struct vm *vm)
{
	return READ_ONCE(vm->pic->intr);
}

static void rotate_to_last(struct pic *p, u32 irq)
{
	p->first = (irq + 1) & 7;
}

/* "Interrupt Sequence" */
static void acknowledge(struct pic *p, u32 irq)
{
	u8 bit = (u8)BIT32(irq);

	if (!(p->elcr & bit))
		p->irr &= (u8)~bit;
	if (!(p->icw4 & ICW4_AEOI))
		p->isr |= bit;
	else if (p->rotate_aeoi)
		rotate_to_last(p, irq);
}

int vpic_ack(struct vm *vm)
{
	struct vpic *s = vm->pic;
	int irq, n = 0;

	spin_lock(&vm->chipset_lock);
	irq = highest(s, 0);
	if (irq >= 0)
		acknowledge(&s->pic[0], (u32)irq);
	if (irq == CASCADE) {
		n = 1;
		irq = highest(s, 1);
		if (irq >= 0)
			acknowledge(&s->pic[1], (u32)irq);
	}
	if (irq < 0)
		irq = SPURIOUS;
	irq += s->pic[n].base;
	set_output(s, false); /* and up again if there is more */
	update(s);
	spin_unlock(&vm->chipset_lock);
	return irq;
}

static void end_of_interrupt(struct pic *p, u32 irq)
{
	p->isr &= (u8)~BIT32(irq);
}

/* "Operation Command Words (OCWs)", OCW2 */
static void write_ocw2(struct pic *p, u8 val)
{
	u32 irq = val & 7, cmd = val >> 5;

	if (cmd == EOI || cmd == EOI_ROTATE) {
		u8 isr = (u8)(p->special_mask ? p->isr & ~p->imr : p->isr);
		u32 prio = priority(p, isr);

		if (prio == 8)
			return;
		irq = (prio + p->first) & 7;
	}
	switch (cmd) {
	case ROTATE_AEOI_OFF:
	case ROTATE_AEOI_ON:
		p->rotate_aeoi = cmd == ROTATE_AEOI_ON;
		break;
	case EOI:
	case EOI_SPECIFIC:
		end_of_interrupt(p, irq);
		break;
	case EOI_ROTATE:
	case EOI_SPECIFIC_ROTATE:
		end_of_interrupt(p, irq);
		rotate_to_last(p, irq);
		break;
	case SET_PRIORITY:
		rotate_to_last(p, irq);
		break;
	}
}

static void write_ocw3(struct pic *p, u8 val)
{
	if (val & OCW3_ESMM)
		p->special_mask = val & OCW3_SMM;
	p->poll = val & OCW3_POLL;
	if (val & OCW3_RR)
		p->read_isr = val & OCW3_RIS;
}

/* "Initialization Command Words 1 and 2" */
static void write_icw1(struct pic *p, u8 val)
{
	p->icw1 = val;
	p->icw = 2;
	p->irr &= p->elcr; /* edges must come again; levels are still there */
	p->isr = p->imr = 0;
	p->first = 0;
	p->special_mask = p->read_isr = p->poll = p->rotate_aeoi = false;
	if (!(val & ICW1_IC4))
		p->icw4 = 0;
}

static void write_data(struct pic *p, u8 val)
{
	switch (p->icw) {
	case 0:
		p->imr = val;
		return;
	case 2:
		p->base = val & 0xf8;
		p->icw = p->icw1 & ICW1_SNGL ? 4 : 3;
		break;
	case 3: /* the wiring is fixed */
		p->icw = 4;
		break;
	default:
		p->icw4 = val;
		p->icw = 0;
	}
	if (p->icw == 4 && !(p->icw1 & ICW1_IC4))
		p->icw = 0;
}

static void pic_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vpic *s = dev;
	struct pic *p = &s->pic[port >> 7];

	(void)size;
	if (port & 1)
		write_data(p, (u8)val);
	else if (val & ICW1)
		write_icw1(p, (u8)val);
	else if (val & OCW3)
		write_ocw3(p, (u8)val);
	else
		write_ocw2(p, (u8)val);
	update(s);
}

/* "Poll Command": the read is the acknowledge. */
static u8 poll(struct vpic *s, u32 n)
{
	int irq = highest(s, n);

	s->pic[n].poll = false;
	if (irq < 0)
		return 0;
	acknowledge(&s->pic[n], (u32)irq);
	update(s);
	return (u8)(0x80 | irq);
}

static u32 pic_read(void *dev, u16 port, u8 size)
{
	struct vpic *s = dev;
	struct pic *p = &s->pic[port >> 7];

	(void)size;
	if (p->poll)
		return poll(s, port >> 7);
	if (port & 1)
		return p->imr;
	return p->read_isr ? p->isr : p->irr;
}

static u32 elcr_read(void *dev, u16 port, u8 size)
{
	struct vpic *s = dev;

	(void)size;
	return s->pic[port & 1].elcr;
}

static void elcr_write(void *dev, u16 port, u8 size, u32 val)
{
	struct vpic *s = dev;
	struct pic *p = &s->pic[port & 1];

	(void)size;
	p->elcr = (u8)val & elcr_mask[port & 1];
	p->irr = (u8)((p->irr & ~p->elcr) | (p->line & p->elcr));
	update(s);
}

int vpic_create(struct vm *vm)
{
	struct vpic *s = kzalloc(sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	vm->pic = s;
	s->vm = vm;
	err = vm_pio_add(vm, 0x20, 2, pic_read, pic_write, s);
	if (!err)
		err = vm_pio_add(vm, 0xa0, 2, pic_read, pic_write, s);
	if (!err)
		err = vm_pio_add(vm, 0x4d0, 2, elcr_read, elcr_write, s);
	return err;
}

/* All inputs masked, as firmware leaves them to an operating system that brings its own set-up. */
void vpic_reset(struct vm *vm)
{
	struct vpic *s = vm->pic;

	for (u32 i = 0; i < 2; i++)
		s->pic[i] = (struct pic){ .imr = 0xff, .base = i ? 0x70 : 0x08 };
	WRITE_ONCE(s->intr, false);
}

void vpic_destroy(struct vm *vm)
{
	if (vm->pic)
		kfree(vm->pic, sizeof(*vm->pic));
	vm->pic = NULL;
}
