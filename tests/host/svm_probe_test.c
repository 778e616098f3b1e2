/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: svm/probe.c lib/out.c */
/*
 * The sentence for a machine that cannot run guests says what is needed, what was read, and where.
 */
#include "svm/probe.h"

#include <errno.h>

#include "arch/cpufeat.h"
#include "arch/x86.h"

#include "tests/host/test.h"

u32 cpu_features;
char cpu_vendor[13] = "AuthenticAMD";
char cpu_hypervisor[13];

bool cpu_is_tcg(void)
{
	return false;
}

static int msr_rc;
static u64 msr_val;

int rdmsr_safe(u32 msr, u64 *val)
{
	(void)msr;
	*val = msr_val;
	return msr_rc;
}

static struct svm_facts good(void)
{
	return (struct svm_facts){ .svm = true,
				   .vm_cr_ok = true,
				   .nr_asids = 16,
				   .features = BIT32(SVM_NP),
				   .vendor = "AuthenticAMD",
				   .below = "" };
}

static void says(const struct svm_facts *f, const char *a, const char *b)
{
	char why[200];

	assert_int_equal(svm_judge(f, why, sizeof(why)), f->svm ? -ENOSYS : -ENODEV);
	assert_non_null(strstr(why, a));
	assert_non_null(strstr(why, b));
	assert_null(strchr(why, '\n'));
}

static void usable_machine_is_accepted(void **state)
{
	struct svm_facts f = good();
	char why[200];

	(void)state;
	assert_int_equal(svm_judge(&f, why, sizeof(why)), 0);
	f.vm_cr_ok = false; /* Bochs has no VM_CR */
	f.vm_cr = ~0ULL;
	assert_int_equal(svm_judge(&f, why, sizeof(why)), 0);
	f.vm_cr_ok = true;
	f.vm_cr = BIT(4); /* SVMDIS that is not locked can be cleared */
	assert_int_equal(svm_judge(&f, why, sizeof(why)), 0);
}

static void missing_svm_names_cpuid_bit_and_vendor(void **state)
{
	struct svm_facts f = good();

	(void)state;
	f.svm = false;
	f.vendor = "GenuineIntel";
	says(&f, "CPUID 8000_0001h ECX bit 2 is 0", "GenuineIntel");
}

static void hypervisor_below_is_named(void **state)
{
	struct svm_facts f = good();

	(void)state;
	f.svm = false;
	f.below = "KVMKVMKVM";
	says(&f, "AMD SVM is needed", "under the hypervisor \"KVMKVMKVM\"");
}

static void lock_by_firmware_names_the_msr(void **state)
{
	struct svm_facts f = good();

	(void)state;
	f.vm_cr = BIT(4) | BIT(3);
	says(&f, "disabled by the firmware", "VM_CR = 0x18");
}

static void nested_paging_may_be_missing(void **state)
{
	struct svm_facts f = good();
	char why[256];

	(void)state;
	f.features = 0;
	assert_int_equal(svm_judge(&f, why, sizeof(why)), 0);
}

static void no_guest_asid_is_said(void **state)
{
	struct svm_facts f = good();

	(void)state;
	f.nr_asids = 1;
	says(&f, "ASID", "EBX is 1");
}

static void longest_sentence_fits(void **state)
{
	struct svm_facts f = good();
	char why[200];

	(void)state;
	f.below = "TwelveLetter";
	f.vm_cr = ~0ULL;
	assert_int_equal(svm_judge(&f, why, sizeof(why)), -ENOSYS);
	assert_non_null(strstr(why, "firmware's setup"));
	f = good();
	f.below = "TwelveLetter";
	f.nr_asids = 1;
	assert_int_equal(svm_judge(&f, why, sizeof(why)), -ENOSYS);
	assert_int_equal(why[strlen(why) - 1], '"');
}

static void probe_survives_an_msr_that_faults(void **state)
{
	char why[200];

	(void)state;
	cpu_features = 0;
	msr_rc = -EIO;
	assert_int_equal(svm_probe(0, why, sizeof(why)), -ENODEV);
	assert_non_null(strstr(why, "AMD SVM is needed"));
	cpu_features = BIT32(CPU_SVM);
	(void)!svm_probe(0, why, sizeof(why));
	assert_false(svm_facts.vm_cr_ok);
	assert_true(svm_facts.is_bochs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usable_machine_is_accepted),
		cmocka_unit_test(missing_svm_names_cpuid_bit_and_vendor),
		cmocka_unit_test(hypervisor_below_is_named),
		cmocka_unit_test(lock_by_firmware_names_the_msr),
		cmocka_unit_test(nested_paging_may_be_missing),
		cmocka_unit_test(no_guest_asid_is_said),
		cmocka_unit_test(longest_sentence_fits),
		cmocka_unit_test(probe_survives_an_msr_that_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
