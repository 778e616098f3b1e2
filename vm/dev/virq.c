/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How interrupt lines reach the controllers: as on a PC, each ISA line goes to the PICs and to the
 * I/O APIC's pin of the same number, but line 0 to pin 2, and the PICs' INTR to pin 0 and to LINT0.
 */
#include "vm/dev/virq.h"

#include "vm/dev/vioapic.h"
#include "vm/dev/vlapic.h"
#include "vm/dev/vpic.h"
#include "vm/vm.h"

#define PIC_LINES    16
#define GSI_TIMER    0
#define GSI_CASCADE  2
#define PIN_OF_INTR  0
#define PIN_OF_TIMER 2

static enum virq_result set_line(struct vm *vm, u32 gsi, bool level)
{
	enum virq_result pic = VIRQ_IGNORED, ioapic;

	if (gsi >= VIOAPIC_PINS || gsi == GSI_CASCADE)
		return VIRQ_IGNORED;
	if (gsi < PIC_LINES)
		pic = vpic_set(vm, gsi, level);
	ioapic = vioapic_set(vm, gsi == GSI_TIMER ? PIN_OF_TIMER : gsi, level);
	return MAX(pic, ioapic);
}

void vm_irq_set(struct vm *vm, u32 gsi, bool level)
{
	set_line(vm, gsi, level);
}

enum virq_result virq_pulse(struct vm *vm, u32 gsi)
{
	set_line(vm, gsi, false);
	return set_line(vm, gsi, true);
}

void virq_pic_output(struct vm *vm, bool level)
{
	for_each_vcpu(v, vm)
		vlapic_lint(v, 0, level);
	vioapic_set(vm, PIN_OF_INTR, level);
}
