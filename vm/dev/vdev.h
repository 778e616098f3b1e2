/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an emulated device needs from its machine, and gives to it.
 *
 * Locking: port and MMIO handlers, timer callbacks and vm_irq_set() run with vm->chipset_lock held
 * (timer callbacks take it themselves). The local APIC is not behind this lock: see
 * vm/dev/vlapic.h.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct vm;
struct vcpu;

/* size is 1, 2 or 4; the value is zero-extended. */
typedef u32 (*pio_read_fn)(void *dev, u16 port, u8 size);
typedef void (*pio_write_fn)(void *dev, u16 port, u8 size, u32 val);
/* off is relative to the start of the range; size is 1, 2, 4 or 8. */
typedef u64 (*mmio_read_fn)(void *dev, struct vcpu *v, u64 off, u8 size);
typedef void (*mmio_write_fn)(void *dev, struct vcpu *v, u64 off, u8 size, u64 val);

/*
 * Claims ports [first, first + count). -EEXIST when one is taken, -ENOSPC when the table is full.
 */
int vm_pio_add(struct vm *vm, u16 first, u16 count, pio_read_fn rd, pio_write_fn wr,
	       void *dev) __must_check;
/* Claims guest-physical [base, base + size), page aligned, and adds the MMIO slot for it. */
int vm_mmio_add(struct vm *vm, gpa_t base, u64 size, mmio_read_fn rd, mmio_write_fn wr,
		void *dev) __must_check;

/* Sets an interrupt line. gsi 0-15 go to both PICs and the I/O APIC (0 arrives at pin 2 there). */
void vm_irq_set(struct vm *vm, u32 gsi, bool level);

/* Requests that a device may make of its VM; they act after the current instruction. */
void vm_request_reset(struct vm *vm, const char *why);
void vm_request_poweroff(struct vm *vm, const char *why);

/* Bytes to and from the machine's console (COM1 and debugcon). vm_console_put() never blocks. */
void vm_console_put(struct vm *vm, const char *s, size_t n);
