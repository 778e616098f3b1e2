/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vmx/probe.c vmx/mitigate/mitigate.c lib/out.c tests/host/fake/bug.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/cpu.c */
/*
 * The sentence for a machine that cannot run guests says what is needed and what was read; control
 * words are what we want within what the CPU allows; the tables say what there is.
 */
#include "vmx/probe.h"

#include <errno.h>

#include "arch/cpufeat.h"
#include "arch/msr.h"
#include "tests/host/fake/cpu.h"
#include "vm/hv_ops.h"

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
	lacks(&f, VMX_ENTRY, ENTRY_CTL_LOAD_DEBUG);
	says(&f, -ENOSYS, "VM-entry", "MSR 0x490");
}

/* What there is no guest without, bit by bit; all else may be missing. */
static void needed_controls_are_these(void **state)
{
	static const u32 needed[VMX_NR_CTLS] = {
		[VMX_PIN] = PIN_INTR | PIN_NMI | PIN_VIRTUAL_NMI,
		[VMX_PROC] = PROC_TSC_OFFSET | PROC_HLT | PROC_MWAIT | PROC_RDPMC | PROC_CR8_LOAD |
			     PROC_CR8_STORE | PROC_MOV_DR | PROC_IO | PROC_MSR_BITMAPS |
			     PROC_MONITOR | PROC_SECONDARY,
		[VMX_PROC2] = PROC2_WBINVD,
		[VMX_EXIT] = EXIT_CTL_SAVE_DEBUG | EXIT_CTL_HOST_64,
		[VMX_ENTRY] = ENTRY_CTL_LOAD_DEBUG,
	};
	char why[200];

	(void)state;
	for (u32 w = 0; w < VMX_NR_CTLS; w++)
		for (u32 b = 0; b < 32; b++) {
			struct vmx_facts f = good();
			bool is_needed = needed[w] & BIT32(b);

			lacks(&f, w, BIT32(b));
			assert_int_equal(vmx_judge(&f, why, sizeof(why)), is_needed ? -ENOSYS : 0);
			f = good();
			if (is_needed)
				assert_true(vmx_ctl(&f, w) & BIT32(b));
		}
}

static void useful_controls_are_on_where_they_are(void **state)
{
	struct vmx_facts f = good();
	const u32 useful = PROC2_EPT | PROC2_UNRESTRICTED | PROC2_VPID | PROC2_RDTSCP |
			   PROC2_INVPCID | PROC2_XSAVES | PROC2_PML | PROC2_ENCLS;

	(void)state;
	assert_int_equal(vmx_ctl(&f, VMX_PROC2), useful | PROC2_WBINVD);
	lacks(&f, VMX_PROC2, PROC2_INVPCID);
	assert_int_equal(vmx_ctl(&f, VMX_PROC2), (useful & ~PROC2_INVPCID) | PROC2_WBINVD);
	/* Tags that nothing can flush are not given out, and VM-entry refuses tag 0. */
	f = good();
	f.ept_vpid &= ~BIT(32);
	assert_int_equal(vmx_ctl(&f, VMX_PROC2), (useful & ~PROC2_VPID) | PROC2_WBINVD);
	/* The log needs dirty bits, and both need EPT. */
	f = good();
	f.ept_vpid &= ~BIT(21);
	assert_false(vmx_logs(&f));
	assert_int_equal(vmx_ctl(&f, VMX_PROC2), (useful & ~PROC2_PML) | PROC2_WBINVD);
	f = good();
	lacks(&f, VMX_PROC2, PROC2_UNRESTRICTED);
	assert_false(vmx_ctl(&f, VMX_PROC2) & PROC2_PML);
}

/* The guest's CPUID has no SGX. */
static void enclaves_are_kept_from_guests_where_exits_can(void **state)
{
	struct vmx_facts f = good();

	(void)state;
	lacks(&f, VMX_PROC2, PROC2_ENCLS);
	assert_false(vmx_ctl(&f, VMX_PROC2) & PROC2_ENCLS);
	f.ctl[VMX_PROC2] |= (u64)PROC2_ENCLS << 32;
	assert_true(vmx_ctl(&f, VMX_PROC2) & PROC2_ENCLS);
}

/* Without it a window does. */
static void interrupts_are_acknowledged_where_exits_can(void **state)
{
	struct vmx_facts f = good();
	u32 all = vmx_ctl(&f, VMX_EXIT);

	(void)state;
	assert_true(all & EXIT_CTL_ACK_INTR);
	assert_true(vmx_has(&f, VMX_HAS_ACK_INTR));
	lacks(&f, VMX_EXIT, EXIT_CTL_ACK_INTR);
	assert_int_equal(vmx_ctl(&f, VMX_EXIT), all & ~EXIT_CTL_ACK_INTR);
	assert_false(vmx_has(&f, VMX_HAS_ACK_INTR));
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
	assert_true(vmx_ctl(&f, VMX_EXIT) & EXIT_CTL_SAVE_TIMER);
	assert_false(vmx_ctl(&f, VMX_PIN) & PIN_POSTED_INTR);
	lacks(&f, VMX_PIN, PIN_PREEMPTION_TIMER);
	assert_false(vmx_ctl(&f, VMX_PIN) & PIN_PREEMPTION_TIMER);
	assert_false(vmx_ctl(&f, VMX_EXIT) & EXIT_CTL_SAVE_TIMER);
	for (u32 w = 0; w < VMX_NR_CTLS; w++) {
		u32 ctl = vmx_ctl(&f, w), must = (u32)f.ctl[w], may = (u32)(f.ctl[w] >> 32);

		assert_int_equal(ctl & must, must);
		assert_int_equal(ctl & ~may, 0);
	}
}

/* Part of it would be none: all guests are shadowed then. */
static void nested_paging_is_all_or_nothing(void **state)
{
	static const u32 ept_bits[] = { 6, 14, 16, 20, 26 };
	struct vmx_facts f = good();

	(void)state;
	assert_true(vmx_nested(&f));
	for (u32 i = 0; i < ARRAY_SIZE(ept_bits); i++) {
		f = good();
		f.ept_vpid &= ~BIT(ept_bits[i]);
		assert_false(vmx_nested(&f));
		assert_false(vmx_ctl(&f, VMX_PROC2) & (PROC2_EPT | PROC2_UNRESTRICTED));
		assert_true(vmx_ctl(&f, VMX_PROC2) & PROC2_VPID);
	}
	f = good();
	lacks(&f, VMX_PROC2, PROC2_UNRESTRICTED);
	assert_false(vmx_nested(&f));
	assert_false(vmx_ctl(&f, VMX_PROC2) & PROC2_EPT);
}

static void efer_is_switched_by_controls_or_not_at_all(void **state)
{
	struct vmx_facts f = good();

	(void)state;
	assert_true(vmx_switches_efer(&f));
	assert_true(vmx_ctl(&f, VMX_EXIT) & EXIT_CTL_LOAD_EFER);
	assert_true(vmx_ctl(&f, VMX_ENTRY) & ENTRY_CTL_LOAD_PAT);
	lacks(&f, VMX_EXIT, EXIT_CTL_SAVE_EFER);
	assert_false(vmx_switches_efer(&f));
	assert_false(vmx_nested(&f));
	assert_false(vmx_ctl(&f, VMX_EXIT) & (EXIT_CTL_LOAD_EFER | EXIT_CTL_LOAD_PAT));
	assert_false(vmx_ctl(&f, VMX_ENTRY) & (ENTRY_CTL_LOAD_EFER | ENTRY_CTL_LOAD_PAT));
	assert_true(vmx_ctl(&f, VMX_EXIT) & EXIT_CTL_HOST_64);
}

static void forbidden_features_are_absent(void **state)
{
	struct vmx_facts f = good();

	(void)state;
	vmx_do_without(&f, 0);
	assert_true(vmx_nested(&f));
	vmx_do_without(&f, HV_UNRESTRICTED);
	assert_false(vmx_has(&f, VMX_HAS_UNRESTRICTED));
	assert_true(vmx_has(&f, VMX_HAS_EPT));
	assert_true(vmx_has(&f, VMX_HAS_VPID));
	f = good();
	vmx_do_without(&f, HV_NESTED);
	assert_false(vmx_has(&f, VMX_HAS_EPT));
	assert_false(vmx_has(&f, VMX_HAS_UNRESTRICTED));
	f = good();
	vmx_do_without(&f, HV_TAGS);
	assert_false(vmx_has(&f, VMX_HAS_VPID));
	assert_true(vmx_nested(&f));
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

static void set_msrs(const struct vmx_facts *f)
{
	static const u32 msrs[VMX_NR_CTLS] = { MSR_VMX_TRUE_PIN, MSR_VMX_TRUE_PROC, MSR_VMX_PROC2,
					       MSR_VMX_TRUE_EXIT, MSR_VMX_TRUE_ENTRY };
	static const u32 old[VMX_NR_CTLS] = { MSR_VMX_PIN, MSR_VMX_PROC, MSR_VMX_PROC2,
					      MSR_VMX_EXIT, MSR_VMX_ENTRY };

	*fake_msr(MSR_FEATURE_CONTROL) = f->feature_control;
	*fake_msr(MSR_VMX_BASIC) = f->basic;
	*fake_msr(MSR_VMX_MISC) = f->misc;
	*fake_msr(MSR_VMX_EPT_VPID) = f->ept_vpid;
	*fake_msr(MSR_VMX_CR0_FIXED0) = 0x80000021;
	*fake_msr(MSR_VMX_CR0_FIXED1) = 0xffffffff;
	*fake_msr(MSR_VMX_CR4_FIXED0) = 0x2000;
	*fake_msr(MSR_VMX_CR4_FIXED1) = 0x3727ff;
	for (u32 w = 0; w < VMX_NR_CTLS; w++)
		*fake_msr(f->basic & BIT(55) ? msrs[w] : old[w]) = f->ctl[w];
}

static void probe_reads_the_capabilities(void **state)
{
	struct vmx_facts f = good();
	char why[200];

	(void)state;
	cpu_features = BIT32(CPU_VMX);
	for (u32 is_true = 0; is_true < 2; is_true++) {
		f.basic = is_true ? BIT(55) | 0x2b : 0x2b;
		set_msrs(&f);
		vmx_facts = (struct vmx_facts){ 0 };
		assert_int_equal(vmx_probe(0, why, sizeof(why)), 0);
		assert_memory_equal(vmx_facts.ctl, f.ctl, sizeof(f.ctl));
		assert_int_equal(vmx_facts.ept_vpid, f.ept_vpid);
		assert_int_equal(vmx_facts.feature_control, 5);
		assert_int_equal(vmx_facts.cr4_fixed1, 0x3727ff);
		assert_int_equal(vmx_revision(&vmx_facts), 0x2b);
	}
}

/* Their MSRs do not exist, and RDMSR would fault. */
static void probe_reads_no_capabilities_that_are_not_there(void **state)
{
	struct vmx_facts f = good();
	char why[200];

	(void)state;
	cpu_features = BIT32(CPU_VMX);
	lacks(&f, VMX_PROC, PROC_SECONDARY);
	set_msrs(&f);
	vmx_facts = (struct vmx_facts){ 0 };
	assert_int_equal(vmx_probe(0, why, sizeof(why)), -ENOSYS);
	assert_int_equal(vmx_facts.ctl[VMX_PROC2], 0);
	assert_int_equal(vmx_facts.ept_vpid, 0);
	f = good();
	lacks(&f, VMX_PROC2, PROC2_EPT | PROC2_VPID);
	set_msrs(&f);
	vmx_facts = (struct vmx_facts){ 0 };
	(void)!vmx_probe(0, why, sizeof(why));
	assert_int_equal(vmx_facts.ept_vpid, 0);
}

static void probe_reads_no_msr_without_vmx(void **state)
{
	char why[200];

	(void)state;
	cpu_features = 0;
	assert_int_equal(vmx_probe(0, why, sizeof(why)), -ENODEV);
	assert_non_null(strstr(why, "Intel VMX is needed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usable_machine_is_accepted),
		cmocka_unit_test(missing_vmx_names_cpuid_bit_and_vendor),
		cmocka_unit_test(lock_by_firmware_names_the_msr),
		cmocka_unit_test(missing_control_is_named_with_its_msr),
		cmocka_unit_test(needed_controls_are_these),
		cmocka_unit_test(useful_controls_are_on_where_they_are),
		cmocka_unit_test(enclaves_are_kept_from_guests_where_exits_can),
		cmocka_unit_test(interrupts_are_acknowledged_where_exits_can),
		cmocka_unit_test(longest_sentence_fits),
		cmocka_unit_test(control_words_are_what_we_want_within_what_is_allowed),
		cmocka_unit_test(nested_paging_is_all_or_nothing),
		cmocka_unit_test(efer_is_switched_by_controls_or_not_at_all),
		cmocka_unit_test(forbidden_features_are_absent),
		cmocka_unit_test(feature_of_two_bits_needs_both),
		cmocka_unit_test(timer_counts_at_its_rate_and_never_zero),
		cmocka_unit_test(tables_show_controls_and_features),
		cmocka_unit_test(probe_reads_the_capabilities),
		cmocka_unit_test(probe_reads_no_capabilities_that_are_not_there),
		cmocka_unit_test(probe_reads_no_msr_without_vmx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
