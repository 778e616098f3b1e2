/* SPDX-License-Identifier: BSD-2-Clause */
/* One vCPU on a backend that is an array of registers, for tests of vm/. */
#pragma once

#include "arch/percpu.h"
#include "arch/regs.h"
#include "vm/cpuid.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

#include "tests/host/test.h"

static struct vm fake_vm;
static struct vcpu fake_vcpu;
static struct cpuid_table fake_cpuid;
static u64 fake_sreg[SR_NR];
static struct segment fake_seg[S_NR];
static struct vcpu_event fake_injected;
static u32 fake_nr_injected, fake_flushes;
static bool fake_irq_window, fake_nmi_window, fake_nmi_masked, fake_shadow;

static u64 fake_get_sreg(struct vcpu *v, enum vcpu_sreg r)
{
	(void)v;
	return fake_sreg[r];
}

static void fake_set_sreg(struct vcpu *v, enum vcpu_sreg r, u64 val)
{
	(void)v;
	fake_sreg[r] = val;
}

static void fake_get_seg(struct vcpu *v, u32 seg, struct segment *s)
{
	(void)v;
	*s = fake_seg[seg];
}

static void fake_set_seg(struct vcpu *v, u32 seg, const struct segment *s)
{
	(void)v;
	fake_seg[seg] = *s;
}

static void fake_inject(struct vcpu *v, const struct vcpu_event *e)
{
	(void)v;
	fake_injected = *e;
	fake_nr_injected++;
}

static void fake_set_irq_window(struct vcpu *v, bool on)
{
	(void)v;
	fake_irq_window = on;
}

static void fake_set_nmi_window(struct vcpu *v, bool on)
{
	(void)v;
	fake_nmi_window = on;
}

static bool fake_is_nmi_masked(struct vcpu *v)
{
	(void)v;
	return fake_nmi_masked;
}

static bool fake_in_shadow(struct vcpu *v)
{
	(void)v;
	return fake_shadow;
}

static void fake_flush(struct vcpu *v)
{
	(void)v;
	fake_flushes++;
}

static gva_t fake_get_code(struct vcpu *v, struct mmu_regs *r, u8 *bits)
{
	(void)r;
	*bits = 64;
	return GVA(v->regs.rip);
}

static const struct hv_ops fake_hv = {
	.name = "fake",
	.get_sreg = fake_get_sreg,
	.set_sreg = fake_set_sreg,
	.get_seg = fake_get_seg,
	.get_code = fake_get_code,
	.set_seg = fake_set_seg,
	.inject = fake_inject,
	.irq_window = fake_set_irq_window,
	.nmi_window = fake_set_nmi_window,
	.nmi_masked = fake_is_nmi_masked,
	.irq_shadow = fake_in_shadow,
	.flush = fake_flush,
};

const struct hv_ops *hv = &fake_hv;

static inline void fake_reset(void)
{
	memset(&fake_vm, 0, sizeof(fake_vm));
	memset(&fake_vcpu, 0, sizeof(fake_vcpu));
	memset(&fake_cpuid, 0, sizeof(fake_cpuid));
	memset(fake_sreg, 0, sizeof(fake_sreg));
	memset(fake_seg, 0, sizeof(fake_seg));
	memset(&fake_injected, 0, sizeof(fake_injected));
	fake_nr_injected = fake_flushes = 0;
	fake_irq_window = fake_nmi_window = fake_nmi_masked = fake_shadow = false;
	spin_init(&fake_vm.lock, RANK_VM);
	spin_init(&fake_vm.chipset_lock, RANK_CHIPSET);
	fake_vm.cpuid = &fake_cpuid;
	fake_vm.nr_vcpus = 1;
	fake_vm.vcpu[0] = &fake_vcpu;
	fake_vcpu.vm = &fake_vm;
	fake_vcpu.cpu = this_cpu();
	fake_vcpu.state = VCPU_RUNNING;
	this_cpu()->vcpu = &fake_vcpu;
}
