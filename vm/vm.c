/* SPDX-License-Identifier: BSD-2-Clause */
/* Making a VM out of its description. */
#include "vm/vm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/log.h"

#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/timer.h"
#include "vm/console.h"
#include "vm/cpuid.h"
#include "vm/dev/chipset.h"
#include "vm/dev/vlapic.h"
#include "vm/hv_ops.h"

struct vm *vms[CFG_MAX_VMS];
u32 nr_vms;

struct vm *vm_find(const char *name)
{
	for (u32 i = 0; i < nr_vms; i++) {
		if (strcmp(vms[i]->cfg.name, name) == 0)
			return vms[i];
	}
	return NULL;
}

void vm_log(struct vm *vm, const char *fmt, ...)
{
	char line[160];
	u32 left = __atomic_load_n(&vm->log_left, __ATOMIC_RELAXED);
	va_list ap;

	do {
		if (left == 0)
			return;
	} while (!__atomic_compare_exchange_n(&vm->log_left, &left, left - 1, false,
					      __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	pr_warn("vm %s: %s%s", vm->cfg.name, line,
		left == 1 ? " (no more of its messages until its next reset)" : "");
}

static struct cpuid_regs host_cpuid(u32 leaf, u32 sub)
{
	return cpuid(leaf, sub);
}

static int create_cpuid(struct vm *vm)
{
	const struct cpuid_source src = {
		.host = host_cpuid,
		.nr_vcpus = vm->cfg.cpus,
		.tsc_khz = (u32)tsc_khz,
		.apic_khz = VLAPIC_BUS_HZ / 1000,
	};

	vm->cpuid = kzalloc(sizeof(*vm->cpuid));
	if (!vm->cpuid)
		return -ENOMEM;
	cpuid_build(vm->cpuid, &src);
	return 0;
}

/* The page of the local APICs: each vCPU's own, at the one address. */
static int add_lapic_slot(struct vm *vm)
{
	struct slot s = {
		.gfn = gpa_to_gfn(GPA(VM_LAPIC_BASE)),
		.nr = 1,
		.kind = SLOT_MMIO,
		.dev = VM_DEV_LAPIC,
	};

	return mmu_slot_add(&vm->mmu, &s);
}

/* vCPUs go round the CPUs, each VM after the one before. */
static int create_vcpus(struct vm *vm)
{
	static u32 next_cpu;
	int ret = 0;

	for (u32 i = 0; i < vm->cfg.cpus && !ret; i++) {
		ret = vcpu_create(vm, i, cpus[next_cpu++ % nr_cpus]);
		vm->nr_vcpus = i + 1;
	}
	return ret;
}

static int create_threads(struct vm *vm)
{
	char name[CFG_NAME_MAX + 8];

	for_each_vcpu(v, vm) {
		snprintf(name, sizeof(name), "%s.%u", vm->cfg.name, (unsigned)v->id);
		v->thread = thread_create(v->cpu, name, vcpu_thread, v);
		if (!v->thread)
			return -ENOMEM;
	}
	return 0;
}

/* Everything but RAM, whose shortage has a sentence of its own. */
static int create_parts(struct vm *vm)
{
	int ret = vconsole_create(vm);

	if (!ret)
		ret = create_cpuid(vm);
	if (!ret)
		ret = add_lapic_slot(vm);
	if (!ret && vm->cfg.paging == PAGING_SHADOW)
		ret = mmu_shadow_init(&vm->mmu);
	if (!ret)
		ret = hv->vm_init(vm);
	if (!ret)
		ret = create_vcpus(vm);
	if (!ret)
		ret = chipset_create(vm);
	if (!ret && (!vm->mmu.shadow.on || (hv->unpaged_direct && hv->nested_paging())))
		ret = mmu_prebuild(&vm->mmu);
	if (!ret)
		ret = create_threads(vm);
	return ret;
}

static void end_threads(struct vm *vm)
{
	for_each_vcpu(v, vm) {
		if (!v->thread)
			continue;
		vcpu_request(v, VREQ_END);
		while (READ_ONCE(v->thread->state) != THREAD_DEAD)
			thread_yield();
		thread_free(v->thread);
	}
}

/* Only for one that could not be completed: no vCPU has run. */
static void destroy(struct vm *vm)
{
	end_threads(vm);
	if (vm->pic)
		chipset_quiesce(vm);
	for_each_vcpu(v, vm)
		vcpu_destroy(v);
	if (vm->pic)
		chipset_destroy(vm);
	hv->vm_fini(vm);
	vconsole_destroy(vm);
	if (vm->cpuid)
		kfree(vm->cpuid, sizeof(*vm->cpuid));
	mmu_vm_fini(&vm->mmu);
	vm_mem_fini(vm);
	kfree(vm, sizeof(*vm));
}

static bool is_shadowed(const struct vm_config *cfg)
{
	return cfg->paging == PAGING_SHADOW || (cfg->paging == PAGING_AUTO && !hv->nested_paging());
}

/*
 * Tables for 4 KiB pages throughout, and some for what is not RAM. With shadow paging one table per
 * 128 KiB: working sets of many processes, for which KVM reckons with half as much.
 */
u64 vm_table_pages(const struct vm_config *cfg)
{
	u64 frames = cfg->memory >> PAGE_SHIFT;

	if (is_shadowed(cfg))
		return frames / 32 + 256 + (u64)cfg->cpus * MMU_CTX_MIN_PAGES;
	return frames / 256 + 64;
}

static int check_config(const struct vm_config *cfg, char *err, size_t err_size)
{
	static const char *const names[] = { "auto", "npt", "ept", "shadow" };
	bool nested = hv->nested_paging();

	if (cfg->paging != PAGING_AUTO && cfg->paging != PAGING_SHADOW &&
	    (cfg->paging != hv->nested_kind || !nested)) {
		snprintf(err, err_size,
			 "vm %s: paging = %s cannot be had here: use auto%s shadow%s%s", cfg->name,
			 names[cfg->paging], nested ? "," : " or", nested ? " or " : "",
			 nested ? names[hv->nested_kind] : "");
		return -EINVAL;
	}
	if (nr_vms == CFG_MAX_VMS) {
		snprintf(err, err_size, "vm %s: there are %d machines already", cfg->name,
			 CFG_MAX_VMS);
		return -ENOSPC;
	}
	return 0;
}

static struct vm *alloc_vm(const struct vm_config *cfg, u32 table_pages)
{
	const struct mmu_vm_cfg mcfg = { .vm_id = nr_vms, .quota_pages = table_pages };
	struct vm *vm = kzalloc(sizeof(*vm));

	if (!vm)
		return NULL;
	vm->id = nr_vms;
	vm->cfg = *cfg;
	spin_init(&vm->lock, RANK_VM);
	spin_init(&vm->chipset_lock, RANK_CHIPSET);
	watch_init(vm);
	if (mmu_vm_init(&vm->mmu, &mcfg)) {
		kfree(vm, sizeof(*vm));
		return NULL;
	}
	return vm;
}

#define FEW_PAGES 16

/* What helps when a VM cannot be had for want of memory. A direct map takes some ten pages. */
static const char *memory_advice(const struct vm *vm)
{
	return vm->mmu.quota - vm->mmu.used < FEW_PAGES || mmu_pool_free() < FEW_PAGES
		       ? "its share of the pool for guests' tables is used up, boot with a larger "
			 "pool="
		       : "lower its memory=";
}

static u64 free_pages(void)
{
	return frames_free_count() + mmu_pool_free();
}

struct vm *vm_create(const struct vm_config *cfg, u32 table_pages, char *err, size_t err_size)
{
	struct vm_config c = *cfg;
	u64 before = free_pages();
	struct vm *vm;
	int ret;

	if (check_config(&c, err, err_size))
		return NULL;
	if (is_shadowed(&c))
		c.paging = PAGING_SHADOW;
	vm = alloc_vm(&c, table_pages);
	if (!vm) {
		snprintf(err, err_size,
			 "vm %s: out of memory for its records: boot with a larger pool=, or "
			 "fewer machines",
			 cfg->name);
		return NULL;
	}
	if (vm_mem_init(vm, err, err_size)) {
		destroy(vm);
		return NULL;
	}
	ret = create_parts(vm);
	if (ret) {
		snprintf(
			err, err_size,
			"vm %s: out of memory for its %u vCPUs, devices and page tables (error %d): "
			"%s",
			cfg->name, (unsigned)cfg->cpus, -ret, memory_advice(vm));
		destroy(vm);
		return NULL;
	}
	vm->overhead = (before - free_pages() - vm_mem_frames(vm)) << PAGE_SHIFT;
	vms[nr_vms++] = vm;
	if (cfg->nested)
		pr_warn("vm %s: nested = yes has no effect yet: the guest sees no virtualization",
			cfg->name);
	return vm;
}
