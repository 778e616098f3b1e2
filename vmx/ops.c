/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmx/ops.h"

#include "arch/cpufeat.h"
#include "arch/percpu.h"
#include "mmu/hw.h"
#include "vm/config.h"
#include "vmx/backend.h"
#include "vmx/mitigate/mitigate.h"
#include "vmx/tlb.h"

static int init(void)
{
	mmu_hw.fmt = SPTE_EPT;
	mmu_hw.root_level = 4;
	mmu_hw.maxphyaddr = cpu_maxphyaddr;
	mmu_hw.has_1g = vmx_has(&vmx_facts, VMX_HAS_EPT_1G);
	mmu_hw.has_nx = cpu_has(CPU_NX);
	mmu_hw.pml = vmx_logs(&vmx_facts);
	mmu_hw.l1tf = vmx_mitigations.l1tf;
	mmu_hw.multihit = vmx_mitigations.multihit;
	mmu_hw.exec_only = vmx_has(&vmx_facts, VMX_HAS_EPT_EXEC_ONLY);
	/* QUIRK: on Bochs nothing else ends a guest with IF = 0 then, which may be waiting for one
	 * of another CPU, which waits for its end, or for an interrupt of this one. */
	if (!vmx_has(&vmx_facts, VMX_HAS_PREEMPTION_TIMER)) {
		cpu_needs_nmi = true;
		vmx_polls = EVENTINJ_VALID;
	}
	return vmx_ctl_init();
}

static bool nested_paging(void)
{
	return vmx_nested(&vmx_facts);
}

static void flush(struct vcpu *v)
{
	vmx_of(v)->flush = true;
}

static bool loses_task_switches(void)
{
	return false;
}

static int check(struct vcpu *v, struct out *o)
{
	return vmx_of(v)->real ? vmx_check_real(v, o) : vmx_check(v, o);
}

static void flush_gva(struct vcpu *v, gva_t gva)
{
	vmx_tlb_flush_gva(vmx_of(v), gva);
}

const struct hv_ops vmx_ops = {
	.name = "vmx",
	.nested_kind = PAGING_EPT,
	.unpaged_direct = true,
	.probe = vmx_probe,
	.init = init,
	.cpu_enable = vmx_cpu_enable,
	.cpu_disable = vmx_cpu_disable,
	.describe = vmx_describe,
	.nested_paging = nested_paging,
	.vm_init = vmx_vm_init,
	.vm_fini = vmx_vm_fini,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_fini = vmx_vcpu_fini,
	.vcpu_reset = vmx_vcpu_reset,
	.load = vmx_load,
	.unload = vmx_unload,
	.enter = vmx_enter,
	.enter_shadow = vmx_enter_shadow,
	.set_paging = vmx_set_paging,
	.flush_gva = flush_gva,
	.fault_gva = vmx_fault_gva,
	.loses_task_switches = loses_task_switches,
	.tag = vmx_tag,
	.inject = vmx_inject,
	.cancel = vmx_cancel,
	.irq_window = vmx_irq_window,
	.nmi_window = vmx_nmi_window,
	.irq_shadow = vmx_irq_shadow,
	.set_irq_shadow = vmx_set_irq_shadow,
	.nmi_masked = vmx_nmi_masked,
	.mask_nmi = vmx_mask_nmi,
	.get_sreg = vmx_get_sreg,
	.set_sreg = vmx_set_sreg,
	.save_dr = vmx_dr_disown,
	.refuses_pdptes = vmx_refuses_pdptes,
	.get_seg = vmx_get_seg,
	.set_seg = vmx_set_seg,
	.get_paging = vmx_get_paging,
	.get_code = vmx_get_code,
	.pause_exits = vmx_pause_exits,
	.set_tsc_offset = vmx_set_tsc_offset,
	.flush = flush,
	.dirty_sync = vmx_dirty_sync,
	.check = check,
	.dump = vmx_dump,
};
