/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vm_fake.h for a guest under shadow paging: the vCPU's context, its tables and the memory below
 * are the real ones of mmu/, on the machine of mmu_sim.h. The guest has 4 MiB of RAM, of which
 * four-level tables map the first two at their own address.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>

#include "tests/host/vm_fake.h"

#include "tests/host/mmu_sim.h"

#include "mmu/shadow/ctx.h"
#include "mmu/shadow/shadow_vm.h"
#include "vm/dev/vlapic.h"
#include "vm/emulate.h"
#include "vm/exit_priv.h"
#include "vm/mmio.h"
#include "vm/paging.h"

#define RAM_PAGES 1024
#define DEVICE    0x800000ULL /* behind RAM, a hole between them */
#define PML4      0x10000ULL
#define PDPT      0x11000ULL
#define PD        0x12000ULL
#define PT        0x13000ULL
#define CODE      0x20000ULL
#define DATA      0x30000ULL
#define QUOTA     200

#define P_    1ULL
#define W_    2ULL
#define U_    4ULL
#define A_    0x20ULL
#define D_    0x40ULL
#define TABLE (P_ | W_ | U_ | A_)
#define LEAF  (P_ | W_ | A_ | D_) /* the supervisor's */

static u8 shadow_bits, shadow_cpl; /* of the code segment */
static u32 shadow_set_paging, shadow_flushed_gvas, shadow_cancels, shadow_entries;
static gva_t shadow_flushed_gva;
static enum mmu_flush shadow_entry_flush; /* what the last entry had to flush */
static u32 shadow_nr_faults, shadow_kills, shadow_logs, shadow_guard_updates;
static struct vcpu_event shadow_fault; /* the last one injected */

static inline u64 *guest(u64 gpa)
{
	return (u64 *)(env_sim.mem + SIM_RAM + gpa);
}

/* The guest's entry for a page of its first 2 MiB. */
static inline u64 *pte(u64 gva)
{
	return guest(PT + (gva >> PAGE_SHIFT) * 8);
}

/* --- what a vCPU asks of others --------------------------------------------------------------- */

void vcpu_inject(struct vcpu *v, u8 vector, bool has_error, u32 error)
{
	(void)v;
	shadow_fault = (struct vcpu_event){ EVENT_EXC, vector, has_error, error };
	shadow_nr_faults++;
}

void vcpu_inject_gp(struct vcpu *v)
{
	vcpu_inject(v, EXC_GP, true, 0);
}

void vcpu_inject_ud(struct vcpu *v)
{
	vcpu_inject(v, EXC_UD, false, 0);
}

void vcpu_inject_db(struct vcpu *v, u64 dr6)
{
	(void)dr6;
	vcpu_inject(v, EXC_DB, false, 0);
}

void vcpu_inject_pf(struct vcpu *v, const struct mmu_gfault *f)
{
	hv->set_sreg(v, SR_CR2, f->gva.v);
	vcpu_inject(v, EXC_PF, true, f->error);
}

void vcpu_kill(struct vcpu *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(v->why_buf, sizeof(v->why_buf), fmt, ap);
	va_end(ap);
	v->why = v->why_buf;
	shadow_kills++;
}

void task_guard_update(struct vcpu *v)
{
	(void)v;
	shadow_guard_updates++;
}

/* --- what the emulator asks for, and the guests of these tests do not ------------------------- */

u64 mmio_read(struct vcpu *v, gpa_t gpa, u8 size)
{
	(void)v;
	(void)gpa;
	(void)size;
	return ~0ULL;
}

void mmio_write(struct vcpu *v, gpa_t gpa, u8 size, u64 val)
{
	(void)v;
	(void)gpa;
	(void)size;
	(void)val;
}

u32 pio_read(struct vm *vm, u16 port, u8 size)
{
	(void)vm;
	(void)port;
	(void)size;
	return ~0U;
}

void pio_write(struct vm *vm, u16 port, u8 size, u32 val)
{
	(void)vm;
	(void)port;
	(void)size;
	(void)val;
}

void fpu_vec_read(const struct vcpu *v, u32 nr, u8 buf[32])
{
	(void)v;
	(void)nr;
	memset(buf, 0, 32);
}

void fpu_vec_write(const struct vcpu *v, u32 nr, const u8 buf[32], bool legacy)
{
	(void)v;
	(void)nr;
	(void)buf;
	(void)legacy;
}

void vlapic_set_tpr(struct vcpu *v, u8 tpr)
{
	(void)v;
	(void)tpr;
}

void vm_log(struct vm *vm, const char *fmt, ...)
{
	(void)vm;
	(void)fmt;
	shadow_logs++;
}

/* --- the backend ------------------------------------------------------------------------------ */

static void shadow_get_paging(struct vcpu *v, struct mmu_regs *r)
{
	*r = v->mmu->regs;
	r->rflags = v->regs.rflags;
	r->cpl = shadow_cpl;
}

static gva_t shadow_get_code(struct vcpu *v, struct mmu_regs *r, u8 *bits)
{
	shadow_get_paging(v, r);
	*bits = shadow_bits;
	return GVA(v->regs.rip);
}

static void shadow_note_paging(struct vcpu *v)
{
	(void)v;
	shadow_set_paging++;
}

static void shadow_note_gva(struct vcpu *v, gva_t gva)
{
	(void)v;
	shadow_flushed_gva = gva;
	shadow_flushed_gvas++;
}

static void shadow_note_cancel(struct vcpu *v)
{
	(void)v;
	shadow_cancels++;
}

static struct mmu_tag *shadow_tag(struct vcpu *v)
{
	(void)v;
	return &sim_cpu[0].tag;
}

static bool shadow_loses_nothing(void)
{
	return false;
}

/* An entry whose guest executes one HLT. */
static enum exit_reason shadow_enter(struct vcpu *v)
{
	if (!mmu_shadow_enter(v->mmu, &shadow_entry_flush))
		return EXIT_NONE;
	shadow_entries++;
	mmu_shadow_exit(v->mmu, shadow_entry_flush == MMU_FLUSH_TAG);
	v->exit.reason = EXIT_HLT;
	return EXIT_HLT;
}

static struct hv_ops shadow_hv;

/* --- the machine ------------------------------------------------------------------------------ */

static inline void shadow_tables(void)
{
	*guest(PML4) = PDPT | TABLE;
	*guest(PDPT) = PD | TABLE;
	*guest(PD) = PT | TABLE;
	for (u64 gva = 0; gva < 2 * SZ_1M; gva += PAGE_SIZE)
		*pte(gva) = gva | LEAF;
}

/* The VM, and its vCPU without a context. */
static inline void shadow_machine(void)
{
	fake_reset();
	shadow_hv = fake_hv;
	shadow_hv.get_paging = shadow_get_paging;
	shadow_hv.get_code = shadow_get_code;
	shadow_hv.set_paging = shadow_note_paging;
	shadow_hv.flush_gva = shadow_note_gva;
	shadow_hv.cancel = shadow_note_cancel;
	shadow_hv.tag = shadow_tag;
	shadow_hv.loses_task_switches = shadow_loses_nothing;
	shadow_hv.enter_shadow = shadow_enter;
	hv = &shadow_hv;
	shadow_bits = 64;
	shadow_cpl = 0;
	shadow_set_paging = shadow_flushed_gvas = shadow_cancels = shadow_entries = 0;
	shadow_nr_faults = shadow_kills = shadow_logs = shadow_guard_updates = 0;
	fake_cpuid.caps =
		(struct guest_caps){ .maxphyaddr = 40, .nx = true, .has_1g = true, .amd = true };
	sim_start(SPTE_NPT, 2 * QUOTA, 1);
	assert_int_equal(mmu_shadow_low_init(HPA(PAGE_SIZE), 1), 0);
	sim_vm(&fake_vm.mmu, 1, QUOTA);
	assert_int_equal(sim_add(&fake_vm.mmu, SLOT_RAM, 0, RAM_PAGES, SIM_RAM >> PAGE_SHIFT), 0);
	assert_int_equal(sim_add(&fake_vm.mmu, SLOT_MMIO, DEVICE >> PAGE_SHIFT, 1, 7), 0);
	assert_int_equal(mmu_shadow_init(&fake_vm.mmu), 0);
	memset(guest(0), 0, RAM_PAGES * PAGE_SIZE);
	shadow_tables();
}

/* A context whose guest runs 64-bit code on its tables. */
static inline void shadow_long_mode(void)
{
	const struct mmu_regs r = {
		.cr0 = CR0_PE | CR0_PG | CR0_WP,
		.cr3 = PML4,
		.cr4 = CR4_PAE,
		.efer = EFER_LME | EFER_LMA | EFER_NXE,
	};

	assert_int_equal(paging_create(&fake_vcpu), 0);
	assert_true(mmu_write_regs(fake_vcpu.mmu, &r, MMU_WROTE_ALL));
	fake_vcpu.regs.rip = CODE;
}

/* All memory comes back, and nothing is wrong with the tables. */
static inline int shadow_end(void **state)
{
	(void)state;
	env_sim.hook = NULL;
	sim_audit(&fake_vm.mmu);
	paging_destroy(&fake_vcpu);
	mmu_vm_fini(&fake_vm.mmu);
	assert_int_equal(mmu_pool_free(), mmu_pool_total());
	return 0;
}
