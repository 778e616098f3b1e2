/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: vm/run.c vm/event.c lib/trace.c tests/host/fake/clock.c tests/host/fake/paging.c tests/host/fake/bug.c */
/* What a vCPU does between two entries: first the hypervisor, then signals, then events. */
#include "tests/host/vm_fake.h"

#include "vm/dev/vlapic.h"
#include "vm/dev/vpic.h"
#include "vm/event.h"

static struct vlapic lapic;
static u32 blocks, yields, calls, resets;
static bool stopped;       /* the VM does not run */
static void (*wake)(void); /* what happens while the thread blocks */
void (*const exit_handlers[EXIT_NR])(struct vcpu *v);

bool vlapic_accepts_pic(const struct vcpu *v)
{
	(void)v;
	return false;
}

bool vpic_pending(const struct vm *vm)
{
	(void)vm;
	return false;
}

int vpic_ack(struct vm *vm)
{
	(void)vm;
	return -1;
}

void vm_triple_fault(struct vcpu *v)
{
	(void)v;
}

void vm_request_reset(struct vm *vm, const char *why)
{
	(void)vm;
	(void)why;
}

void vcpu_reset(struct vcpu *v, bool init)
{
	(void)init;
	v->state = v->id == 0 ? VCPU_RUNNING : VCPU_WAIT_SIPI;
	resets++;
}

void vcpu_request(struct vcpu *v, u32 bits)
{
	v->requests |= bits;
}

void vcpu_load(struct vcpu *v)
{
	(void)v;
}

void vcpu_unload(struct vcpu *v)
{
	(void)v;
}

void vcpu_serve_call(struct vcpu *v)
{
	(void)v;
	calls++;
}

bool vm_rendezvous(struct vcpu *v, bool stop)
{
	(void)v;
	(void)stop;
	return !stopped;
}

bool vcpu_stat_cycles;

void thread_yield(void)
{
	yields++;
}

void thread_block(void)
{
	assert_true(fake_vcpu.waiting); /* or nobody would wake it */
	assert_true(blocks++ < 10);
	wake();
}

static void pause_exits(struct vcpu *v, bool on)
{
	(void)v;
	(void)on;
}

static void nobody(void)
{
	fail();
}

static int setup(void **state)
{
	static struct hv_ops ops;

	(void)state;
	fake_reset();
	ops = fake_hv;
	ops.pause_exits = pause_exits;
	hv = &ops;
	memset(&lapic, 0, sizeof(lapic));
	fake_vcpu.lapic = &lapic;
	fake_vcpu.regs.rflags = RFLAGS_ONE | RFLAGS_IF;
	blocks = yields = calls = resets = 0;
	stopped = false;
	wake = nobody;
	fake_cpu.slice_end = 0;
	return 0;
}

static bool serve(u32 requests)
{
	fake_vcpu.requests |= requests;
	return vcpu_serve(&fake_vcpu);
}

static void an_end_beats_everything(void **state)
{
	(void)state;
	assert_false(serve(VREQ_END | VREQ_CALL | VREQ_RESET));
	assert_int_equal(calls + resets, 0);
}

static void an_interrupt_is_handed_over(void **state)
{
	(void)state;
	lapic.irr[1] = BIT(0);
	assert_true(serve(VREQ_EVENT));
	assert_int_equal(fake_nr_injected, 1);
	assert_int_equal(fake_vcpu.requests, 0);
}

static void die(struct vcpu *v, const struct vcpu_event *e)
{
	fake_injected = *e;
	v->state = VCPU_DEAD;
}

static void end(void)
{
	fake_vcpu.requests |= VREQ_END;
}

static void delivery_that_kills_is_not_followed_by_an_entry(void **state)
{
	static struct hv_ops ops;

	(void)state;
	ops = *hv;
	ops.inject = die;
	hv = &ops;
	lapic.irr[1] = BIT(0);
	wake = end;
	assert_false(serve(VREQ_EVENT));
	assert_int_equal(fake_injected.type, EVENT_IRQ);
	assert_int_equal(blocks, 1);
}

static void irq_0x40(void)
{
	lapic.irr[1] = BIT(0);
	fake_vcpu.requests |= VREQ_EVENT;
}

static void hlt_sleeps_until_the_guest_can_take_something(void **state)
{
	(void)state;
	fake_vcpu.state = VCPU_HALTED;
	wake = irq_0x40;
	assert_true(serve(VREQ_EVENT));
	assert_int_equal(blocks, 1);
	assert_int_equal(fake_vcpu.state, VCPU_RUNNING);
	assert_int_equal(fake_nr_injected, 1);
	assert_false(fake_vcpu.waiting);
}

static void a_request_before_the_sleep_prevents_it(void **state)
{
	(void)state;
	fake_vcpu.state = VCPU_HALTED;
	lapic.irr[1] = BIT(0);
	assert_true(serve(VREQ_EVENT));
	assert_int_equal(blocks, 0);
}

static void go_on(void)
{
	stopped = false;
	fake_vcpu.requests |= VREQ_STOP;
}

static void a_stopped_machine_serves_the_hypervisor_but_no_guest(void **state)
{
	(void)state;
	stopped = true;
	lapic.irr[1] = BIT(0);
	wake = go_on;
	assert_true(serve(VREQ_EVENT | VREQ_CALL | VREQ_STOP));
	assert_int_equal(calls, 1);
	assert_int_equal(blocks, 1);
	assert_int_equal(fake_nr_injected, 1);
}

static void startup(void)
{
	fake_vcpu.requests |= VREQ_SIPI;
}

static void a_reset_comes_before_the_start(void **state)
{
	(void)state;
	fake_vcpu.id = 1;
	wake = nobody;
	assert_true(serve(VREQ_RESET | VREQ_INIT | VREQ_SIPI));
	assert_int_equal(resets, 2);
	assert_int_equal(fake_vcpu.state, VCPU_RUNNING);
	/* Without the startup signal it waits. */
	wake = startup;
	assert_true(serve(VREQ_INIT));
	assert_int_equal(blocks, 1);
	assert_int_equal(fake_vcpu.state, VCPU_RUNNING);
}

static void two_nmis_are_counted_on_the_way(void **state)
{
	(void)state;
	vcpu_request_nmi(&fake_vcpu);
	vcpu_request_nmi(&fake_vcpu);
	assert_true(serve(0));
	assert_int_equal(fake_nr_injected, 1);
	assert_true(fake_nmi_window);
	assert_int_equal(fake_vcpu.nmi_pending, 1);
}

static void a_slice_ends_when_it_is_over(void **state)
{
	(void)state;
	fake_tsc = 1000;
	fake_cpu.slice_end = 2000;
	assert_true(serve(VREQ_RESCHED));
	assert_int_equal(yields, 0);
	fake_tsc = 2000;
	assert_true(serve(VREQ_RESCHED));
	assert_int_equal(yields, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_end_beats_everything, setup),
		cmocka_unit_test_setup(an_interrupt_is_handed_over, setup),
		cmocka_unit_test_setup(delivery_that_kills_is_not_followed_by_an_entry, setup),
		cmocka_unit_test_setup(hlt_sleeps_until_the_guest_can_take_something, setup),
		cmocka_unit_test_setup(a_request_before_the_sleep_prevents_it, setup),
		cmocka_unit_test_setup(a_stopped_machine_serves_the_hypervisor_but_no_guest, setup),
		cmocka_unit_test_setup(a_reset_comes_before_the_start, setup),
		cmocka_unit_test_setup(two_nmis_are_counted_on_the_way, setup),
		cmocka_unit_test_setup(a_slice_ends_when_it_is_over, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
