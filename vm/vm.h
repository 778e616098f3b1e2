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
#include "vm/watch.h"

struct vpic;
struct vioapic;
struct vpit;
struct vrtc;
struct vuart;
struct vpm;
struct vports;
struct vfwcfg;
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
};

struct mmio_range {
	gpa_t base;
	u64 size;
	mmio_read_fn rd;
	mmio_write_fn wr;
	void *dev;
};

/* What vm_mem.c got from the frame allocator for one slot of RAM. */
struct ram_piece {
	gpa_t gpa;
	void *mem; /* in the direct map */
	u64 frames;
};

/* Requests to the VM as a whole, served by vCPU 0's thread when all vCPUs are parked. */
#define VMREQ_START    BIT32(0) /* vm_start() waits for the outcome */
#define VMREQ_RESET    BIT32(1)
#define VMREQ_POWEROFF BIT32(2)
#define VMREQ_KILL     BIT32(3)
#define VMREQ_PAUSE    BIT32(4)
#define VMREQ_RESUME   BIT32(5)

#define VM_MAX_PIO     32
#define VM_MAX_MMIO    8
#define VM_DEV_LAPIC   VM_MAX_MMIO /* slot of the local APICs' page */
#define VM_MAX_PIECES  24
#define VM_MSR_SEEN    32
#define VM_PIO_MAP     0x1000 /* ports below this are looked up by index */
#define VM_LAPIC_BASE  0xfee00000ULL
#define VM_IOAPIC_BASE 0xfec00000ULL
#define VM_LOW_RAM_MAX 0xc0000000ULL /* RAM above continues at 4 GiB */
#define VM_ACPI_BASE   0xe0000ULL    /* tables in [0xe0000, 0x100000), reserved in the memory map */

struct vm {
	u32 id;
	u32 state;            /* enum vm_state, under lock */
	struct spinlock lock; /* life cycle */
	u32 requests;         /* VMREQ_*, atomic */
	u32 nr_parked;        /* vCPUs that wait at the rendezvous, under lock */
	bool load_failed;     /* the last attempt to start it */
	bool serving;         /* vCPU 0's thread is serving requests, under lock */
	u32 resets;
	const char *request_why; /* of the last reset or power-off; static text */
	char why[160];           /* VM_DEAD or VM_STOPPED: one sentence */
	u64 triple_tsc[3];       /* last triple faults, newest first */
	u32 log_left;            /* lines that the guest's mistakes may still write to the log */
	u64 overhead;            /* bytes of host memory beside its RAM */

	struct vm_config cfg;
	struct mmu_vm mmu;
	struct watches watches;
	u32 nr_vcpus;
	struct vcpu *vcpu[CFG_MAX_VCPUS];
	struct ram_piece piece[VM_MAX_PIECES];
	u32 nr_pieces;
	struct cpuid_table *cpuid;
	u32 msr_seen[VM_MSR_SEEN]; /* unknown MSRs that were logged */
	u32 nr_msr_seen;

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
	struct vports *ports;
	struct vfwcfg *fwcfg;
	struct vconsole *console;

	u64 tsc_base; /* host TSC at power-on; guest TSC starts at 0 */
	void *backend;
};

#define for_each_vcpu(v, vm)                                 \
	for (u32 i_##v = 0; i_##v < (vm)->nr_vcpus; i_##v++) \
		for (struct vcpu *v = (vm)->vcpu[i_##v]; v; v = NULL)

extern struct vm *vms[CFG_MAX_VMS];
extern u32 nr_vms;

/* Files that GRUB loaded beside us. */
struct vm_module {
	const char *name; /* first word of its command line, without path */
	const void *data;
	u64 size;
};

/*
 * Pages of the MMU's pool that the tables of such a machine come to when it is busy. After
 * hv_ops.init().
 */
u64 vm_table_pages(const struct vm_config *cfg);
/*
 * Creates a VM in state VM_STOPPED that may hold so many pages of the MMU's pool; NULL with one
 * sentence in err on failure.
 */
struct vm *vm_create(const struct vm_config *cfg, u32 table_pages, char *err, size_t err_size);
/* Loads the guest's files and starts it. Waits for the outcome, so the caller must be a
 * thread. */
int vm_start(struct vm *vm, char *err, size_t err_size);
/* From the shell: asynchronous, they return at once. vm_reset() also starts a VM that is powered
 * off or dead, with its files loaded again; vm_kill() takes static text. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
void vm_reset(struct vm *vm);
void vm_kill(struct vm *vm, const char *why);
struct vm *vm_find(const char *name);
const char *vm_state_name(const struct vm *vm);

/* A line about what the guest did, "vm NAME: ..."; a guest can write only so many of them. */
void vm_log(struct vm *vm, const char *fmt, ...) __printf(2, 3);

/* One copy of the list is kept; names and data must stay. */
void vm_set_modules(const struct vm_module *mods, u32 nr);
const struct vm_module *vm_module_find(const char *name);

/* --- for vm/ itself --- */

/*
 * Own thread of v; stop: VREQ_STOP was set. Parks and unparks it; the vCPU that must do so serves
 * the VM's requests. True when v may run.
 */
bool vm_rendezvous(struct vcpu *v, bool stop);
/* Resets the VM, or powers it off when that has been too often. */
void vm_triple_fault(struct vcpu *v);
/* Guest RAM and the memory map's slots; one sentence in err on failure. */
int vm_mem_init(struct vm *vm, char *err, size_t err_size) __must_check;
void vm_mem_fini(struct vm *vm);
/* Frames that its RAM takes. */
u64 vm_mem_frames(const struct vm *vm);
