/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine for tests of devices: a struct vm with vCPUs that never run, on the test's clock. What
 * a device asks of its machine is noted. Link fake/machine.c, clock.c, mem.c, bug.c and the device;
 * a test that links vm/dev/virq.c gets the real vm_irq_set() instead of the one that takes notes.
 */
#pragma once

#include "vm/vm.h"

#include "tests/host/fake/clock.h"

#define MACHINE_VCPUS 4

extern struct vm machine_vm;
extern struct vcpu machine_vcpu[MACHINE_VCPUS];

/* Interrupt lines, unless virq.c is linked. */
extern bool machine_line[24];
extern u32 machine_edges[24]; /* rising ones */
/* Bytes from vm_console_put(), NUL-terminated; the oldest are kept. */
extern char machine_console[4096];
/* The last reset or power-off that was requested, or NULL. */
extern const char *machine_reset, *machine_poweroff;
extern u32 machine_log_lines;
/* What cmos_time() returns. */
extern u64 machine_cmos_time;

/* Power-on of an empty machine at TSC 1000: no port is claimed, nothing is noted. */
void machine_init(u32 cpus);
/* The request bits that arrived since the last call. */
u32 machine_requests(u32 cpu);

/* A port access as the vCPU's exit would do it: under the chipset lock; ones where nobody is. */
u32 machine_in(u16 port, u8 size);
void machine_out(u16 port, u8 size, u32 val);
/* The first byte of a guest-physical address that a device claimed. */
u64 machine_mmio_read(u64 gpa, u8 size);
void machine_mmio_write(u64 gpa, u8 size, u64 val);
/* vm_irq_set() under the chipset lock. */
void machine_irq(u32 gsi, bool level);
/* Moves time by so many nanoseconds. */
void machine_wait(u64 ns);
