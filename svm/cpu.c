/* SPDX-License-Identifier: BSD-2-Clause */
/* One CPU enters SVM operation; one vCPU takes it. */
#include <errno.h>

#include "arch/mem.h"
#include "arch/msr.h"
#include "arch/percpu.h"
#include "arch/regs.h"
#include "arch/x86.h"
#include "svm/backend.h"
#include "svm/insn.h"
#include "svm/tlb.h"
#include "vm/predictor.h"

#define VM_CR_SVMDIS BIT(4)

/* The memory stays with the CPU for good: it enters again after cpu_disable(). */
static struct svm_cpu *cpu_state(struct cpu *cpu)
{
	struct svm_cpu *c = cpu->backend;

	if (c)
		return c;
	c = kzalloc(sizeof(*c));
	if (!c)
		return NULL;
	c->host = frame_alloc();
	c->hsave = frame_alloc();
	if (!c->host || !c->hsave) {
		if (c->host)
			frame_free(c->host);
		if (c->hsave)
			frame_free(c->hsave);
		kfree(c, sizeof(*c));
		return NULL;
	}
	cpu->backend = c;
	return c;
}

int svm_cpu_enable(void)
{
	struct svm_cpu *c = cpu_state(this_cpu());

	if (!c)
		return -ENOMEM;
	/* Not locked, or probe() would have refused. */
	if (svm_facts.vm_cr_ok && (rdmsr(MSR_VM_CR) & VM_CR_SVMDIS))
		wrmsr(MSR_VM_CR, rdmsr(MSR_VM_CR) & ~VM_CR_SVMDIS);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, ptr_hpa(c->hsave).v);
	vmsave(ptr_hpa(c->host));
	/*
	 * So that svm_get_paging() can read the guest's PKRU; our own pages are all supervisor's.
	 */
	if (svm_facts.pku)
		write_cr4(read_cr4() | CR4_PKE);
	svm_asid_init(c);
	c->last_vm = 0;
	return 0;
}

void svm_cpu_disable(void)
{
	wrmsr(MSR_VM_HSAVE_PA, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
}

void svm_load(struct vcpu *v)
{
	struct svm_vcpu *s = svm_of(v);
	struct svm_cpu *c = this_cpu()->backend;
	u64 root = mmu_root_hpa(s->mmu).v;

	if (s->cpu != c) {
		s->cpu = c;
		s->host_hpa = ptr_hpa(c->host).v;
		s->asid_gen = 0; /* the number means nothing here, not even after A, B, A */
		s->vmcb->ctl.clean = 0;
		mmu_tag_fresh(&s->tag, this_cpu()->idx);
	}
	svm_asid_check(s);
	if (!v->mmu && s->vmcb->ctl.ncr3 != root) {
		s->vmcb->ctl.ncr3 = root;
		vmcb_dirty(s->vmcb, CLEAN_NP);
		s->flush = true;
	}
	predictor_barrier(&c->last_vm, v->vm);
	/* QUIRK: VMRUN of Bochs does not load CR2. */
	if (svm_facts.is_bochs)
		write_cr2(s->vmcb->save.cr2);
	if (s->vmcb->save.dr7 & DR7_ENABLED)
		svm_dr_own(v);
}

void svm_unload(struct vcpu *v)
{
	svm_dr_disown(v);
}
