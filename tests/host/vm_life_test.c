/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/life.c tests/host/fake/clock.c tests/host/fake/bug.c */
/*
 * Life cycle: requests wait until every vCPU has parked, vCPU 0 serves them, the strongest wins,
 * and nobody runs before the end.
 */
#include <errno.h>
#include <stdio.h>

#include "lib/log.h"
#include "tests/host/vm_fake.h"

#include "vm/acpi/vacpi.h"
#include "vm/console.h"
#include "vm/dev/chipset.h"
#include "vm/dev/vlapic.h"
#include "vm/load/load.h"

static struct vcpu second;
static u32 chipset_resets, quiesced, loads, vcpu0_resets;
static int load_result;

void chipset_reset(struct vm *vm)
{
	/* All are parked, and nobody may leave meanwhile. */
	assert_int_equal(vm->nr_parked, 2);
	assert_false(vm_rendezvous(&second, true));
	chipset_resets++;
}

void chipset_quiesce(struct vm *vm)
{
	(void)vm;
	quiesced++;
}

void vlapic_quiesce(struct vcpu *v)
{
	(void)v;
}

void (*vm_console_ended)(struct vm *vm);

int vacpi_build(struct vm *vm)
{
	(void)vm;
	return 0;
}

int guest_load(struct vm *vm, char *err, size_t size)
{
	(void)vm;
	loads++;
	if (load_result)
		snprintf(err, size, "vmlinuz: it is broken");
	return load_result;
}

void vcpu_reset(struct vcpu *v, bool init)
{
	assert_ptr_equal(v, &fake_vcpu);
	assert_false(init);
	vcpu0_resets++;
}

void vcpu_request(struct vcpu *v, u32 bits)
{
	v->requests |= bits;
}

void thread_yield(void)
{
	/* vm_start() waits: the vCPUs' threads get their turn. */
	vm_rendezvous(&second, true);
	vm_rendezvous(&fake_vcpu, true);
}

void vm_log(struct vm *vm, const char *fmt, ...)
{
	(void)vm;
	(void)fmt;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

static bool turn(struct vcpu *v)
{
	bool stop = v->requests & VREQ_STOP;

	v->requests &= ~VREQ_STOP;
	return vm_rendezvous(v, stop);
}

static int setup(void **state)
{
	(void)state;
	fake_reset();
	memset(&second, 0, sizeof(second));
	second.vm = &fake_vm;
	second.id = 1;
	fake_vm.vcpu[1] = &second;
	fake_vm.nr_vcpus = 2;
	fake_tsc = 1000;
	tsc_khz = 1000000;
	load_result = 0;
	/* As their threads do when they are born. */
	assert_false(vm_rendezvous(&fake_vcpu, true));
	assert_false(vm_rendezvous(&second, true));
	chipset_resets = quiesced = loads = vcpu0_resets = 0;
	return 0;
}

static void start(void)
{
	char err[200];

	assert_int_equal(vm_start(&fake_vm, err, sizeof(err)), 0);
	assert_true(turn(&fake_vcpu) && turn(&second));
	fake_vcpu.requests = second.requests = 0;
	chipset_resets = quiesced = loads = vcpu0_resets = 0;
}

static void start_loads_and_runs(void **state)
{
	char err[200];

	(void)state;
	assert_int_equal(vm_start(&fake_vm, err, sizeof(err)), 0);
	assert_int_equal(fake_vm.state, VM_RUNNING);
	assert_int_equal(loads, 1);
	assert_int_equal(vcpu0_resets, 1);
	assert_true(second.requests & VREQ_RESET);
	assert_int_equal(fake_vm.tsc_base, 1000);
}

static void a_file_that_does_not_load_is_named(void **state)
{
	char err[200];

	(void)state;
	load_result = -EINVAL;
	assert_int_equal(vm_start(&fake_vm, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "vmlinuz: it is broken"));
	assert_int_equal(fake_vm.state, VM_STOPPED);
	assert_false(turn(&fake_vcpu) || turn(&second));
}

static void a_running_vcpu_without_request_goes_on(void **state)
{
	(void)state;
	start();
	assert_true(turn(&fake_vcpu) && turn(&second));
	assert_int_equal(fake_vm.nr_parked, 0);
}

static void reset_waits_for_the_last_vcpu(void **state)
{
	(void)state;
	start();
	vm_request_reset(&fake_vm, "test");
	assert_false(turn(&fake_vcpu));
	assert_int_equal(loads, 0);
	assert_false(turn(&second)); /* the last: it wakes vCPU 0, which serves */
	assert_true(fake_vcpu.requests & VREQ_STOP);
	assert_int_equal(loads, 0);
	assert_true(turn(&fake_vcpu));
	assert_int_equal(loads, 1);
	assert_int_equal(chipset_resets, 1);
	assert_int_equal(fake_vm.resets, 1);
	assert_true(second.requests & VREQ_RESET);
	assert_true(turn(&second));
	assert_int_equal(fake_vm.nr_parked, 0);
}

static void reset_drops_what_was_pending_for_a_vcpu(void **state)
{
	(void)state;
	start();
	second.requests |= VREQ_NMI | VREQ_SIPI;
	vm_request_reset(&fake_vm, "test");
	assert_false(turn(&second));
	assert_true(turn(&fake_vcpu));
	assert_int_equal(second.requests & ~VREQ_STOP, VREQ_RESET);
}

static void power_off_stops_until_reset(void **state)
{
	(void)state;
	start();
	vm_request_poweroff(&fake_vm, "button");
	assert_false(turn(&second) || turn(&fake_vcpu));
	assert_int_equal(fake_vm.state, VM_STOPPED);
	assert_string_equal(fake_vm.why, "button");
	assert_int_equal(fake_vcpu.state, VCPU_OFF);
	assert_int_equal(quiesced, 1);
	vm_resume(&fake_vm);
	assert_false(turn(&fake_vcpu) || turn(&second));
	vm_reset(&fake_vm);
	assert_true(turn(&fake_vcpu) && turn(&second));
	assert_int_equal(fake_vm.state, VM_RUNNING);
}

static void pause_and_resume_keep_the_state(void **state)
{
	(void)state;
	start();
	vm_pause(&fake_vm);
	assert_false(turn(&second) || turn(&fake_vcpu));
	assert_int_equal(fake_vm.state, VM_PAUSED);
	assert_int_equal(chipset_resets + quiesced + loads, 0);
	vm_resume(&fake_vm);
	assert_true(turn(&fake_vcpu) && turn(&second));
	assert_int_equal(fake_vm.state, VM_RUNNING);
}

static void the_later_of_pause_and_resume_counts(void **state)
{
	(void)state;
	start();
	vm_pause(&fake_vm);
	vm_resume(&fake_vm);
	turn(&second);
	assert_true(turn(&fake_vcpu) && turn(&second));
	vm_resume(&fake_vm);
	vm_pause(&fake_vm);
	assert_false(turn(&second) || turn(&fake_vcpu));
	assert_int_equal(fake_vm.state, VM_PAUSED);
}

static void a_paused_machine_can_be_reset(void **state)
{
	(void)state;
	start();
	vm_pause(&fake_vm);
	assert_false(turn(&second) || turn(&fake_vcpu));
	vm_reset(&fake_vm);
	assert_true(turn(&fake_vcpu) && turn(&second));
	assert_int_equal(loads, 1);
}

static void killed_is_dead_until_reset(void **state)
{
	(void)state;
	start();
	vm_request_reset(&fake_vm, "at the same time");
	vm_kill(&fake_vm, "broken");
	assert_false(turn(&second) || turn(&fake_vcpu));
	assert_int_equal(fake_vm.state, VM_DEAD);
	assert_string_equal(fake_vm.why, "broken");
	assert_int_equal(loads, 0);
	assert_string_equal(vm_state_name(&fake_vm), "dead");
	vm_reset(&fake_vm);
	assert_true(turn(&fake_vcpu) && turn(&second));
	assert_int_equal(fake_vm.state, VM_RUNNING);
}

static void triple_faults_reset_but_not_for_ever(void **state)
{
	(void)state;
	start();
	for (u32 i = 0; i < 3; i++) {
		fake_tsc += 1000;
		fake_vm.requests = 0;
		vm_triple_fault(&fake_vcpu);
		assert_int_equal(fake_vm.requests, VMREQ_RESET);
	}
	fake_vm.requests = 0;
	vm_triple_fault(&fake_vcpu);
	assert_int_equal(fake_vm.requests, VMREQ_POWEROFF);
	fake_vm.requests = 0;
	fake_tsc += 11 * 1000 * tsc_khz; /* later */
	vm_triple_fault(&fake_vcpu);
	assert_int_equal(fake_vm.requests, VMREQ_RESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(start_loads_and_runs, setup),
		cmocka_unit_test_setup(a_file_that_does_not_load_is_named, setup),
		cmocka_unit_test_setup(a_running_vcpu_without_request_goes_on, setup),
		cmocka_unit_test_setup(reset_waits_for_the_last_vcpu, setup),
		cmocka_unit_test_setup(reset_drops_what_was_pending_for_a_vcpu, setup),
		cmocka_unit_test_setup(power_off_stops_until_reset, setup),
		cmocka_unit_test_setup(pause_and_resume_keep_the_state, setup),
		cmocka_unit_test_setup(the_later_of_pause_and_resume_counts, setup),
		cmocka_unit_test_setup(a_paused_machine_can_be_reset, setup),
		cmocka_unit_test_setup(killed_is_dead_until_reset, setup),
		cmocka_unit_test_setup(triple_faults_reset_but_not_for_ever, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
