/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: svm/check.c lib/out.c vm/record.c */
/*
 * The software VM-entry check: a good VMCB passes every rule; each rule, broken alone, is the one
 * that fails, and the values just inside the border pass.
 */
#include "svm/check.h"

#include <stdio.h>

#include "arch/regs.h"
#include "svm/backend.h"

#include "tests/host/test.h"

struct mmu_hw mmu_hw = { .maxphyaddr = 40 };
struct svm_facts svm_facts = { .nr_asids = 16 };

static const struct check_cpu cpu = {
	.cr4_reserved = ~(CR4_PAE | CR4_PGE | CR4_CET | CR4_LA57),
	.efer_reserved = ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME),
	.phys_reserved = ~MASK(39, 0),
	.nr_asids = 16,
};

static struct vmcb b;

/* A guest in long mode with paging on. */
static void make_good(void)
{
	memset(&b, 0, sizeof(b));
	b.save.efer = EFER_SVME | EFER_LME | EFER_LMA | EFER_NXE;
	b.save.cr0 = CR0_PE | CR0_PG | CR0_WP;
	b.save.cr3 = 0x1000;
	b.save.cr4 = CR4_PAE | CR4_PGE;
	b.save.dr6 = 0xffff0ff0;
	b.save.dr7 = 0x400;
	b.save.cs.attr = 0x29b;
	b.save.g_pat = 0x0007040600070406;
	b.ctl.asid = 15;
	b.ctl.nested_ctl = NESTED_CTL_NP;
	b.ctl.ncr3 = 0xfffffff000;
	b.ctl.iopm = BIT(40) - 3 * PAGE_SIZE;
	b.ctl.msrpm = BIT(40) - 2 * PAGE_SIZE;
	vmcb_intercept_set(&b, ICPT_VMRUN, true);
}

static u32 count_broken(const char **title)
{
	u32 n = 0;

	for (u32 i = 0; i < check_nr_rules; i++)
		if (!check_rules[i].ok(&b, &cpu)) {
			*title = check_rules[i].title;
			n++;
		}
	return n;
}

static u32 tested;

static void only(const char *title)
{
	const char *got = "none";

	assert_int_equal(count_broken(&got), 1);
	assert_string_equal(got, title);
	make_good();
	tested++;
}

static void none(void)
{
	const char *got = "none";

	count_broken(&got);
	assert_string_equal(got, "none");
	make_good();
}

static void good_vmcb_passes(void **state)
{
	(void)state;
	make_good();
	none();
}

static void each_broken_register_is_named(void **state)
{
	(void)state;
	make_good();
	b.save.efer &= ~EFER_SVME;
	only("SVM is enabled in the guest's EFER");
	b.save.efer |= BIT(63);
	only("EFER has no unknown bit");
	b.save.cr0 |= CR0_NW;
	only("not write-through needs cache disable");
	b.save.cr0 |= BIT(32);
	only("CR0 has 32 bits");
	b.save.cr3 |= BIT(40);
	only("CR3 is an address of this CPU");
	b.save.cr4 |= CR4_SMAP;
	only("CR4 has no unknown bit");
	b.save.cr4 |= CR4_CET;
	b.save.cr0 &= ~CR0_WP;
	only("CET needs write protection");
	b.save.dr6 |= BIT(32);
	only("DR6 has 32 bits");
	b.save.dr7 |= BIT(63);
	only("DR7 has 32 bits");
	b.save.cr4 &= ~CR4_PAE;
	only("long mode paging needs PAE");
	b.save.cr0 &= ~CR0_PE;
	only("long mode paging needs protection");
	b.save.cs.attr |= SEG_ATTR_DB;
	only("a code segment has one default size");
	b.save.g_pat ^= 4; /* 6 becomes 2 */
	only("the guest's PAT has memory types only");
}

static void each_broken_control_is_named(void **state)
{
	(void)state;
	make_good();
	vmcb_intercept_set(&b, ICPT_VMRUN, false);
	only("VMRUN exits");
	b.ctl.asid = 0;
	only("the ASID is a guest's");
	b.ctl.msrpm += PAGE_SIZE;
	only("the MSR bitmap is in memory");
	b.ctl.iopm += PAGE_SIZE;
	only("the I/O bitmap is in memory");
	b.ctl.event_inj = EVENTINJ_VALID | 1 << 8;
	only("the event's type exists");
	b.ctl.event_inj = EVENTINJ_VALID | EVENTINJ_TYPE_EXC << 8 | EXC_NMI;
	only("the event's vector is an exception");
	b.ctl.ncr3 |= BIT(40);
	only("nested CR3 is an address of this CPU");
	/* Every rule was broken here or in the test before. */
	assert_int_equal(tested, check_nr_rules);
}

static void neighbours_of_the_borders_pass(void **state)
{
	(void)state;
	make_good();
	b.save.cr0 |= CR0_NW | CR0_CD;
	none();
	b.save.cr4 |= CR4_CET;
	none();
	b.ctl.asid = 1;
	none();
	/* Not valid: nothing of it counts. */
	b.ctl.event_inj = 7 << 8 | EXC_NMI;
	none();
	b.ctl.event_inj = EVENTINJ_VALID | EVENTINJ_TYPE_EXC << 8 | 30;
	none();
	b.ctl.event_inj = EVENTINJ_VALID | EVENTINJ_TYPE_SOFT << 8 | 0xff;
	none();
	/* Without long mode the upper half of CR3 does not count; without paging PAE does not. */
	b.save.efer = EFER_SVME;
	b.save.cr3 = BIT(40);
	none();
	b.save.cr0 = 0;
	b.save.cr4 = 0;
	none();
	b.ctl.nested_ctl = 0;
	b.ctl.ncr3 = ~0ULL;
	b.save.g_pat = ~0ULL;
	none();
}

static char text[4096];

static void append(void *arg, const char *s, size_t n)
{
	(void)arg;
	strncat(text, s, n);
}

static void failed_rule_is_printed_with_field_and_value(void **state)
{
	struct svm_vcpu s = { .vmcb = &b };
	struct vcpu v = { .backend = &s };
	struct out o;

	(void)state;
	make_good();
	/* What this machine's CPUID has is not known here: real mode needs none of it. */
	b.save.efer = EFER_SVME;
	b.save.cr4 = 0;
	b.save.cr0 = 0;
	b.ctl.asid = 0x1234;
	out_init(&o, append, NULL, true);
	assert_true(svm_check(&v, &o) >= 1);
	assert_non_null(strstr(text, "the ASID is a guest's"));
	assert_non_null(strstr(text, "0x1234"));
	make_good();
}

static void value_is_read_with_the_fields_width(void **state)
{
	(void)state;
	make_good();
	memset(&b, 0xff, sizeof(b));
	for (u32 i = 0; i < check_nr_rules; i++) {
		const struct check_rule *r = &check_rules[i];

		assert_true(r->bytes == 2 || r->bytes == 4 || r->bytes == 8);
		assert_int_equal(check_value(&b, r), ~0ULL >> (64 - 8 * r->bytes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_vmcb_passes),
		cmocka_unit_test(each_broken_register_is_named),
		cmocka_unit_test(each_broken_control_is_named),
		cmocka_unit_test(neighbours_of_the_borders_pass),
		cmocka_unit_test(failed_rule_is_printed_with_field_and_value),
		cmocka_unit_test(value_is_read_with_the_fields_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
