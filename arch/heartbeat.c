/* SPDX-License-Identifier: BSD-2-Clause */
/* Source: Intel 8254 data sheet, mode 2. */
#include "arch/heartbeat.h"

#include "lib/log.h"

#include "arch/cpufeat.h"
#include "arch/irq.h"
#include "arch/x86.h"

#define PIT_IRQ  0
#define PIT_HZ   1193182
#define DIVISOR  (PIT_HZ / 100)
#define CHANNEL0 0x40
#define CONTROL  0x43
#define RATE     0x34 /* channel 0, low then high byte, mode 2 */

static void beat(void *arg)
{
	(void)arg; /* that it comes is all */
}

void heartbeat_start(void)
{
	if (!cpu_is_tcg())
		return;
	if (irq_request_all(PIT_IRQ, beat, NULL)) {
		pr_warn("boot: QEMU's emulated CPUs may miss interrupts, and there is no I/O APIC "
			"for a timer that reminds them");
		return;
	}
	outb(CONTROL, RATE);
	outb(CHANNEL0, DIVISOR & 0xff);
	outb(CHANNEL0, DIVISOR >> 8);
}
