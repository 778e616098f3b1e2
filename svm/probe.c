/* SPDX-License-Identifier: BSD-2-Clause */
#include "svm/probe.h"

#include <errno.h>
#include <stdio.h>

#include "arch/cpufeat.h"
#include "arch/msr.h"
#include "arch/x86.h"
#include "vm/hv_ops.h"

/* AMD APM 2 "VM_CR MSR (C001_0114h)" */
#define VM_CR_LOCK   BIT(3)
#define VM_CR_SVMDIS BIT(4)

struct svm_facts svm_facts;

int svm_judge(const struct svm_facts *f, char *why, size_t size)
{
	char where[48] = "";

	if (f->below[0])
		snprintf(where, sizeof(where), ", running under the hypervisor \"%s\"", f->below);
	if (!f->svm) {
		snprintf(why, size,
			 "AMD SVM is needed, but CPUID 8000_0001h ECX bit 2 is 0 on this %s CPU%s",
			 f->vendor, where);
		return -ENODEV;
	}
	/* Without LOCK, cpu_enable() clears SVMDIS. Source: AMD APM 2 "Enabling SVM". */
	if (f->vm_cr_ok && (f->vm_cr & VM_CR_SVMDIS) && (f->vm_cr & VM_CR_LOCK)) {
		snprintf(why, size,
			 "SVM is disabled by the firmware (MSR VM_CR = 0x%llx: SVMDIS and LOCK are "
			 "set)%s; enable it in the firmware's setup",
			 (unsigned long long)f->vm_cr, where);
		return -ENOSYS;
	}
	if (f->nr_asids < 2) {
		snprintf(why, size,
			 "SVM needs at least one guest ASID, but CPUID 8000_000Ah EBX is %u%s",
			 f->nr_asids, where);
		return -ENOSYS;
	}
	return 0;
}

int svm_probe(u32 without, char *why, size_t size)
{
	struct svm_facts *f = &svm_facts;
	struct cpuid_regs r;

	f->svm = cpu_has(CPU_SVM);
	f->pku = cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ecx & BIT32(3));
	f->vendor = cpu_vendor;
	f->below = cpu_hypervisor;
	f->is_tcg = cpu_is_tcg();
	if (f->svm) {
		r = cpuid(0x8000000a, 0);
		f->revision = r.eax & 0xff;
		f->nr_asids = r.ebx;
		f->features = without & HV_NESTED ? r.edx & ~BIT32(SVM_NP) : r.edx;
		/* Bochs has no VM_CR: RDMSR faults, and SVM is enabled. */
		f->vm_cr_ok = rdmsr_safe(MSR_VM_CR, &f->vm_cr) == 0;
		/* The one CPU with SVM that has no VM_CR; nothing else tells it from real ones. */
		f->is_bochs = !f->vm_cr_ok;
	}
	return svm_judge(f, why, size);
}

static const struct {
	const char *name, *use;
	u32 bit;
} features[] = {

#define X(id, name, bit, use) { name, use, bit },
	SVM_FEATURES(X)
#undef X
};

void svm_describe(struct out *o)
{
	out_text(o, "SVM revision %u, %u ASIDs, VM_CR %s0x%llx", svm_facts.revision,
		 svm_facts.nr_asids, svm_facts.vm_cr_ok ? "" : "absent, taken as ",
		 (unsigned long long)svm_facts.vm_cr);
	out_heading(o);
	for (u32 i = 0; i < ARRAY_SIZE(features); i++) {
		out_begin(o);
		out_str(o, "feature", -26, features[i].name);
		out_bool(o, "present", 7, svm_facts.features & BIT32(features[i].bit));
		out_str(o, "use", -1, features[i].use);
		out_end(o);
	}
}
