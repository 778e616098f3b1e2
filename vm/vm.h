/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual machine: memory, vCPUs, devices, life cycle. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

#include "arch/spinlock.h"
#include "mmu/mmu.h"
#include "mmu/vm.h"
#include "vm/config.h"
#include "vm/dev/vdev.h"
#include "vm/vcpu.h"

struct vpic;
struct vioapic;
struct vpit;
struct vrtc;
struct vuart;
struct vpm;
struct vconsole;

enum vm_state {
	VM_STOPPED, /* created or powered off */
	VM_RUNNING,
	VM_PAUSED,
	VM_DEAD, /* killed; kept for inspection */
};

struct pio_range {
	u16 first, count;
	pio_read_fn rd;
	pio_write_fn wr;
	void *dev;
	const char *name;
};

struct mmio_range {
	gpa_t base;
	u64 size;
	mmio_read_fn rd;
	mmio_write_fn wr;
	void *dev;
};

#define VM_MAX_PIO     32
#define VM_MAX_MMIO    8
#define VM_PIO_MAP     0x1000 /* ports below this are looked up by index */
#define VM_LAPIC_BASE  0xfee00000ULL
#define VM_IOAPIC_BASE 0xfec00000ULL
#define VM_LOW_RAM_MAX 0xc0000000ULL /* RAM above continues at 4 GiB */
#define VM_ACPI_BASE   0xe0000ULL    /* tables in [0xe0000, 0x100000), reserved in the memory map */

struct vm {
	u32 id;
	u32 state; /* enum vm_state, under lock */
	struct spinlock lock; /* life cycle */
	struct vm_config cfg;
	struct mmu_vm mmu;
	u32 nr_vcpus;
	struct vcpu *vcpu[CFG_MAX_VCPUS];
	hpa_t *ram_pieces; /* what vm_mem.c got from the frame allocator */

	struct spinlock chipset_lock;
	struct pio_range pio[VM_MAX_PIO];
	u32 nr_pio;
	u8 pio_map[VM_PIO_MAP]; /* 0 = nobody, else index + 1 */
	struct mmio_range mmio[VM_MAX_MMIO];
	u32 nr_mmio;

	struct vpic *pic;
	struct vioapic *ioapic;
	struct vpit *pit;
	struct vrtc *rtc;
	struct vuart *uart;
	struct vpm *pm;
	struct vconsole *console;

	u64 tsc_base;     /* host TSC at power-on; guest TSC starts at 0 */
	u32 requests;     /* reset, power off; atomic */
	const char *request_why;
	u32 resets;
	char why[160]; /* VM_DEAD or VM_STOPPED: one sentence */
	void *backend;
};

#define for_each_vcpu(v, vm)                                                                       \
	for (u32 i_##v = 0; i_##v < (vm)->nr_vcpus; i_##v++)                                       \
		for (struct vcpu *v = (vm)->vcpu[i_##v]; v; v = NULL)

extern struct vm *vms[CFG_MAX_VMS];
extern u32 nr_vms;

/* Files that GRUB loaded beside us. */
struct vm_module {
	const char *name; /* first word of its command line, without path */
	const void *data;
	u64 size;
};

/* Creates a VM in state VM_STOPPED; one sentence in err on failure. */
struct vm *vm_create(const struct vm_config *cfg, char *err, size_t err_size);
/* Loads the guest's files and starts it. */
int vm_start(struct vm *vm, char *err, size_t err_size);
/* From the shell: asynchronous, they return at once. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
void vm_reset(struct vm *vm);
void vm_kill(struct vm *vm, const char *why);
struct vm *vm_find(const char *name);

void vm_set_modules(const struct vm_module *mods, u32 nr);
const struct vm_module *vm_module_find(const char *name);
