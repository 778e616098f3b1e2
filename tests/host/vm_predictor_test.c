/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: tests/host/fake/cpu.c */
/* The barrier between two VMs on one CPU, by either vendor's bit of CPUID. */
#include "vm/predictor.h"

#include "tests/host/test.h"

u32 cpu_features;

static struct vm a = { .id = 0 }, b = { .id = 1 };
static u32 last;
static bool other; /* another machine's was there */

static int setup(void **state)
{
	(void)state;
	last = 0;
	return 0;
}

/* True: the barrier was executed. */
static bool load(const struct vm *vm)
{
	*fake_msr(MSR_PRED_CMD) = 0;
	other = predictor_barrier(&last, vm);
	return *fake_msr(MSR_PRED_CMD) == PRED_CMD_IBPB;
}

static void another_vm_finds_nothing_of_the_last(void **state)
{
	static const u32 bits[] = { BIT32(CPU_IBPB), BIT32(CPU_IBRS_IBPB) };

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(bits); i++) {
		cpu_features = bits[i];
		last = 0;
		assert_false(load(&a)); /* nobody was here */
		assert_false(other);
		assert_true(load(&b));
		assert_true(other);
		assert_true(load(&a));
	}
}

static void the_same_vm_pays_nothing(void **state)
{
	(void)state;
	cpu_features = BIT32(CPU_IBPB);
	load(&a);
	assert_false(load(&a));
	assert_false(other);
}

static void a_cpu_without_the_command_is_not_asked(void **state)
{
	(void)state;
	cpu_features = 0;
	load(&a);
	assert_false(load(&b));
	assert_true(other); /* for what else is to be forgotten */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(another_vm_finds_nothing_of_the_last, setup),
		cmocka_unit_test_setup(the_same_vm_pays_nothing, setup),
		cmocka_unit_test_setup(a_cpu_without_the_command_is_not_asked, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
