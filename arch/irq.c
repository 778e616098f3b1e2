/* SPDX-License-Identifier: BSD-2-Clause */
/* Source: Intel 82093AA data sheet "Register Description"; ACPI "Multiple APIC Description
 * Table". */
#include "arch/irq.h"

#include <errno.h>

#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/trap.h"
#include "arch/x86.h"

#define MAX_IOAPICS 8
#define NR_ISA      16

#define IOREGSEL 0
#define IOWIN    4 /* in u32 units: offset 0x10 */
#define REG_VER  1
#define REG_RTE  0x10

#define RTE_LOW    BIT32(13)
#define RTE_LEVEL  BIT32(15)
#define RTE_MASKED BIT32(16)

#define DEST_ALL 0xff /* physical destination: every local APIC */

static struct {
	struct {
		volatile u32 *regs;
		u32 gsi_base, pins;
	} io[MAX_IOAPICS];

	u32 nr;

	struct {
		u32 gsi;
		bool low, level, set;
		void (*fn)(void *arg);
		void *arg;
	} isa[NR_ISA];
} ir;

static u32 io_read(volatile u32 *regs, u32 reg)
{
	regs[IOREGSEL] = reg;
	return regs[IOWIN];
}

static void io_write(volatile u32 *regs, u32 reg, u32 val)
{
	regs[IOREGSEL] = reg;
	regs[IOWIN] = val;
}

void irq_init(void)
{
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

int irq_add_ioapic(hpa_t base, u32 gsi_base)
{
	volatile void *p;

	if (ir.nr == MAX_IOAPICS)
		return -ENOSPC;
	p = mmio_map(base, 0x20);
	if (!p)
		return -ENOMEM;
	ir.io[ir.nr].regs = p;
	ir.io[ir.nr].gsi_base = gsi_base;
	ir.io[ir.nr].pins = FIELD(io_read(p, REG_VER), 23, 16) + 1;
	for (u32 i = 0; i < ir.io[ir.nr].pins; i++)
		io_write(p, REG_RTE + 2 * i, RTE_MASKED);
	ir.nr++;
	return 0;
}

void irq_override(u8 isa, u32 gsi, bool active_low, bool level)
{
	if (isa >= NR_ISA)
		return;
	ir.isa[isa].gsi = gsi;
	ir.isa[isa].low = active_low;
	ir.isa[isa].level = level;
	ir.isa[isa].set = true;
}

static void isa_irq(u8 vector)
{
	u32 i = vector - VEC_IRQ_BASE;

	ir.isa[i].fn(ir.isa[i].arg);
}

static int request(u32 isa_irq_nr, u32 dest, void (*fn)(void *arg), void *arg)
{
	u32 gsi;

	if (isa_irq_nr >= NR_ISA)
		return -EINVAL;
	gsi = ir.isa[isa_irq_nr].set ? ir.isa[isa_irq_nr].gsi : isa_irq_nr;
	ir.isa[isa_irq_nr].fn = fn;
	ir.isa[isa_irq_nr].arg = arg;
	for (u32 i = 0; i < ir.nr; i++) {
		u32 pin = gsi - ir.io[i].gsi_base;

		if (gsi < ir.io[i].gsi_base || pin >= ir.io[i].pins)
			continue;
		trap_set_irq((u8)(VEC_IRQ_BASE + isa_irq_nr), isa_irq);
		io_write(ir.io[i].regs, REG_RTE + 2 * pin + 1, dest << 24);
		io_write(ir.io[i].regs, REG_RTE + 2 * pin,
			 (VEC_IRQ_BASE + isa_irq_nr) | (ir.isa[isa_irq_nr].low ? RTE_LOW : 0) |
				 (ir.isa[isa_irq_nr].level ? RTE_LEVEL : 0));
		return 0;
	}
	return -ENODEV;
}

int irq_request(u32 isa_irq_nr, void (*fn)(void *arg), void *arg)
{
	return request(isa_irq_nr, cpus[0]->apic_id, fn, arg);
}

int irq_request_all(u32 isa_irq_nr, void (*fn)(void *arg), void *arg)
{
	return request(isa_irq_nr, DEST_ALL, fn, arg);
}
