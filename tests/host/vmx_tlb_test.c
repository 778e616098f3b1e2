/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vmx/tlb.c vmx/probe.c lib/out.c tests/host/fake/bug.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/cpu.c tests/host/fake/vmcs.c vmx/mitigate/mitigate.c */
/*
 * VPIDs: no number is used twice on a CPU without a flush of all in between; flushes go to the
 * narrowest instruction that the CPU has.
 */
#include "vmx/tlb.h"

#include "arch/cpufeat.h"
#include "mmu/hw.h"
#include "vmx/insn.h"

#include "tests/host/test.h"

u32 cpu_features;
char cpu_vendor[13], cpu_hypervisor[13];
struct mmu_hw mmu_hw = { .root_level = 4 };

#define CAP_INVEPT          (BIT(20) | BIT(26))
#define CAP_INVEPT_CONTEXT  BIT(25)
#define CAP_INVVPID         (BIT(32) | BIT(42))
#define CAP_INVVPID_ADDRESS BIT(40)
#define CAP_INVVPID_CONTEXT BIT(41)

static struct vmx_cpu cpus[2];
static struct mmu_vm vms[2];
static struct vmx_vcpu vcpus[8];

static int setup(void **state)
{
	(void)state;
	memset(cpus, 0, sizeof(cpus));
	memset(vcpus, 0, sizeof(vcpus));
	memset(vms, 0, sizeof(vms));
	vmx_facts = (struct vmx_facts){ 0 };
	vmx_facts.ctl[VMX_PROC2] = (u64)(PROC2_EPT | PROC2_VPID) << 32;
	vmx_facts.ept_vpid = CAP_INVEPT | CAP_INVEPT_CONTEXT | CAP_INVVPID | CAP_INVVPID_ADDRESS |
			     CAP_INVVPID_CONTEXT;
	fake_invept = fake_invvpid = (struct fake_flush){ 0 };
	for (u32 i = 0; i < ARRAY_SIZE(cpus); i++)
		vmx_vpid_init(&cpus[i]);
	for (u32 i = 0; i < ARRAY_SIZE(vcpus); i++) {
		vcpus[i].cpu = &cpus[0];
		vcpus[i].mmu = &vms[0];
		vcpus[i].nested = vcpus[i].ept = true;
	}
	return 0;
}

/* What vmx_load() and vmx_enter() do. */
static void run(struct vmx_vcpu *s)
{
	vmx_vpid_check(s);
	if (s->flush)
		vmx_tlb_flush(s);
}

static void a_cpu_begins_with_an_empty_tlb(void **state)
{
	(void)state;
	assert_int_equal(fake_invept.nr, 2); /* one each */
	assert_int_equal(fake_invept.type, INVEPT_ALL);
	assert_int_equal(fake_invvpid.nr, 2);
	assert_int_equal(fake_invvpid.type, INVVPID_ALL);
	assert_int_equal(cpus[0].next_vpid, 1);
}

static void first_entry_takes_a_vpid_that_is_not_the_hosts(void **state)
{
	u32 before = fake_invvpid.nr;

	(void)state;
	run(&vcpus[0]);
	assert_int_equal(vcpus[0].vpid, 1);
	assert_int_equal(fake_vmcs[VMCS_VPID], 1);
	run(&vcpus[1]);
	assert_int_equal(fake_vmcs[VMCS_VPID], 2);
	/* Nobody had them before: nothing to flush. */
	assert_int_equal(fake_invvpid.nr, before);
	/* And nothing more to do. */
	run(&vcpus[0]);
	assert_int_equal(vcpus[0].vpid, 1);
	assert_int_equal(cpus[0].next_vpid, 3);
}

static void flush_is_recorded(void **state)
{
	(void)state;
	vcpus[0].tag.entry_epoch = 7;
	vcpus[0].flush = true;
	vcpus[0].eptp = 0x501e;
	vmx_tlb_flush(&vcpus[0]);
	assert_false(vcpus[0].flush);
	assert_int_equal(vcpus[0].tag.flushed_epoch, 7);
	assert_int_equal(fake_invept.type, INVEPT_CONTEXT);
	assert_int_equal(fake_invept.tag, 0x501e);
}

static void later_flush_keeps_the_number(void **state)
{
	u32 before = fake_invvpid.nr;

	(void)state;
	run(&vcpus[0]);
	vcpus[0].flush = true;
	run(&vcpus[0]);
	assert_int_equal(vcpus[0].vpid, 1);
	assert_int_equal(fake_invvpid.nr, before + 1);
	assert_int_equal(fake_invvpid.type, INVVPID_CONTEXT);
	assert_int_equal(fake_invvpid.tag, 1);
}

static void flush_is_of_all_where_one_context_cannot_be_flushed(void **state)
{
	(void)state;
	vmx_facts.ept_vpid = CAP_INVEPT | CAP_INVVPID;
	run(&vcpus[0]);
	vcpus[0].flush = true;
	run(&vcpus[0]);
	assert_int_equal(fake_invvpid.type, INVVPID_ALL);
	assert_int_equal(fake_invept.type, INVEPT_ALL);
	vmx_tlb_flush_gva(&vcpus[0], GVA(0x7000));
	assert_int_equal(fake_invvpid.nr, 4);
	assert_int_equal(fake_invvpid.type, INVVPID_ALL);
}

static void one_address_is_flushed_alone(void **state)
{
	(void)state;
	run(&vcpus[1]);
	vmx_tlb_flush_gva(&vcpus[1], GVA(0x7000));
	assert_int_equal(fake_invvpid.type, INVVPID_ADDRESS);
	assert_int_equal(fake_invvpid.tag, vcpus[1].vpid);
	assert_int_equal(fake_invvpid.gva, 0x7000);
}

/* INVLPG of a guest in 64-bit mode takes any number. */
static void address_that_is_not_canonical_is_no_error(void **state)
{
	(void)state;
	run(&vcpus[1]);
	vmx_tlb_flush_gva(&vcpus[1], GVA(1ULL << 63));
	assert_int_equal(fake_invvpid.type, INVVPID_CONTEXT);
	assert_int_equal(fake_invvpid.tag, vcpus[1].vpid);
}

/* Entries and exits flush linear addresses then; translations through EPT they do not. */
static void cpu_without_vpids_flushes_ept_only(void **state)
{
	(void)state;
	vmx_facts.ctl[VMX_PROC2] = (u64)PROC2_EPT << 32;
	fake_invept = fake_invvpid = (struct fake_flush){ 0 };
	vmx_vpid_init(&cpus[0]);
	run(&vcpus[0]);
	vcpus[0].flush = true;
	run(&vcpus[0]);
	vmx_tlb_flush_gva(&vcpus[0], GVA(0x7000));
	assert_int_equal(fake_invvpid.nr, 0);
	assert_int_equal(vcpus[0].vpid, 0);
	assert_int_equal(fake_invept.nr, 3);
	assert_false(vcpus[0].flush);
	vmx_vpid_check(&vcpus[0]);
	assert_false(vcpus[0].flush);
}

static void root_that_changed_is_written_and_flushed(void **state)
{
	(void)state;
	fake_vmcs[VMCS_EPTP] = 0;
	vmx_eptp_check(&vcpus[0]);
	assert_int_equal(vcpus[0].eptp & MASK(11, 0), 0x1e); /* write-back, 4 levels, no A and D */
	assert_int_equal(fake_vmcs[VMCS_EPTP], vcpus[0].eptp);
	assert_true(vcpus[0].flush);
	run(&vcpus[0]);
	vmx_eptp_check(&vcpus[0]);
	assert_false(vcpus[0].flush);
	/* Of another machine. */
	vcpus[0].eptp ^= 0x1000;
	vmx_eptp_check(&vcpus[0]);
	assert_true(vcpus[0].flush);
}

/* With them walks count as writes of the guest's page tables, so they are on for a log only. */
static void dirty_bits_are_on_while_a_log_is(void **state)
{
	static u64 log_page[512];

	(void)state;
	vmx_eptp_check(&vcpus[0]);
	run(&vcpus[0]);
	vms[0].nr_logged = 1;
	vmx_eptp_check(&vcpus[0]);
	assert_false(vcpus[0].flush); /* the CPU cannot log */
	vcpus[0].log = log_page;
	vmx_eptp_check(&vcpus[0]);
	assert_true(fake_vmcs[VMCS_EPTP] & EPTP_AD);
	assert_true(vcpus[0].flush);
	run(&vcpus[0]);
	vms[0].nr_logged = 0;
	vmx_eptp_check(&vcpus[0]);
	assert_false(fake_vmcs[VMCS_EPTP] & EPTP_AD);
	assert_true(vcpus[0].flush);
}

static void after_the_last_vpid_all_is_flushed_and_everybody_takes_a_new_one(void **state)
{
	u32 before;

	(void)state;
	run(&vcpus[0]);
	cpus[0].next_vpid = 0xffff;
	run(&vcpus[1]);
	assert_int_equal(vcpus[1].vpid, 0xffff);
	before = fake_invvpid.nr;
	run(&vcpus[2]);
	assert_int_equal(vcpus[2].vpid, 1);
	assert_int_equal(fake_invvpid.nr, before + 1);
	assert_int_equal(fake_invvpid.type, INVVPID_ALL);
	vmx_vpid_check(&vcpus[0]);
	assert_true(vcpus[0].flush);
	run(&vcpus[0]);
	assert_int_equal(vcpus[0].vpid, 2);
	vmx_vpid_check(&vcpus[2]);
	assert_false(vcpus[2].flush);
}

/* Any mix of vCPUs, CPUs and flushes: two users of one number of a CPU are a generation apart. */
static void no_vpid_is_used_twice_in_a_generation(void **state)
{
	static struct vmx_vcpu *user[2][0x10000];
	u64 seed = 88172645463325252ULL, gen[2] = { 0 };

	(void)state;
	for (u32 i = 0; i < 20000; i++) {
		struct vmx_vcpu *s = &vcpus[test_random(&seed) % ARRAY_SIZE(vcpus)];
		u32 c = test_random(&seed) % 2;

		if (cpus[c].next_vpid < 0xfffe && test_random(&seed) % 64 == 0)
			cpus[c].next_vpid = 0xfffe;
		if (s->cpu != &cpus[c]) {
			s->cpu = &cpus[c];
			s->vpid_gen = 0; /* as vmx_load() does */
		}
		s->flush |= test_random(&seed) % 4 == 0;
		run(s);
		if (gen[c] != cpus[c].vpid_gen)
			memset(user[c], 0, sizeof(user[c]));
		gen[c] = cpus[c].vpid_gen;
		assert_true(s->vpid != 0);
		assert_true(!user[c][s->vpid] || user[c][s->vpid] == s);
		user[c][s->vpid] = s;
	}
}

static void guest_on_its_shadow_has_nothing_from_ept(void **state)
{
	u32 before = fake_invept.nr;

	(void)state;
	vcpus[0].ept = false;
	run(&vcpus[0]);
	vcpus[0].flush = true;
	run(&vcpus[0]);
	assert_int_equal(fake_invept.nr, before);
	assert_int_equal(fake_invvpid.type, INVVPID_CONTEXT);
	assert_int_equal(fake_invvpid.tag, vcpus[0].vpid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(guest_on_its_shadow_has_nothing_from_ept, setup),
		cmocka_unit_test_setup(a_cpu_begins_with_an_empty_tlb, setup),
		cmocka_unit_test_setup(first_entry_takes_a_vpid_that_is_not_the_hosts, setup),
		cmocka_unit_test_setup(flush_is_recorded, setup),
		cmocka_unit_test_setup(dirty_bits_are_on_while_a_log_is, setup),
		cmocka_unit_test_setup(later_flush_keeps_the_number, setup),
		cmocka_unit_test_setup(flush_is_of_all_where_one_context_cannot_be_flushed, setup),
		cmocka_unit_test_setup(one_address_is_flushed_alone, setup),
		cmocka_unit_test_setup(address_that_is_not_canonical_is_no_error, setup),
		cmocka_unit_test_setup(cpu_without_vpids_flushes_ept_only, setup),
		cmocka_unit_test_setup(root_that_changed_is_written_and_flushed, setup),
		cmocka_unit_test_setup(
			after_the_last_vpid_all_is_flushed_and_everybody_takes_a_new_one, setup),
		cmocka_unit_test_setup(no_vpid_is_used_twice_in_a_generation, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
