/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vmx/mitigate/mitigate.c lib/out.c tests/host/fake/bug.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/cpu.c */
/*
 * Which CPUs have the errata: by model, unless IA32_ARCH_CAPABILITIES takes it back; and what is
 * done then, which for iTLB multihit is the user's choice.
 */
#include "vmx/mitigate/mitigate.h"

#include "arch/cpufeat.h"
#include "arch/msr.h"
#include "tests/host/fake/cpu.h"
#include "vm/hv_ops.h"

#include "tests/host/test.h"

#define RDCL_NO           BIT(0)
#define SKIP_L1DFL        BIT(3)
#define IF_PSCHANGE_MC_NO BIT(6)

u32 cpu_features;
char cpu_vendor[13];

static u32 signature(u32 family, u32 model)
{
	return family << 8 | (model & 15) << 4 | (model >> 4) << 16 | 3;
}

static struct mitigations judge(u32 model, u64 caps, u32 without)
{
	struct mitigate_facts f = {
		.intel = true, .signature = signature(6, model), .caps = caps, .flush_cmd = true
	};

	return mitigate_judge(&f, without);
}

static void models_have_these_errata(void **state)
{
	static const struct {
		u8 model;
		bool l1tf, multihit;
	} rows[] = {
		{ 0x17, false, false }, /* Penryn */
		{ 0x1e, true, true },   /* Lynnfield */
		{ 0x2a, true, true },   /* Sandy Bridge */
		{ 0x3a, true, true },   /* Ivy Bridge */
		{ 0x3c, true, true },   /* Haswell */
		{ 0x3d, true, true },   /* Broadwell */
		{ 0x55, true, true },   /* Skylake-SP */
		{ 0x9e, true, true },   /* Coffee Lake */
		{ 0xa5, false, true },  /* Comet Lake */
		{ 0x7e, false, false }, /* Ice Lake */
		{ 0x8c, false, false }, /* Tiger Lake */
		{ 0x37, false, false }, /* Silvermont */
		{ 0x5c, false, false }, /* Goldmont */
		{ 0x00, false, false },
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mitigations m = judge(rows[i].model, 0, 0);

		assert_int_equal(m.l1tf, rows[i].l1tf);
		assert_int_equal(m.flush_l1d, rows[i].l1tf);
		assert_int_equal(m.multihit_affected, rows[i].multihit);
		assert_int_equal(m.multihit, rows[i].multihit);
	}
}

/* The number means another CPU there. */
static void other_vendors_and_families_have_none(void **state)
{
	struct mitigate_facts f = { .signature = signature(6, 0x3c), .flush_cmd = true };
	struct mitigations m = mitigate_judge(&f, 0);

	(void)state;
	assert_false(m.l1tf || m.flush_l1d || m.multihit || m.multihit_affected);
	f.intel = true;
	f.signature = signature(15, 0x3c);
	m = mitigate_judge(&f, 0);
	assert_false(m.l1tf || m.flush_l1d || m.multihit || m.multihit_affected);
}

static void capabilities_take_back_what_is_mended(void **state)
{
	struct mitigations m = judge(0x55, RDCL_NO, 0); /* Cascade Lake */

	(void)state;
	assert_false(m.l1tf || m.flush_l1d);
	assert_true(m.multihit);
	m = judge(0x55, IF_PSCHANGE_MC_NO, 0);
	assert_true(m.l1tf && m.flush_l1d);
	assert_false(m.multihit || m.multihit_affected);
	m = judge(0x9e, SKIP_L1DFL, 0);
	assert_true(m.l1tf);
	assert_false(m.l1d_leaks || m.flush_l1d);
}

static void flush_needs_its_msr(void **state)
{
	struct mitigate_facts f = { .intel = true, .signature = signature(6, 0x3c) };
	struct mitigations m = mitigate_judge(&f, 0);

	(void)state;
	assert_true(m.l1tf && m.l1d_leaks);
	assert_false(m.flush_l1d);
}

static void user_has_the_last_word_on_multihit(void **state)
{
	(void)state;
	assert_true(judge(0x7e, 0, HV_LARGE_CODE).multihit);
	assert_false(judge(0x7e, 0, HV_LARGE_CODE).multihit_affected);
	assert_false(judge(0x3c, 0, HV_SMALL_CODE).multihit);
	assert_true(judge(0x3c, 0, HV_SMALL_CODE).multihit_affected);
	assert_true(judge(0x3c, 0, HV_NESTED | HV_TAGS).multihit);
}

static void cache_is_flushed_only_where_it_must(void **state)
{
	(void)state;
	*fake_msr(MSR_FLUSH_CMD) = 0;
	vmx_mitigations = (struct mitigations){ .l1tf = true };
	mitigate_flush_l1d();
	assert_int_equal(*fake_msr(MSR_FLUSH_CMD), 0);
	vmx_mitigations.flush_l1d = true;
	mitigate_flush_l1d();
	assert_int_equal(*fake_msr(MSR_FLUSH_CMD), 1);
}

/* RDMSR would fault. */
static void capabilities_are_read_where_they_exist(void **state)
{
	(void)state;
	strcpy(cpu_vendor, "GenuineIntel");
	*fake_msr(MSR_ARCH_CAPS) = RDCL_NO | IF_PSCHANGE_MC_NO;
	cpu_features = BIT32(CPU_ARCH_CAPS) | BIT32(CPU_FLUSH_L1D);
	mitigate_init(0);
	assert_false(vmx_mitigations.l1tf || vmx_mitigations.flush_l1d || vmx_mitigations.multihit);
	mitigate_init(HV_LARGE_CODE);
	assert_true(vmx_mitigations.multihit);
}

static char text[300];

static void append(void *arg, const char *s, size_t n)
{
	(void)arg;
	strncat(text, s, n);
}

static const char *described(struct mitigations m)
{
	struct out o;

	vmx_mitigations = m;
	text[0] = 0;
	out_init(&o, append, NULL, false);
	mitigate_describe(&o);
	return text;
}

static void line_says_what_is_on(void **state)
{
	(void)state;
	assert_string_equal(described(judge(0x3c, 0, 0)),
			    "mitigations: L1TF by trap entries, L1D flushed between machines, iTLB "
			    "multihit by 4 KiB pages of code\n");
	assert_string_equal(described(judge(0x3c, 0, HV_SMALL_CODE)),
			    "mitigations: L1TF by trap entries, L1D flushed between machines, iTLB "
			    "multihit off\n");
	assert_string_equal(described(judge(0x7e, 0, 0)),
			    "mitigations: L1TF not needed, L1D not flushed, iTLB multihit off, "
			    "which this CPU does not have\n");
	assert_non_null(strstr(described((struct mitigations){ .l1d_leaks = true }),
			       "not flushed: the CPU cannot"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(models_have_these_errata),
		cmocka_unit_test(other_vendors_and_families_have_none),
		cmocka_unit_test(capabilities_take_back_what_is_mended),
		cmocka_unit_test(flush_needs_its_msr),
		cmocka_unit_test(user_has_the_last_word_on_multihit),
		cmocka_unit_test(cache_is_flushed_only_where_it_must),
		cmocka_unit_test(capabilities_are_read_where_they_exist),
		cmocka_unit_test(line_says_what_is_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
