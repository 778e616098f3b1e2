/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vmx/probe.c lib/out.c tests/host/fake/bug.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/cpu.c */
/*
 * The sentence for a machine that cannot run guests says what is needed and what was read; control
 * words are what we want within what the CPU allows; the tables say what there is.
 */
#include "vmx/probe.h"

#include <errno.h>

#include "arch/cpufeat.h"

#include "tests/host/test.h"

#define CTL(must, may) ((u64)(may) << 32 | (must))

u32 cpu_features;
char cpu_vendor[13] = "GenuineIntel";
char cpu_hypervisor[13];

/* As corei7_skylake_x of Bochs, locked on by its BIOS. */
static struct vmx_facts good(void)
{
	return (struct vmx_facts){
		.vmx = true,
		.feature_control = 5,
		.basic = BIT(55) | 0x2b,
		.misc = 5,
		.ctl = {
			[VMX_PIN] = CTL(0x16, 0x7f),
			[VMX_PROC] = CTL(0x04006172, 0xfff9fffe),
			[VMX_PROC2] = CTL(0, 0x1fffff),
			[VMX_EXIT] = CTL(0x36dfb, 0xffffff),
			[VMX_ENTRY] = CTL(0x11fb, 0x1ffff),
		},
		.ept_vpid = 0xf0106334141ULL,
		.vendor = "GenuineIntel",
		.below = "",
	};
}

static void lacks(struct vmx_facts *f, enum vmx_word word, u32 bits)
{
	f->ctl[word] &= ~((u64)bits << 32);
}

static void says(const struct vmx_facts *f, int rc, const char *a, const char *b)
{
	char why[200];

	assert_int_equal(vmx_judge(f, why, sizeof(why)), rc);
	assert_non_null(strstr(why, a));
	assert_non_null(strstr(why, b));
	assert_null(strchr(why, '\n'));
}

static void usable_machine_is_accepted(void **state)
{
	struct vmx_facts f = good();
	char why[200];

	(void)state;
	assert_int_equal(vmx_judge(&f, why, sizeof(why)), 0);
	f.feature_control = 0; /* open: we enable and lock it */
	assert_int_equal(vmx_judge(&f, why, sizeof(why)), 0);
	f.feature_control = 4;
	assert_int_equal(vmx_judge(&f, why, sizeof(why)), 0);
}

static void missing_vmx_names_cpuid_bit_and_vendor(void **state)
{
	struct vmx_facts f = good();

	(void)state;
	f.vmx = false;
	f.vendor = "AuthenticAMD";
	says(&f, -ENODEV, "CPUID 1 ECX bit 5 is 0", "AuthenticAMD");
	f.below = "KVMKVMKVM";
	says(&f, -ENODEV, "Intel VMX is needed", "under the hypervisor \"KVMKVMKVM\"");
}

static void lock_by_firmware_names_the_msr(void **state)
{
	struct vmx_facts f = good();

	(void)state;
	f.feature_control = 1;
	says(&f, -ENOSYS, "disabled by the firmware", "IA32_FEATURE_CONTROL = 0x1");
	f.feature_control = 3; /* within SMX only */
	says(&f, -ENOSYS, "firmware's setup", "IA32_FEATURE_CONTROL = 0x3");
}

static void missing_control_is_named_with_its_msr(void **state)
{
	struct vmx_facts f = good();

	(void)state;
	lacks(&f, VMX_PIN, PIN_VIRTUAL_NMI);
	says(&f, -ENOSYS, "0x20 of the pin-based controls", "MSR 0x48d");
	f = good();
	f.basic = 0x2b;
	lacks(&f, VMX_PIN, PIN_VIRTUAL_NMI);
	says(&f, -ENOSYS, "0x20 of the pin-based controls", "MSR 0x481");
	f = good();
	lacks(&f, VMX_PROC, PROC_MSR_BITMAPS);
	says(&f, -ENOSYS, "processor-based", "MSR 0x48e");
	f = good();
	lacks(&f, VMX_EXIT, EXIT_CTL_HOST_64);
	says(&f, -ENOSYS, "VM-exit", "MSR 0x48f");
	f = good();
	lacks(&f, VMX_ENTRY, ENTRY_CTL_LOAD_EFER);
	says(&f, -ENOSYS, "VM-entry", "MSR 0x490");
}

static void longest_sentence_fits(void **state)
{
	struct vmx_facts f = good();
	char why[200];

	(void)state;
	f.below = "TwelveLetter";
	f.feature_control = ~4ULL;
	assert_int_equal(vmx_judge(&f, why, sizeof(why)), -ENOSYS);
	assert_non_null(strstr(why, "firmware's setup"));
}

static void control_words_are_what_we_want_within_what_is_allowed(void **state)
{
	struct vmx_facts f = good();

	(void)state;
	assert_int_equal(vmx_ctl(&f, VMX_PIN) & 0x16, 0x16);
	assert_true(vmx_ctl(&f, VMX_PIN) & PIN_PREEMPTION_TIMER);
	assert_false(vmx_ctl(&f, VMX_PIN) & PIN_POSTED_INTR);
	lacks(&f, VMX_PIN, PIN_PREEMPTION_TIMER);
	assert_false(vmx_ctl(&f, VMX_PIN) & PIN_PREEMPTION_TIMER);
	for (u32 w = 0; w < VMX_NR_CTLS; w++) {
		u32 ctl = vmx_ctl(&f, w), must = (u32)f.ctl[w], may = (u32)(f.ctl[w] >> 32);

		assert_int_equal(ctl & must, must);
		assert_int_equal(ctl & ~may, 0);
	}
}

static void feature_of_two_bits_needs_both(void **state)
{
	struct vmx_facts f = good();

	(void)state;
	assert_true(vmx_has(&f, VMX_HAS_INVEPT));
	f.ept_vpid &= ~BIT(26);
	assert_false(vmx_has(&f, VMX_HAS_INVEPT));
	f = good();
	assert_true(vmx_has(&f, VMX_HAS_VPID));
	lacks(&f, VMX_PROC2, PROC2_VPID);
	assert_false(vmx_has(&f, VMX_HAS_VPID));
}

static void timer_counts_at_its_rate_and_never_zero(void **state)
{
	struct vmx_facts f = good();

	(void)state;
	assert_int_equal(vmx_timer_ticks(&f, 3200), 100); /* every 32 ticks of the TSC */
	assert_int_equal(vmx_timer_ticks(&f, 31), 1);
	f.misc = 0;
	assert_int_equal(vmx_timer_ticks(&f, BIT(40)), ~0U);
}

static char text[16384];

static void append(void *arg, const char *s, size_t n)
{
	(void)arg;
	strncat(text, s, n);
}

static void tables_show_controls_and_features(void **state)
{
	struct out o;

	(void)state;
	vmx_facts = good();
	out_init(&o, append, NULL, false);
	vmx_describe(&o);
	assert_non_null(strstr(text, "enabled and locked by the firmware"));
	assert_non_null(strstr(text, "pin-based"));
	assert_non_null(strstr(text, "0x7f"));
	assert_non_null(strstr(text, "unrestricted guest"));
	text[0] = 0;
	vmx_facts.feature_control = 0;
	vmx_describe(&o);
	assert_non_null(strstr(text, "left open by the firmware"));
}

static void probe_reads_no_msr_without_vmx(void **state)
{
	char why[200];

	(void)state;
	cpu_features = 0;
	assert_int_equal(vmx_probe(why, sizeof(why)), -ENODEV);
	assert_non_null(strstr(why, "Intel VMX is needed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usable_machine_is_accepted),
		cmocka_unit_test(missing_vmx_names_cpuid_bit_and_vendor),
		cmocka_unit_test(lock_by_firmware_names_the_msr),
		cmocka_unit_test(missing_control_is_named_with_its_msr),
		cmocka_unit_test(longest_sentence_fits),
		cmocka_unit_test(control_words_are_what_we_want_within_what_is_allowed),
		cmocka_unit_test(feature_of_two_bits_needs_both),
		cmocka_unit_test(timer_counts_at_its_rate_and_never_zero),
		cmocka_unit_test(tables_show_controls_and_features),
		cmocka_unit_test(probe_reads_no_msr_without_vmx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
