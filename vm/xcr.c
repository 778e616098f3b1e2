/* SPDX-License-Identifier: BSD-2-Clause */
/* XSETBV. Source: AMD APM 4 "XSETBV". */
#include "arch/regs.h"
#include "arch/x86.h"
#include "vm/cpuid.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

#define XCR0_X87    BIT(0)
#define XCR0_SSE    BIT(1)
#define XCR0_AVX    BIT(2)
#define XCR0_AVX512 (BIT(5) | BIT(6) | BIT(7))

bool xcr0_valid(u64 val, u64 supported)
{
	u64 avx512 = val & XCR0_AVX512;

	if (!(val & XCR0_X87) || (val & ~supported))
		return false;
	if ((val & XCR0_AVX) && !(val & XCR0_SSE))
		return false;
	return !avx512 || (avx512 == XCR0_AVX512 && (val & XCR0_AVX));
}

void exit_xsetbv(struct vcpu *v)
{
	u64 val = (v->regs.gpr[R_DX] << 32) | (u32)v->regs.gpr[R_AX];
	struct mmu_regs regs;
	u8 len = fetch_insn_len(v, OP_XSETBV);

	if (!len)
		return;
	hv->get_paging(v, &regs);
	if (!(regs.cr4 & CR4_OSXSAVE)) {
		vcpu_inject_ud(v);
		return;
	}
	if (regs.cpl != 0 || (u32)v->regs.gpr[R_CX] != 0 ||
	    !xcr0_valid(val, v->vm->cpuid->caps.xcr0_valid)) {
		vcpu_inject_gp(v);
		return;
	}
	xsetbv(0, val);
	vcpu_skip(v, len);
}
