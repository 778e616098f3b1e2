/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vmx/pml/pml.c tests/host/fake/vmcs.c tests/host/fake/mem.c tests/host/fake/bug.c */
/*
 * What the CPU has logged reaches the MMU once, from however much of the log is used.
 */
#include "mmu/mmu.h"
#include "vmx/backend.h"
#include "vmx/insn.h"
#include "vmx/tlb.h"

#include "tests/host/test.h"

static u64 log_page[512];
static u8 seen[512];
static u32 told, eptp_checks;
static struct mmu_vm vm;
static struct vmx_vcpu s = { .log = log_page, .mmu = &vm };
static struct vcpu v = { .backend = &s };

void mmu_wrote(struct mmu_vm *m, gpa_t gpa, u64 len)
{
	assert_ptr_equal(m, &vm);
	assert_int_equal(len, 1);
	seen[gpa.v >> 12]++;
	told++;
}

void vmx_eptp_check(struct vmx_vcpu *mine)
{
	assert_ptr_equal(mine, &s);
	eptp_checks++;
}

/* As the CPU does it: from the last entry up to the first. */
static void log_frames(u32 nr)
{
	memset(seen, 0, sizeof(seen));
	told = 0;
	for (u32 i = 0; i < nr; i++) {
		log_page[fake_vmcs[VMCS_PML_INDEX]] = (u64)i << 12;
		fake_vmcs[VMCS_PML_INDEX] = (fake_vmcs[VMCS_PML_INDEX] - 1) & 0xffff;
	}
}

static void every_logged_frame_is_told_once(void **state)
{
	static const u32 amounts[] = { 0, 1, 2, 511, 512 };

	(void)state;
	vmx_pml_setup(&s);
	assert_int_equal(fake_vmcs[VMCS_PML_ADDRESS], (u64)log_page);
	for (u32 n = 0; n < ARRAY_SIZE(amounts); n++) {
		log_frames(amounts[n]);
		vmx_pml_drain(&s);
		assert_int_equal(told, amounts[n]);
		for (u32 i = 0; i < amounts[n]; i++)
			assert_int_equal(seen[i], 1);
		assert_int_equal(fake_vmcs[VMCS_PML_INDEX], 511);
		vmx_pml_drain(&s);
		assert_int_equal(told, amounts[n]);
	}
}

static void log_that_begins_is_looked_at(void **state)
{
	(void)state;
	log_frames(3);
	eptp_checks = 0;
	vmx_dirty_sync(&v);
	assert_int_equal(told, 3);
	assert_int_equal(eptp_checks, 1);
}

static void cpu_without_a_log_has_no_field_for_it(void **state)
{
	static struct vmx_vcpu plain = { .mmu = &vm };

	(void)state;
	fake_vmcs[VMCS_PML_INDEX] = 7;
	told = 0;
	vmx_pml_setup(&plain);
	vmx_pml_drain(&plain);
	assert_int_equal(fake_vmcs[VMCS_PML_INDEX], 7);
	assert_int_equal(told, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_logged_frame_is_told_once),
		cmocka_unit_test(log_that_begins_is_looked_at),
		cmocka_unit_test(cpu_without_a_log_has_no_field_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
