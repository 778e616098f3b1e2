/* SPDX-License-Identifier: BSD-2-Clause */
#include "svm/ops.h"

#include "arch/cpufeat.h"
#include "arch/percpu.h"
#include "mmu/hw.h"
#include "svm/backend.h"
#include "svm/tlb.h"
#include "vm/config.h"

static int init(void)
{
	/* The CPU walks nested tables with the hypervisor's own number of levels. */
	mmu_hw.fmt = SPTE_NPT;
	mmu_hw.root_level = 4;
	mmu_hw.maxphyaddr = cpu_maxphyaddr;
	mmu_hw.has_1g = cpu_has(CPU_1G);
	mmu_hw.has_nx = cpu_has(CPU_NX);
	/* QUIRK: an interrupt does not end a guest with IF = 0 on Bochs. The guest may be waiting
	 * for one of another CPU, which waits for its end. */
	cpu_needs_nmi = svm_facts.is_bochs;
	return svm_ctl_init();
}

static bool nested_paging(void)
{
	return svm_has(SVM_NP);
}

static void flush(struct vcpu *v)
{
	svm_of(v)->flush = true;
}

/* No CPU of this vendor logs: the MMU itself sees the first write to each frame. */
static void dirty_sync(struct vcpu *v)
{
	(void)v;
}

/* QUIRK: QEMU TCG knows no intercept of them. */
static bool loses_task_switches(void)
{
	return svm_facts.is_tcg;
}

/* Under nested paging none are latched: a walk reads them, and makes a #PF of reserved bits.
 * Source: AMD APM 2 "Nested Paging and VMRUN/#VMEXIT". */
static bool refuses_pdptes(struct vcpu *v, enum vcpu_sreg r, u64 val)
{
	(void)v;
	(void)r;
	(void)val;
	return false;
}

/* Source: AMD APM 2 "Nested versus Guest Page Faults, Fault Ordering": the VMCB has the
 * guest-physical one alone. */
static bool fault_gva(struct vcpu *v, gva_t *gva)
{
	(void)v;
	(void)gva;
	return false;
}

static void flush_gva(struct vcpu *v, gva_t gva)
{
	svm_tlb_flush_gva(svm_of(v), gva);
}

const struct hv_ops svm_ops = {
	.name = "svm",
	.nested_kind = PAGING_NPT,
	.probe = svm_probe,
	.init = init,
	.cpu_enable = svm_cpu_enable,
	.cpu_disable = svm_cpu_disable,
	.describe = svm_describe,
	.nested_paging = nested_paging,
	.vm_init = svm_vm_init,
	.vm_fini = svm_vm_fini,
	.vcpu_init = svm_vcpu_init,
	.vcpu_fini = svm_vcpu_fini,
	.vcpu_reset = svm_vcpu_reset,
	.load = svm_load,
	.unload = svm_unload,
	.enter = svm_enter,
	.enter_shadow = svm_enter_shadow,
	.set_paging = svm_set_paging,
	.flush_gva = flush_gva,
	.fault_gva = fault_gva,
	.loses_task_switches = loses_task_switches,
	.tag = svm_tag,
	.inject = svm_inject,
	.cancel = svm_cancel,
	.irq_window = svm_irq_window,
	.nmi_window = svm_nmi_window,
	.irq_shadow = svm_irq_shadow,
	.set_irq_shadow = svm_set_irq_shadow,
	.nmi_masked = svm_nmi_masked,
	.mask_nmi = svm_mask_nmi,
	.get_sreg = svm_get_sreg,
	.set_sreg = svm_set_sreg,
	.save_dr = svm_dr_disown,
	.refuses_pdptes = refuses_pdptes,
	.get_seg = svm_get_seg,
	.set_seg = svm_set_seg,
	.get_paging = svm_get_paging,
	.get_code = svm_get_code,
	.pause_exits = svm_pause_exits,
	.set_tsc_offset = svm_set_tsc_offset,
	.flush = flush,
	.dirty_sync = dirty_sync,
	.check = svm_check,
	.dump = svm_dump,
};
