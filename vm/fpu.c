/* SPDX-License-Identifier: BSD-2-Clause */
/* XSAVE, or FXSAVE where the CPU has no XSAVE. Source: AMD APM 2 "XSAVE/XRSTOR". */
#include "vm/fpu.h"

#include <errno.h>
#include <string.h>

#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/x86.h"
#include "vm/cpuid.h"
#include "vm/vcpu.h"
#include "vm/vm.h"

#define XCR0_X87    BIT(0)
#define XSTATE_BV   512 /* offset of the header's bitmap of components that are there */
#define FCW_RESET   0x40
#define MXCSR_RESET 0x1f80

/* All components are switched, whatever the guest has enabled now: the registers of those that it
 * has disabled still hold its data. */
static u64 xcr0_all(const struct vcpu *v)
{
	return v->vm->cpuid->caps.xcr0_valid;
}

u64 fpu_xcr0(const struct vcpu *v)
{
	return xcr0_all(v) ? xgetbv(0) & xcr0_all(v) : XCR0_X87;
}

static void save(struct vcpu *v)
{
	u64 all = xcr0_all(v);

	if (!all) {
		__asm__ volatile("fxsave64 %0" : "=m"(*(char(*)[512])v->fpu));
		return;
	}
	/* QUIRK: QEMU TCG lets the guest execute XSETBV, intercepted or not. */
	v->xcr0 = xgetbv(0) & all;
	xsetbv(0, all);
	__asm__ volatile("xsave64 (%0)"
			 :
			 : "r"(v->fpu), "a"((u32)all), "d"((u32)(all >> 32))
			 : "memory");
}

static void restore(struct vcpu *v)
{
	u64 all = xcr0_all(v);

	if (!all) {
		__asm__ volatile("fxrstor64 %0" : : "m"(*(char(*)[512])v->fpu));
		return;
	}
	xsetbv(0, all);
	__asm__ volatile("xrstor64 (%0)"
			 :
			 : "r"(v->fpu), "a"((u32)all), "d"((u32)(all >> 32))
			 : "memory");
	xsetbv(0, v->xcr0);
}

void fpu_load(struct vcpu *v)
{
	struct cpu *c = this_cpu();

	if (c->fpu_owner == v)
		return;
	if (c->fpu_owner)
		save(c->fpu_owner);
	c->fpu_owner = v;
	restore(v);
}

void fpu_reset(struct vcpu *v)
{
	u16 fcw = FCW_RESET;
	u32 mxcsr = MXCSR_RESET;
	u64 present = XCR0_X87;

	v->xcr0 = XCR0_X87;
	memset(v->fpu, 0, v->vm->cpuid->caps.xsave_size);
	memcpy(v->fpu, &fcw, sizeof(fcw));
	memcpy((char *)v->fpu + 24, &mxcsr, sizeof(mxcsr));
	if (xcr0_all(v))
		memcpy((char *)v->fpu + XSTATE_BV, &present, sizeof(present));
	if (this_cpu()->fpu_owner == v)
		restore(v);
}

/* A page, which XSAVE's alignment of 64 bytes needs and XCR0_POLICY in cpuid.c fits. */
int fpu_create(struct vcpu *v)
{
	v->xcr0 = XCR0_X87;
	if (v->vm->cpuid->caps.xsave_size > PAGE_SIZE)
		return -ENOMEM;
	v->fpu = frame_alloc();
	return v->fpu ? 0 : -ENOMEM;
}

void fpu_destroy(struct vcpu *v)
{
	if (v->fpu)
		frame_free(v->fpu);
}
