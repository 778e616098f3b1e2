/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: svm/tlb.c */
/*
 * ASIDs: no number is used twice without a flush of all in between, and flushes are recorded late.
 */
#include "svm/tlb.h"

#include "tests/host/test.h"

struct svm_facts svm_facts;

static struct svm_cpu cpu;
static struct vmcb vmcbs[8];
static struct svm_vcpu vcpus[8];

static int setup(void **state)
{
	(void)state;
	memset(&cpu, 0, sizeof(cpu));
	memset(vmcbs, 0, sizeof(vmcbs));
	memset(vcpus, 0, sizeof(vcpus));
	svm_facts = (struct svm_facts){ .nr_asids = 4 };
	svm_asid_init(&cpu);
	for (u32 i = 0; i < ARRAY_SIZE(vcpus); i++) {
		vcpus[i].vmcb = &vmcbs[i];
		vcpus[i].cpu = &cpu;
		vmcbs[i].ctl.clean = CLEAN_ALL;
	}
	return 0;
}

/* What svm_load() and svm_enter() do. */
static void run(struct svm_vcpu *s, bool ran)
{
	svm_asid_check(s);
	if (s->flush)
		svm_tlb_flush(s);
	if (s->busy & BUSY_FLUSHING)
		svm_tlb_flushed(s, ran);
}

static void first_entry_on_a_cpu_flushes_all(void **state)
{
	(void)state;
	svm_asid_check(&vcpus[0]);
	assert_true(vcpus[0].flush);
	svm_tlb_flush(&vcpus[0]);
	assert_int_equal(vmcbs[0].ctl.asid, 1);
	assert_int_equal(vmcbs[0].ctl.tlb_control, TLB_FLUSH_ALL);
	assert_int_equal(vmcbs[0].ctl.clean & CLEAN_ASID, 0);
	svm_tlb_flushed(&vcpus[0], true);
	assert_int_equal(vmcbs[0].ctl.tlb_control, TLB_NONE);
	/* The second vCPU takes an empty ASID. */
	svm_asid_check(&vcpus[1]);
	svm_tlb_flush(&vcpus[1]);
	assert_int_equal(vmcbs[1].ctl.asid, 2);
	assert_int_equal(vmcbs[1].ctl.tlb_control, TLB_NONE);
}

static void an_entry_that_failed_records_nothing(void **state)
{
	(void)state;
	vcpus[0].tag.entry_epoch = 7;
	run(&vcpus[0], false);
	assert_true(vcpus[0].flush);
	assert_true(cpu.flush_all);
	assert_int_equal(vcpus[0].tag.flushed_epoch, 0);
	run(&vcpus[0], true);
	assert_false(vcpus[0].flush);
	assert_false(cpu.flush_all);
	assert_int_equal(vcpus[0].tag.flushed_epoch, 7);
}

static void after_the_last_asid_all_is_flushed_and_everybody_takes_a_new_one(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++) {
		run(&vcpus[i], true);
		assert_int_equal(vmcbs[i].ctl.asid, i + 1);
	}
	svm_asid_check(&vcpus[3]);
	svm_tlb_flush(&vcpus[3]);
	assert_int_equal(vmcbs[3].ctl.asid, 1);
	assert_int_equal(vmcbs[3].ctl.tlb_control, TLB_FLUSH_ALL);
	svm_tlb_flushed(&vcpus[3], true);
	svm_asid_check(&vcpus[0]);
	assert_true(vcpus[0].flush);
	run(&vcpus[0], true);
	assert_int_equal(vmcbs[0].ctl.asid, 2);
	svm_asid_check(&vcpus[3]);
	assert_false(vcpus[3].flush);
}

static void flush_takes_a_new_asid_where_one_cannot_be_flushed(void **state)
{
	(void)state;
	run(&vcpus[0], true);
	vcpus[0].flush = true;
	svm_tlb_flush(&vcpus[0]);
	assert_int_equal(vmcbs[0].ctl.asid, 2);
	assert_int_equal(vmcbs[0].ctl.tlb_control, TLB_NONE);
}

static void flush_by_asid_keeps_the_number(void **state)
{
	(void)state;
	svm_facts.features = BIT32(SVM_FLUSH_ASID);
	run(&vcpus[0], true);
	vcpus[0].flush = true;
	svm_tlb_flush(&vcpus[0]);
	assert_int_equal(vmcbs[0].ctl.asid, 1);
	assert_int_equal(vmcbs[0].ctl.tlb_control, TLB_FLUSH_ASID);
	svm_tlb_flushed(&vcpus[0], true);
	assert_int_equal(vmcbs[0].ctl.tlb_control, TLB_NONE);
}

static void flush_all_that_is_owed_wins_over_flush_by_asid(void **state)
{
	(void)state;
	svm_facts.features = BIT32(SVM_FLUSH_ASID);
	run(&vcpus[0], false);
	vcpus[0].flush = true;
	svm_tlb_flush(&vcpus[0]);
	assert_int_equal(vmcbs[0].ctl.tlb_control, TLB_FLUSH_ALL);
}

/* Any mix of vCPUs and flushes: between two users of one number lies a flush of all. */
static void no_asid_is_used_twice_in_a_generation(void **state)
{
	struct svm_vcpu *user[4] = { 0 };
	u64 seed = 88172645463325252ULL;

	(void)state;
	for (u32 i = 0; i < 10000; i++) {
		struct svm_vcpu *s = &vcpus[test_random(&seed) % ARRAY_SIZE(vcpus)];

		s->flush |= test_random(&seed) % 4 == 0;
		svm_asid_check(s);
		if (s->flush) {
			svm_tlb_flush(s);
			if (s->vmcb->ctl.tlb_control == TLB_FLUSH_ALL)
				memset(user, 0, sizeof(user));
			assert_null(user[s->vmcb->ctl.asid]);
			user[s->vmcb->ctl.asid] = s;
			svm_tlb_flushed(s, true);
		}
		assert_in_range(s->vmcb->ctl.asid, 1, 3);
		assert_ptr_equal(user[s->vmcb->ctl.asid], s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(first_entry_on_a_cpu_flushes_all, setup),
		cmocka_unit_test_setup(an_entry_that_failed_records_nothing, setup),
		cmocka_unit_test_setup(
			after_the_last_asid_all_is_flushed_and_everybody_takes_a_new_one, setup),
		cmocka_unit_test_setup(flush_takes_a_new_asid_where_one_cannot_be_flushed, setup),
		cmocka_unit_test_setup(flush_by_asid_keeps_the_number, setup),
		cmocka_unit_test_setup(flush_all_that_is_owed_wins_over_flush_by_asid, setup),
		cmocka_unit_test_setup(no_asid_is_used_twice_in_a_generation, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
