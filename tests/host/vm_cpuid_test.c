/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What CPUID tells a guest, from a made-up host: masks, additions, topology, XSAVE, capabilities.
 */
/* SOURCES: vm/cpuid.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/regs.h"
#include "vm/cpuid.h"

#define B(n) BIT32(n)

static bool intel, no_xsave, no_avx;
static u32 max_ext;

static struct cpuid_regs leaf0(void)
{
	struct cpuid_regs r = { .eax = 0x20 };

	memcpy(&r.ebx, intel ? "Genu" : "Auth", 4);
	memcpy(&r.edx, intel ? "ineI" : "enti", 4);
	memcpy(&r.ecx, intel ? "ntel" : "cAMD", 4);
	return r;
}

static struct cpuid_regs xsave_leaf(u32 sub)
{
	switch (sub) {
	case 0: /* x87 SSE AVX MPX AVX-512 PKRU, AMX */
		return (struct cpuid_regs){ no_avx ? 0x3 : 0x602ff, 0x240, 11008, 0 };
	case 1:
		return (struct cpuid_regs){ ~0u, 0x300, 0x1900, 0 };
	case 2:
		return (struct cpuid_regs){ 256, 576, 0, 0 };
	case 5:
		return (struct cpuid_regs){ 64, 1088, 0, 0 };
	case 6:
		return (struct cpuid_regs){ 512, 1152, 0, 0 };
	case 7:
		return (struct cpuid_regs){ 1024, 1664, 0, 0 };
	case 9:
		return (struct cpuid_regs){ 8, 2688, 0, 0 };
	case 18:
		return (struct cpuid_regs){ 8192, 2816, 0, 0 };
	default:
		return (struct cpuid_regs){ 0 };
	}
}

/* A host that claims every feature bit there is. */
static struct cpuid_regs host(u32 leaf, u32 sub)
{
	struct cpuid_regs all = { ~0u, ~0u, ~0u, ~0u };
	static const u32 caches[] = { 0x121, 0x122, 0x143, 0x163 };

	switch (leaf) {
	case 0:
		return leaf0();
	case 1:
		all.eax = 0x00a20f12;
		if (no_xsave)
			all.ecx &= ~B(26);
		return all;
	case 4:
	case 0x8000001d:
		return (struct cpuid_regs){ sub < 4 ? caches[sub] | 7u << 14 | 3u << 26 : 0, 1, 2,
					    3 };
	case 7:
		if (sub == 0)
			all.eax = 1;
		return all;
	case 0xd:
		return xsave_leaf(sub);
	case 0x80000000:
		return (struct cpuid_regs){ max_ext, 0, 0, 0 };
	case 0x80000008:
		return (struct cpuid_regs){ 0x00003028, ~0u, 0xffff, ~0u };
	default:
		return all;
	}
}

static struct cpuid_table t;

static void build(u32 vcpus)
{
	const struct cpuid_source src = {
		.host = host, .nr_vcpus = vcpus, .tsc_khz = 2500000, .apic_khz = 1000000
	};

	cpuid_build(&t, &src);
}

static int setup(void **state)
{
	(void)state;
	intel = no_xsave = no_avx = false;
	max_ext = 0x80000028;
	build(1);
	return 0;
}

static void every_leaf_fits_the_table(void **state)
{
	(void)state;
	build(32);
	assert_true(t.nr < CPUID_ENTRIES);
	intel = true;
	build(32);
	assert_true(t.nr < CPUID_ENTRIES);
}

static void what_we_do_not_virtualise_is_hidden(void **state)
{
	struct cpuid_regs r = cpuid_lookup(&t, 1, 0);

	(void)state;
	assert_int_equal(r.ecx & B(3), 0);  /* MONITOR */
	assert_int_equal(r.ecx & B(5), 0);  /* VMX */
	assert_int_equal(r.ecx & B(15), 0); /* PDCM */
	assert_int_equal(r.ecx & B(27), 0); /* OSXSAVE is the guest's own */
	assert_int_equal(r.edx & B(21), 0); /* debug store */
	r = cpuid_lookup(&t, 7, 0);
	assert_int_equal(r.ebx & (B(2) | B(4) | B(11) | B(12) | B(14) | B(15)), 0);
	assert_int_equal(r.ecx & (B(4) | B(5) | B(7) | B(31)), 0); /* OSPKE WAITPKG CET PKS */
	assert_int_equal(r.edx & (B(26) | B(29) | B(31)), 0);      /* SPEC_CTRL ARCH_CAPS SSBD */
	r = cpuid_lookup(&t, 0x80000001, 0);
	assert_int_equal(r.ecx & B(2), 0); /* SVM */
	assert_null(cpuid_find(&t, 5, 0));
	assert_null(cpuid_find(&t, 0xa, 0));
	assert_null(cpuid_find(&t, 0x8000000a, 0));
	assert_null(cpuid_find(&t, 0x8000001f, 0));
}

static void what_we_emulate_is_there_on_any_host(void **state)
{
	struct cpuid_regs r = cpuid_lookup(&t, 1, 0);

	(void)state;
	assert_int_equal(r.ecx & (B(21) | B(24) | B(31)), B(21) | B(24) | B(31));
	assert_int_equal(r.edx & (B(9) | B(12) | B(16)), B(9) | B(12) | B(16));
	assert_true(cpuid_lookup(&t, 7, 0).ebx & B(1));
	assert_true(cpuid_lookup(&t, 6, 0).eax & B(2));
	assert_true(cpuid_lookup(&t, 0x80000007, 0).edx & B(8));
}

static void leaves_beyond_the_last_read_as_zero(void **state)
{
	(void)state;
	assert_int_equal(cpuid_lookup(&t, 0, 0).eax, CPUID_BASIC_MAX);
	assert_null(cpuid_find(&t, CPUID_BASIC_MAX + 1, 0));
	assert_null(cpuid_find(&t, 0x1f, 0));
	assert_null(cpuid_find(&t, 0x40000011, 0));
	assert_null(cpuid_find(&t, 0x80000022, 0));
	assert_null(cpuid_find(&t, 0xffffffff, 0));
	assert_null(cpuid_find(&t, 7, 2));
	assert_null(cpuid_find(&t, 0xd, 10));
	/* A leaf without sub-leaves does not look at ECX. */
	assert_non_null(cpuid_find(&t, 1, 12345));
}

static void hypervisor_leaves_give_the_name_and_frequencies(void **state)
{
	struct cpuid_regs r = cpuid_lookup(&t, 0x40000000, 0);
	char name[13] = "";

	(void)state;
	memcpy(name, &r.ebx, 4);
	memcpy(name + 4, &r.ecx, 4);
	memcpy(name + 8, &r.edx, 4);
	assert_string_equal(name, "UmbraUmbra");
	assert_int_equal(r.eax, 0x40000010);
	assert_int_equal(cpuid_lookup(&t, 0x40000010, 0).eax, 2500000);
	assert_int_equal(cpuid_lookup(&t, 0x40000010, 0).ebx, 1000000);
}

static void topology_is_one_thread_per_core_in_one_package(void **state)
{
	static const struct {
		u32 vcpus, bits;
	} cases[] = { { 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 5, 3 }, { 8, 3 }, { 32, 5 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		u32 n = cases[i].vcpus, bits = cases[i].bits;

		build(n);
		assert_int_equal(cpuid_lookup(&t, 1, 0).ebx >> 16 & 0xff, n);
		assert_int_equal(!!(cpuid_lookup(&t, 1, 0).edx & B(28)), n > 1);
		assert_int_equal(cpuid_lookup(&t, 0xb, 0).eax, 0);
		assert_int_equal(cpuid_lookup(&t, 0xb, 0).ebx, 1);
		assert_int_equal(cpuid_lookup(&t, 0xb, 1).eax, bits);
		assert_int_equal(cpuid_lookup(&t, 0xb, 1).ebx, n);
		assert_int_equal(cpuid_lookup(&t, 0xb, 1).ecx, 0x201);
		assert_int_equal(cpuid_lookup(&t, 0x80000008, 0).ecx, (n - 1) | bits << 12);
		assert_int_equal(!!(cpuid_lookup(&t, 0x80000001, 0).ecx & B(1)), n > 1);
	}
}

static void only_the_last_cache_level_is_shared(void **state)
{
	(void)state;
	build(4);
	for (u32 sub = 0; sub < 3; sub++)
		assert_int_equal(cpuid_lookup(&t, 0x8000001d, sub).eax >> 14 & 0xfff, 0);
	assert_int_equal(cpuid_lookup(&t, 0x8000001d, 3).eax >> 14 & 0xfff, 3);
	assert_int_equal(cpuid_lookup(&t, 0x8000001d, 4).eax & 0x1f, 0);
	assert_null(cpuid_find(&t, 4, 0)); /* AMD has its own leaf */
	intel = true;
	build(4);
	assert_int_equal(cpuid_lookup(&t, 4, 0).eax >> 26, 3);
	assert_int_equal(cpuid_lookup(&t, 4, 3).eax >> 14 & 0xfff, 3);
}

static void xsave_size_covers_the_components_we_offer(void **state)
{
	(void)state;
	assert_int_equal(t.caps.xcr0_valid, 0x2e7); /* no MPX, no AMX */
	assert_int_equal(t.caps.xsave_size, 2696);
	assert_int_equal(cpuid_lookup(&t, 0xd, 0).eax, 0x2e7);
	assert_int_equal(cpuid_lookup(&t, 0xd, 0).ecx, 2696);
	assert_int_equal(cpuid_lookup(&t, 0xd, 1).eax, 0xf);
	assert_int_equal(cpuid_lookup(&t, 0xd, 1).ecx, 0); /* no supervisor states */
	assert_int_equal(cpuid_lookup(&t, 0xd, 2).ebx, 576);
	assert_int_equal(cpuid_lookup(&t, 0xd, 3).eax, 0);
	assert_int_equal(cpuid_lookup(&t, 0xd, 9).ebx, 2688);
	no_avx = true;
	build(1);
	assert_int_equal(t.caps.xcr0_valid, 3);
	assert_int_equal(t.caps.xsave_size, 576);
	no_xsave = true;
	build(1);
	assert_int_equal(t.caps.xcr0_valid, 0);
	assert_int_equal(t.caps.xsave_size, 512);
	assert_null(cpuid_find(&t, 0xd, 0));
	assert_int_equal(t.caps.cr4_valid & CR4_OSXSAVE, 0);
}

static void register_bits_follow_the_features(void **state)
{
	(void)state;
	assert_int_equal(t.caps.cr4_valid & (CR4_VMXE | CR4_SMXE | CR4_CET | CR4_PKS), 0);
	assert_int_equal(t.caps.cr4_valid & (CR4_PAE | CR4_SMEP | CR4_LA57),
			 CR4_PAE | CR4_SMEP | CR4_LA57);
	assert_int_equal(t.caps.efer_valid, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_FFXSR);
	assert_int_equal(t.caps.maxphyaddr, 0x28);
	assert_true(t.caps.nx && t.caps.has_1g && t.caps.pse36 && t.caps.tsc_aux && t.caps.ibpb);
}

static void intel_and_amd_differ_where_they_must(void **state)
{
	(void)state;
	assert_true(t.caps.amd);
	assert_true(cpuid_lookup(&t, 0x80000001, 0).edx & B(4)); /* AMD repeats leaf 1 */
	intel = true;
	build(2);
	assert_false(t.caps.amd);
	assert_int_equal(cpuid_lookup(&t, 0x80000001, 0).edx & B(4), 0);
	assert_int_equal(cpuid_lookup(&t, 0x80000008, 0).ecx, 0);
	assert_int_equal(cpuid_find(&t, 1, 0)->fix, FIX_FEATURES);
}

static void a_small_host_gives_only_the_leaves_it_has(void **state)
{
	(void)state;
	max_ext = 0x80000008;
	build(1);
	assert_int_equal(cpuid_lookup(&t, 0x80000000, 0).eax, 0x80000008);
	assert_null(cpuid_find(&t, 0x8000001d, 0));
	assert_null(cpuid_find(&t, 0x80000021, 0));
	assert_non_null(cpuid_find(&t, 0x80000008, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_leaf_fits_the_table, setup),
		cmocka_unit_test_setup(what_we_do_not_virtualise_is_hidden, setup),
		cmocka_unit_test_setup(what_we_emulate_is_there_on_any_host, setup),
		cmocka_unit_test_setup(leaves_beyond_the_last_read_as_zero, setup),
		cmocka_unit_test_setup(hypervisor_leaves_give_the_name_and_frequencies, setup),
		cmocka_unit_test_setup(topology_is_one_thread_per_core_in_one_package, setup),
		cmocka_unit_test_setup(only_the_last_cache_level_is_shared, setup),
		cmocka_unit_test_setup(xsave_size_covers_the_components_we_offer, setup),
		cmocka_unit_test_setup(register_bits_follow_the_features, setup),
		cmocka_unit_test_setup(intel_and_amd_differ_where_they_must, setup),
		cmocka_unit_test_setup(a_small_host_gives_only_the_leaves_it_has, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
