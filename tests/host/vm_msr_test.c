/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/msr.c vm/mtrr.c tests/host/fake/bug.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/cpu.c tests/host/fake/paging.c */
/* The policy of each MSR: values at power-on, what may be written, what raises #GP. */
#include <errno.h>

#include "arch/msr.h"
#include "tests/host/vm_fake.h"
#include "vm/dev/vlapic.h"
#include "vm/msr.h"

static u32 lapic_msr;
static u64 lapic_val;
static u32 tsc_updates;

int vlapic_msr_read(struct vcpu *v, u32 msr, u64 *val)
{
	(void)v;
	lapic_msr = msr;
	*val = lapic_val;
	return 0;
}

int vlapic_msr_write(struct vcpu *v, u32 msr, u64 val)
{
	(void)v;
	lapic_msr = msr;
	lapic_val = val;
	return 0;
}

void vcpu_update_tsc(struct vcpu *v)
{
	v->tsc_offset = v->tsc_adjust - v->vm->tsc_base;
	tsc_updates++;
}

/* The host's microcode revision. */
static struct {
	int error;
	u64 val;
} host_msr;

int rdmsr_safe(u32 msr, u64 *val)
{
	assert_int_equal(msr, MSR_BIOS_SIGN_ID);
	*val = host_msr.val;
	return host_msr.error;
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	fake_cpuid.caps =
		(struct guest_caps){ .efer_valid = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
				     .maxphyaddr = 40 };
	msr_reset(&fake_vcpu);
	tsc_updates = 0;
	fake_tsc = 1000;
	return 0;
}

static u64 rd(u32 msr)
{
	u64 val = 0xdead;

	assert_int_equal(msr_read(&fake_vcpu, msr, &val), 0);
	return val;
}

static int wr(u32 msr, u64 val)
{
	return msr_write(&fake_vcpu, msr, val);
}

static void unknown_msrs_are_told_apart(void **state)
{
	static const u32 unknown[] = { 0,          1,          0x11,       0x1fffffff,
				       0x40000000, 0xc0000085, 0xc0010200, 0xffffffff };
	u64 val;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		assert_int_equal(msr_read(&fake_vcpu, unknown[i], &val), -ENOENT);
		assert_int_equal(wr(unknown[i], 0), -ENOENT);
	}
}

static void microcode_revision_is_the_hosts_or_zero(void **state)
{
	(void)state;
	host_msr.val = 0x12ULL << 32;
	assert_int_equal(rd(MSR_BIOS_SIGN_ID), 0x12ULL << 32);
	host_msr.error = -EIO;
	assert_int_equal(rd(MSR_BIOS_SIGN_ID), 0);
	host_msr.error = 0;
}

static void every_known_msr_is_found_again_and_again(void **state)
{
	/* Numbers that share a place in the table of recent rows. */
	static const u32 msrs[] = { MSR_TSC_ADJUST, MSR_TSC_ADJUST + 0x240, MSR_MTRR_CAP, 0x27b };
	u64 val;

	(void)state;
	for (u32 round = 0; round < 3; round++) {
		assert_int_equal(msr_read(&fake_vcpu, msrs[0], &val), 0);
		assert_int_equal(msr_read(&fake_vcpu, msrs[1], &val), -ENOENT);
		assert_int_equal(rd(msrs[2]), 0x508);
		assert_int_equal(msr_read(&fake_vcpu, msrs[3], &val), -ENOENT);
	}
}

static void tsc_adjust_moves_the_tsc(void **state)
{
	(void)state;
	fake_vm.tsc_base = 400;
	assert_int_equal(wr(MSR_TSC_ADJUST, 0), 0);
	assert_int_equal(rd(MSR_TSC), 600);
	assert_int_equal(wr(MSR_TSC_ADJUST, 50), 0);
	assert_int_equal(rd(MSR_TSC), 650);
	assert_int_equal(wr(MSR_TSC, 10), 0);
	assert_int_equal(rd(MSR_TSC), 10);
	assert_int_equal(rd(MSR_TSC_ADJUST), (u64)-590);
	assert_int_equal(tsc_updates, 3);
}

static void local_apic_msrs_go_to_the_local_apic(void **state)
{
	static const u32 msrs[] = { MSR_APIC_BASE, MSR_TSC_DEADLINE, MSR_X2APIC_FIRST,
				    MSR_X2APIC_LAST };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		assert_int_equal(wr(msrs[i], i + 1), 0);
		assert_int_equal(lapic_msr, msrs[i]);
		assert_int_equal(rd(msrs[i]), i + 1);
	}
}

static void efer_takes_what_cpuid_shows(void **state)
{
	(void)state;
	assert_int_equal(wr(MSR_EFER, EFER_SVME), -EINVAL);
	assert_int_equal(wr(MSR_EFER, EFER_FFXSR), -EINVAL);
	assert_int_equal(wr(MSR_EFER, EFER_SCE | EFER_LME | EFER_NXE), 0);
	assert_int_equal(rd(MSR_EFER), EFER_SCE | EFER_LME | EFER_NXE);
}

static void efer_lme_stands_while_paging_is_on_and_lma_is_the_cpus(void **state)
{
	(void)state;
	fake_sreg[SR_CR0] = CR0_PG | CR0_PE;
	fake_sreg[SR_EFER] = EFER_LME | EFER_LMA;
	assert_int_equal(wr(MSR_EFER, 0), -EINVAL);
	assert_int_equal(wr(MSR_EFER, EFER_LME | EFER_NXE), 0);
	assert_int_equal(rd(MSR_EFER), EFER_LME | EFER_LMA | EFER_NXE);
	fake_sreg[SR_CR0] = 0;
	fake_sreg[SR_EFER] = 0;
	assert_int_equal(wr(MSR_EFER, EFER_LMA), 0);
	assert_int_equal(rd(MSR_EFER), 0);
}

static void addresses_must_be_canonical(void **state)
{
	static const u32 msrs[] = { MSR_LSTAR,   MSR_CSTAR,        MSR_KERNEL_GS_BASE, MSR_FS_BASE,
				    MSR_GS_BASE, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++) {
		assert_int_equal(wr(msrs[i], 0x0000800000000000), -EINVAL);
		assert_int_equal(wr(msrs[i], 0xffff800000000000), 0);
		assert_int_equal(rd(msrs[i]), 0xffff800000000000);
	}
	fake_cpuid.caps.cr4_valid = CR4_LA57;
	assert_int_equal(wr(MSR_LSTAR, 0x0000800000000000), 0);
	assert_int_equal(wr(MSR_LSTAR, 0x0100000000000000), -EINVAL);
}

static void pat_takes_only_types_that_exist(void **state)
{
	(void)state;
	assert_int_equal(wr(MSR_PAT, 0x0007040600070406), 0);
	assert_int_equal(rd(MSR_PAT), 0x0007040600070406);
	assert_int_equal(wr(MSR_PAT, 0x0200000000000000), -EINVAL);
	assert_int_equal(wr(MSR_PAT, 3), -EINVAL);
	assert_int_equal(wr(MSR_PAT, 8), -EINVAL);
}

static void mtrrs_read_back_and_check_types(void **state)
{
	(void)state;
	assert_int_equal(rd(MSR_MTRR_DEF_TYPE), 0xc06);
	assert_int_equal(wr(MSR_MTRR_DEF_TYPE, 0x800), 0);
	assert_int_equal(rd(MSR_MTRR_DEF_TYPE), 0x800);
	assert_int_equal(wr(MSR_MTRR_DEF_TYPE, 0xc02), -EINVAL);
	assert_int_equal(wr(MSR_MTRR_DEF_TYPE, 0x1000), -EINVAL);
	assert_int_equal(wr(MSR_MTRR_PHYSBASE0, 0xe0000006), 0);
	assert_int_equal(wr(MSR_MTRR_PHYSBASE0 + 1, 0xffe0000800), 0);
	assert_int_equal(wr(MSR_MTRR_PHYSBASE0 + 1, BIT(40)), -EINVAL);
	assert_int_equal(wr(MSR_MTRR_PHYSBASE0, 7), -EINVAL);
	assert_int_equal(rd(MSR_MTRR_PHYSBASE0), 0xe0000006);
	assert_int_equal(wr(MSR_MTRR_PHYSMASK7, 0x800), 0);
	assert_int_equal(wr(MSR_MTRR_FIX64K, 0x0606060606060606), 0);
	assert_int_equal(wr(MSR_MTRR_FIX4K_7, 0x0606060602060606), -EINVAL);
	assert_int_equal(wr(MSR_MTRR_FIX4K_7, 0x0505050505050505), 0);
	assert_int_equal(rd(MSR_MTRR_FIX4K_7), 0x0505050505050505);
	assert_int_equal(rd(MSR_MTRR_FIX64K), 0x0606060606060606);
	assert_int_equal(wr(MSR_MTRR_CAP, 0), -EINVAL);
}

static void features_that_are_hidden_fault(void **state)
{
	u64 val;

	(void)state;
	assert_int_equal(msr_read(&fake_vcpu, MSR_TSC_AUX, &val), -EINVAL);
	assert_int_equal(wr(MSR_TSC_AUX, 1), -EINVAL);
	assert_int_equal(wr(MSR_XSS, 0), -EINVAL);
	assert_int_equal(wr(MSR_PRED_CMD, 0), -EINVAL);
	assert_int_equal(wr(MSR_SPEC_CTRL, 0), -EINVAL);
	fake_cpuid.caps.xsaves = fake_cpuid.caps.ibpb = true;
	assert_int_equal(wr(MSR_XSS, 0), 0);
	assert_int_equal(wr(MSR_XSS, 1), -EINVAL);
	assert_int_equal(wr(MSR_PRED_CMD, 2), -EINVAL);
	assert_int_equal(wr(MSR_PRED_CMD, 0), 0);
	assert_int_equal(msr_read(&fake_vcpu, MSR_PRED_CMD, &val), -EINVAL);
}

static void there_are_no_machine_check_banks(void **state)
{
	u64 val;

	(void)state;
	assert_int_equal(rd(MSR_MCG_CAP), 0);
	assert_int_equal(rd(MSR_MCG_STATUS), 0);
	assert_int_equal(wr(MSR_MCG_STATUS, 0), 0);
	assert_int_equal(wr(MSR_MCG_STATUS, 1), -EINVAL);
	assert_int_equal(msr_read(&fake_vcpu, 0x400, &val), -ENOENT);
}

static void amd_systems_find_what_they_look_for(void **state)
{
	(void)state;
	assert_true(rd(MSR_HWCR) & BIT(24));
	assert_int_equal(rd(MSR_VM_CR), 0x18);
	assert_int_equal(rd(MSR_SYSCFG), 0);
	assert_true(rd(0xc0011029) & BIT(1));
	assert_int_equal(rd(0xc0011020), 0);
	assert_int_equal(rd(0xc001102a), 0);
	assert_int_equal(wr(0xc0011029, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(unknown_msrs_are_told_apart, setup),
		cmocka_unit_test_setup(microcode_revision_is_the_hosts_or_zero, setup),
		cmocka_unit_test_setup(every_known_msr_is_found_again_and_again, setup),
		cmocka_unit_test_setup(tsc_adjust_moves_the_tsc, setup),
		cmocka_unit_test_setup(local_apic_msrs_go_to_the_local_apic, setup),
		cmocka_unit_test_setup(efer_takes_what_cpuid_shows, setup),
		cmocka_unit_test_setup(efer_lme_stands_while_paging_is_on_and_lma_is_the_cpus,
				       setup),
		cmocka_unit_test_setup(addresses_must_be_canonical, setup),
		cmocka_unit_test_setup(pat_takes_only_types_that_exist, setup),
		cmocka_unit_test_setup(mtrrs_read_back_and_check_types, setup),
		cmocka_unit_test_setup(features_that_are_hidden_fault, setup),
		cmocka_unit_test_setup(there_are_no_machine_check_banks, setup),
		cmocka_unit_test_setup(amd_systems_find_what_they_look_for, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
