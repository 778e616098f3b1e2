/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy for MSRs, one row each. What the backend passes through (FS and GS base, SYSCALL and
 * SYSENTER) comes here only from backends that do not.
 * Source: AMD APM 2 "MSR Cross-Reference"; Intel SDM 4 "Model-Specific Registers (MSRs)".
 */
#include "vm/msr.h"

#include <errno.h>

#include "arch/msr.h"
#include "arch/regs.h"
#include "arch/x86.h"
#include "vm/cpuid.h"
#include "vm/dev/vlapic.h"
#include "vm/hv_ops.h"
#include "vm/paging.h"
#include "vm/predictor.h"
#include "vm/vm.h"

#define MSR_PERFCTR_K7_FIRST 0xc0010000
#define MSR_PERFCTR_K7_LAST  0xc0010007
#define MSR_TOP_MEM          0xc001001a
#define MSR_TOP_MEM2         0xc001001d
#define MSR_NB_CFG           0xc001001f
#define MSR_INT_PENDING      0xc0010055
#define MSR_SMM_FIRST        0xc0010111
#define MSR_SMM_LAST         0xc0010113
#define MSR_CU_CFG_FIRST     0xc0011020
#define MSR_DE_CFG           0xc0011029
#define MSR_CU_CFG_LAST      0xc001102d

#define MISC_ENABLE_RESET     BIT(0)  /* fast strings */
#define HWCR_TSC_FREQ_SEL     BIT(24) /* the TSC counts at a constant rate */
#define VM_CR_LOCKED_DISABLED (BIT(3) | BIT(4))
#define DE_CFG_LFENCE         BIT(1) /* LFENCE serialises */
#define DEBUGCTL_VALID        (DEBUGCTL_LBR | DEBUGCTL_BTF)

struct msr_row {
	u32 first, last;
	int (*rd)(struct vcpu *v, u32 msr, u64 *val);
	int (*wr)(struct vcpu *v, u32 msr, u64 val);
};

static int rd_zero(struct vcpu *v, u32 msr, u64 *val)
{
	(void)v;
	(void)msr;
	*val = 0;
	return 0;
}

static int rd_fixed(struct vcpu *v, u32 msr, u64 *val)
{
	(void)v;
	switch (msr) {
	case MSR_MTRR_CAP:
		*val = MTRR_CAP;
		return 0;
	case MSR_HWCR:
		*val = HWCR_TSC_FREQ_SEL;
		return 0;
	case MSR_VM_CR:
		*val = VM_CR_LOCKED_DISABLED;
		return 0;
	case MSR_DE_CFG:
		*val = DE_CFG_LFENCE;
		return 0;
	default:
		return -EINVAL;
	}
}

static int rd_gp(struct vcpu *v, u32 msr, u64 *val)
{
	(void)v;
	(void)msr;
	(void)val;
	return -EINVAL;
}

static int wr_gp(struct vcpu *v, u32 msr, u64 val)
{
	(void)v;
	(void)msr;
	(void)val;
	return -EINVAL;
}

static int wr_ignore(struct vcpu *v, u32 msr, u64 val)
{
	(void)v;
	(void)msr;
	(void)val;
	return 0;
}

/* Only zero may be written. */
static int wr_zero(struct vcpu *v, u32 msr, u64 val)
{
	(void)v;
	(void)msr;
	return val ? -EINVAL : 0;
}

static int rd_tsc(struct vcpu *v, u32 msr, u64 *val)
{
	(void)msr;
	*val = rdtsc() + v->tsc_offset;
	return 0;
}

static int rd_tsc_adjust(struct vcpu *v, u32 msr, u64 *val)
{
	(void)msr;
	*val = v->tsc_adjust;
	return 0;
}

/* Moves the TSC by as much as the value changes. Source: Intel SDM 3B "Time-Stamp Counter
 * Adjustment". */
static int wr_tsc_adjust(struct vcpu *v, u32 msr, u64 val)
{
	(void)msr;
	v->tsc_adjust = val;
	vcpu_update_tsc(v);
	return 0;
}

static int wr_tsc(struct vcpu *v, u32 msr, u64 val)
{
	return wr_tsc_adjust(v, msr, v->tsc_adjust + val - (rdtsc() + v->tsc_offset));
}

static int rd_tsc_aux(struct vcpu *v, u32 msr, u64 *val)
{
	(void)msr;
	*val = v->tsc_aux;
	return v->vm->cpuid->caps.tsc_aux ? 0 : -EINVAL;
}

static int wr_tsc_aux(struct vcpu *v, u32 msr, u64 val)
{
	(void)msr;
	if (!v->vm->cpuid->caps.tsc_aux || val >> 32)
		return -EINVAL;
	v->tsc_aux = val;
	msr_load(v);
	return 0;
}

/* A barrier for the guest's own sake; SPEC_CTRL itself is not offered. */
static int wr_pred_cmd(struct vcpu *v, u32 msr, u64 val)
{
	if (!v->vm->cpuid->caps.ibpb || (val & ~PRED_CMD_IBPB))
		return -EINVAL;
	if (val)
		wrmsr(msr, val);
	return 0;
}

/*
 * The microcode's revision is the host's, or 0 where the host has none (Bochs). Intel keeps it in
 * the upper half.
 */
static int rd_bios_sign(struct vcpu *v, u32 msr, u64 *val)
{
	(void)v;
	if (rdmsr_safe(msr, val))
		*val = 0;
	return 0;
}

static int rd_misc_enable(struct vcpu *v, u32 msr, u64 *val)
{
	(void)msr;
	*val = v->misc_enable;
	return 0;
}

static int wr_misc_enable(struct vcpu *v, u32 msr, u64 val)
{
	(void)msr;
	v->misc_enable = val;
	return 0;
}

static int rd_mtrr(struct vcpu *v, u32 msr, u64 *val)
{
	return mtrr_read(&v->mtrr, msr, val);
}

static int wr_mtrr(struct vcpu *v, u32 msr, u64 val)
{
	return mtrr_write(&v->mtrr, msr, val, v->vm->cpuid->caps.maxphyaddr);
}

static int rd_xss(struct vcpu *v, u32 msr, u64 *val)
{
	(void)msr;
	*val = 0;
	return v->vm->cpuid->caps.xsaves ? 0 : -EINVAL;
}

static int wr_xss(struct vcpu *v, u32 msr, u64 val)
{
	(void)msr;
	return v->vm->cpuid->caps.xsaves && val == 0 ? 0 : -EINVAL;
}

/* MSRs that live in the backend's control block. */
static enum vcpu_sreg sreg_of(u32 msr)
{
	switch (msr) {
	case MSR_SYSENTER_CS:
		return SR_SYSENTER_CS;
	case MSR_SYSENTER_ESP:
		return SR_SYSENTER_ESP;
	case MSR_SYSENTER_EIP:
		return SR_SYSENTER_EIP;
	case MSR_DEBUGCTL:
		return SR_DEBUGCTL;
	case MSR_PAT:
		return SR_PAT;
	case MSR_STAR:
		return SR_STAR;
	case MSR_LSTAR:
		return SR_LSTAR;
	case MSR_CSTAR:
		return SR_CSTAR;
	case MSR_SFMASK:
		return SR_SFMASK;
	case MSR_EFER:
		return SR_EFER;
	default:
		return SR_KERNEL_GS_BASE;
	}
}

static int rd_sreg(struct vcpu *v, u32 msr, u64 *val)
{
	*val = hv->get_sreg(v, sreg_of(msr));
	return 0;
}

static int wr_sreg(struct vcpu *v, u32 msr, u64 val)
{
	hv->set_sreg(v, sreg_of(msr), val);
	return 0;
}

/* The upper bits repeat bit 56 where the CPU has 57-bit addresses, else bit 47. */
static bool canonical(const struct vcpu *v, u64 val)
{
	u32 shift = v->vm->cpuid->caps.cr4_valid & CR4_LA57 ? 64 - 57 : 64 - 48;

	return (u64)((s64)(val << shift) >> shift) == val;
}

static int wr_address(struct vcpu *v, u32 msr, u64 val)
{
	return canonical(v, val) ? wr_sreg(v, msr, val) : -EINVAL;
}

static int wr_debugctl(struct vcpu *v, u32 msr, u64 val)
{
	return val & ~DEBUGCTL_VALID ? -EINVAL : wr_sreg(v, msr, val);
}

static int wr_pat(struct vcpu *v, u32 msr, u64 val)
{
	for (u32 i = 0; i < 64; i += 8) {
		u64 type = val >> i & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return -EINVAL;
	}
	return wr_sreg(v, msr, val);
}

/* Source: AMD APM 2 "Extended Feature Enable Register (EFER)". LMA is the CPU's. */
static int wr_efer(struct vcpu *v, u32 msr, u64 val)
{
	u64 old = hv->get_sreg(v, SR_EFER);

	if (val & ~v->vm->cpuid->caps.efer_valid)
		return -EINVAL;
	if (((old ^ val) & EFER_LME) && (hv->get_sreg(v, SR_CR0) & CR0_PG))
		return -EINVAL;
	(void)msr;
	return paging_write(v, SR_EFER, (val & ~EFER_LMA) | (old & EFER_LMA)) ? 0 : -EINVAL;
}

static int rd_base(struct vcpu *v, u32 msr, u64 *val)
{
	struct segment s;

	hv->get_seg(v, msr == MSR_FS_BASE ? S_FS : S_GS, &s);
	*val = s.base;
	return 0;
}

static int wr_base(struct vcpu *v, u32 msr, u64 val)
{
	u32 seg = msr == MSR_FS_BASE ? S_FS : S_GS;
	struct segment s;

	if (!canonical(v, val))
		return -EINVAL;
	hv->get_seg(v, seg, &s);
	s.base = val;
	hv->set_seg(v, seg, &s);
	return 0;
}

/* In rising order, without overlaps: found by bisection. */
static const struct msr_row rows[] = {
	{ MSR_TSC, MSR_TSC, rd_tsc, wr_tsc },
	{ MSR_APIC_BASE, MSR_APIC_BASE, vlapic_msr_read, vlapic_msr_write },
	{ MSR_TSC_ADJUST, MSR_TSC_ADJUST, rd_tsc_adjust, wr_tsc_adjust },
	{ MSR_SPEC_CTRL, MSR_SPEC_CTRL, rd_gp, wr_gp },
	{ MSR_PRED_CMD, MSR_PRED_CMD, rd_gp, wr_pred_cmd },
	{ MSR_BIOS_SIGN_ID, MSR_BIOS_SIGN_ID, rd_bios_sign, wr_ignore },
	{ MSR_PLATFORM_INFO, MSR_PLATFORM_INFO, rd_zero, wr_gp },
	{ MSR_MTRR_CAP, MSR_MTRR_CAP, rd_fixed, wr_gp },
	{ MSR_SYSENTER_CS, MSR_SYSENTER_CS, rd_sreg, wr_sreg },
	{ MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, rd_sreg, wr_address },
	{ MSR_MCG_CAP, MSR_MCG_CAP, rd_zero, wr_gp },
	{ MSR_MCG_STATUS, MSR_MCG_STATUS, rd_zero, wr_zero },
	{ MSR_MISC_ENABLE, MSR_MISC_ENABLE, rd_misc_enable, wr_misc_enable },
	{ MSR_DEBUGCTL, MSR_DEBUGCTL, rd_sreg, wr_debugctl },
	{ MSR_MTRR_PHYSBASE0, MSR_MTRR_PHYSMASK7, rd_mtrr, wr_mtrr },
	{ MSR_MTRR_FIX64K, MSR_MTRR_FIX64K, rd_mtrr, wr_mtrr },
	{ MSR_MTRR_FIX16K_0, MSR_MTRR_FIX16K_1, rd_mtrr, wr_mtrr },
	{ MSR_MTRR_FIX4K_0, MSR_MTRR_FIX4K_7, rd_mtrr, wr_mtrr },
	{ MSR_PAT, MSR_PAT, rd_sreg, wr_pat },
	{ MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, rd_mtrr, wr_mtrr },
	{ MSR_TSC_DEADLINE, MSR_TSC_DEADLINE, vlapic_msr_read, vlapic_msr_write },
	{ MSR_X2APIC_FIRST, MSR_X2APIC_LAST, vlapic_msr_read, vlapic_msr_write },
	{ MSR_XSS, MSR_XSS, rd_xss, wr_xss },
	{ MSR_EFER, MSR_EFER, rd_sreg, wr_efer },
	{ MSR_STAR, MSR_STAR, rd_sreg, wr_sreg },
	{ MSR_LSTAR, MSR_CSTAR, rd_sreg, wr_address },
	{ MSR_SFMASK, MSR_SFMASK, rd_sreg, wr_sreg },
	{ MSR_FS_BASE, MSR_GS_BASE, rd_base, wr_base },
	{ MSR_KERNEL_GS_BASE, MSR_KERNEL_GS_BASE, rd_sreg, wr_address },
	{ MSR_TSC_AUX, MSR_TSC_AUX, rd_tsc_aux, wr_tsc_aux },
	/* What AMD systems read at boot and an operating system has no use for here. */
	{ MSR_PERFCTR_K7_FIRST, MSR_PERFCTR_K7_LAST, rd_zero, wr_ignore },
	{ MSR_SYSCFG, MSR_SYSCFG, rd_zero, wr_ignore },
	{ MSR_HWCR, MSR_HWCR, rd_fixed, wr_ignore },
	{ MSR_TOP_MEM, MSR_TOP_MEM, rd_zero, wr_ignore },
	{ MSR_TOP_MEM2, MSR_TOP_MEM2, rd_zero, wr_ignore },
	{ MSR_NB_CFG, MSR_NB_CFG, rd_zero, wr_ignore },
	{ MSR_INT_PENDING, MSR_INT_PENDING, rd_zero, wr_ignore },
	{ MSR_SMM_FIRST, MSR_SMM_LAST, rd_zero, wr_ignore },
	{ MSR_VM_CR, MSR_VM_CR, rd_fixed, wr_gp },
	{ MSR_CU_CFG_FIRST, MSR_DE_CFG - 1, rd_zero, wr_ignore },
	{ MSR_DE_CFG, MSR_DE_CFG, rd_fixed, wr_ignore },
	{ MSR_DE_CFG + 1, MSR_CU_CFG_LAST, rd_zero, wr_ignore },
};

static __noinline const struct msr_row *bisect(u32 msr)
{
	const struct msr_row *base = rows;
	u32 nr = ARRAY_SIZE(rows);

	while (nr) {
		const struct msr_row *r = &base[nr / 2];

		if (msr < r->first) {
			nr /= 2;
		} else if (msr > r->last) {
			base = r + 1;
			nr = (nr - 1) / 2;
		} else {
			return r;
		}
	}
	return NULL;
}

/* The rows last found; any CPU may replace one at any time. */
static const struct msr_row *recent[64];

static __always_inline const struct msr_row *row_of(u32 msr)
{
	const struct msr_row **slot = &recent[msr % ARRAY_SIZE(recent)];
	const struct msr_row *r = __atomic_load_n(slot, __ATOMIC_RELAXED);

	if (likely(r && msr >= r->first && msr <= r->last))
		return r;
	r = bisect(msr);
	if (r)
		__atomic_store_n(slot, r, __ATOMIC_RELAXED);
	return r;
}

int msr_read(struct vcpu *v, u32 msr, u64 *val)
{
	const struct msr_row *r = row_of(msr);

	return r ? r->rd(v, msr, val) : -ENOENT;
}

int msr_write(struct vcpu *v, u32 msr, u64 val)
{
	const struct msr_row *r = row_of(msr);

	return r ? r->wr(v, msr, val) : -ENOENT;
}

void msr_reset(struct vcpu *v)
{
	v->tsc_adjust = 0;
	v->tsc_aux = 0;
	v->misc_enable = MISC_ENABLE_RESET;
	mtrr_reset(&v->mtrr, v->vm->cpuid->caps.maxphyaddr);
}

void msr_load(struct vcpu *v)
{
	if (v->vm->cpuid->caps.tsc_aux)
		wrmsr(MSR_TSC_AUX, v->tsc_aux);
}
