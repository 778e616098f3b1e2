/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life cycle of a VM. Whoever wants something of it sets a bit in vm->requests and asks every vCPU
 * to stop; each parks at the rendezvous, between two instructions of its guest. When all are parked
 * vCPU 0's thread does what was asked, with the whole machine at rest, and lets them go if the
 * machine is to run.
 *
 *	shell, device, vCPU      vCPU 0                      vCPU 1
 *	requests |= RESET
 *	VREQ_STOP to all
 *	                         parks; not all are here
 *	                                                     parks, is the last: wakes vCPU 0
 *	                         serves: devices, files,
 *	                         own state; RESET to vCPU 1
 *	                         goes on                     resets itself, goes on
 *
 * A vCPU that is parked when a request comes (paused, powered off) is woken by the same VREQ_STOP.
 */
#include <errno.h>
#include <stdio.h>

#include "lib/log.h"

#include "arch/timer.h"
#include "arch/x86.h"
#include "vm/acpi/vacpi.h"
#include "vm/console.h"
#include "vm/dev/chipset.h"
#include "vm/dev/vlapic.h"
#include "vm/hv_ops.h"
#include "vm/load/load.h"
#include "vm/vm.h"

#define GUEST_LOG_LINES 64          /* per power-on: what the guest can write to our log */
#define TRIPLE_PERIOD   (10 * 1000) /* ms; as many triple faults as triple_tsc[] has end the VM */

static void request(struct vm *vm, u32 add, u32 drop)
{
	u32 old = READ_ONCE(vm->requests);

	while (!__atomic_compare_exchange_n(&vm->requests, &old, (old & ~drop) | add, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
	for_each_vcpu(v, vm)
		vcpu_request(v, VREQ_STOP);
}

void vm_pause(struct vm *vm)
{
	request(vm, VMREQ_PAUSE, VMREQ_RESUME);
}

void vm_resume(struct vm *vm)
{
	request(vm, VMREQ_RESUME, VMREQ_PAUSE);
}

void vm_reset(struct vm *vm)
{
	vm_request_reset(vm, "asked for at the shell");
}

void vm_request_reset(struct vm *vm, const char *why)
{
	__atomic_store_n(&vm->request_why, why, __ATOMIC_RELAXED);
	request(vm, VMREQ_RESET, 0);
}

void vm_request_poweroff(struct vm *vm, const char *why)
{
	__atomic_store_n(&vm->request_why, why, __ATOMIC_RELAXED);
	request(vm, VMREQ_POWEROFF, 0);
}

void vm_kill(struct vm *vm, const char *why)
{
	__atomic_store_n(&vm->request_why, why, __ATOMIC_RELAXED);
	request(vm, VMREQ_KILL, 0);
}

void vm_triple_fault(struct vcpu *v)
{
	struct vm *vm = v->vm;
	u64 now = rdtsc(), oldest;

	/* Several vCPUs may come here at once; a lost entry only lengthens the allowance. */
	oldest = vm->triple_tsc[ARRAY_SIZE(vm->triple_tsc) - 1];
	for (size_t i = ARRAY_SIZE(vm->triple_tsc) - 1; i > 0; i--)
		vm->triple_tsc[i] = vm->triple_tsc[i - 1];
	vm->triple_tsc[0] = now;
	vm_log(vm, "triple fault on vCPU %u at rip %llx", v->id, (unsigned long long)v->regs.rip);
	if (oldest && now - oldest < TRIPLE_PERIOD * tsc_khz)
		vm_request_poweroff(vm, "the fourth triple fault within ten seconds");
	else
		vm_request_reset(vm, "triple fault");
}

static void set_state(struct vm *vm, enum vm_state state, const char *why)
{
	spin_lock(&vm->lock);
	vm->state = state;
	spin_unlock(&vm->lock);
	snprintf(vm->why, sizeof(vm->why), "%s", why ? why : "");
}

static void quiesce(struct vm *vm)
{
	chipset_quiesce(vm);
	for_each_vcpu(v, vm)
		vlapic_quiesce(v);
}

static void tell_ended(struct vm *vm)
{
	if (vm_console_ended)
		vm_console_ended(vm);
}

/* What went wrong is in vm->why. */
static void power_on(struct vm *vm)
{
	char err[sizeof(vm->why)];
	struct vcpu *boot = vm->vcpu[0];
	int ret;

	vm->tsc_base = rdtsc();
	vm->log_left = GUEST_LOG_LINES;
	chipset_reset(vm);
	for_each_vcpu(v, vm) {
		__atomic_fetch_and(&v->requests, VREQ_HOST, __ATOMIC_RELAXED);
		if (v != boot)
			vcpu_request(v, VREQ_RESET);
	}
	vcpu_reset(boot, false);
	ret = vacpi_build(vm);
	if (ret)
		snprintf(err, sizeof(err),
			 "its ACPI tables do not fit below 1 MiB: give it fewer CPUs");
	else
		ret = guest_load(vm, err, sizeof(err));
	vm->load_failed = ret != 0;
	if (ret) {
		quiesce(vm);
		set_state(vm, VM_STOPPED, err);
		return;
	}
	pr_info("vm %s: starts, %llu TSC ticks after the hypervisor did", vm->cfg.name,
		(unsigned long long)(rdtsc() - tsc_boot));
	set_state(vm, VM_RUNNING, NULL);
}

static void power_off(struct vm *vm)
{
	quiesce(vm);
	for_each_vcpu(v, vm)
		v->state = VCPU_OFF; /* parked: the owner does not look at it now */
	pr_info("vm %s: powered off: %s", vm->cfg.name, vm->request_why);
	set_state(vm, VM_STOPPED, vm->request_why);
	tell_ended(vm);
}

/* vCPU 0's thread, all vCPUs parked. The strongest request wins; a reset also starts a machine that
 * was off. */
static void serve(struct vm *vm, u32 req)
{
	if (req & VMREQ_KILL) {
		pr_err("vm %s: killed: %s", vm->cfg.name, vm->request_why);
		quiesce(vm);
		set_state(vm, VM_DEAD, vm->request_why);
		tell_ended(vm);
	} else if (req & VMREQ_POWEROFF) {
		power_off(vm);
	} else if (req & (VMREQ_RESET | VMREQ_START)) {
		if (req & VMREQ_RESET) {
			vm->resets++;
			pr_info("vm %s: reset: %s", vm->cfg.name, vm->request_why);
		}
		power_on(vm);
		/* Who started it tells the person himself. */
		if (vm->load_failed && (req & VMREQ_RESET))
			pr_err("vm %s: cannot start: %s", vm->cfg.name, vm->why);
	}
	if ((req & VMREQ_PAUSE) && vm->state == VM_RUNNING)
		set_state(vm, VM_PAUSED, NULL);
	if ((req & VMREQ_RESUME) && vm->state == VM_PAUSED)
		set_state(vm, VM_RUNNING, NULL);
}

static bool all_parked(const struct vm *vm)
{
	return vm->nr_parked == vm->nr_vcpus;
}

static void serve_requests(struct vm *vm)
{
	vm->serving = true;
	spin_unlock(&vm->lock);
	serve(vm, __atomic_exchange_n(&vm->requests, 0, __ATOMIC_SEQ_CST));
	spin_lock(&vm->lock);
	vm->serving = false;
	for_each_vcpu(v, vm) {
		if (v->id != 0)
			vcpu_request(v, VREQ_STOP);
	}
}

bool vm_rendezvous(struct vcpu *v, bool stop)
{
	struct vm *vm = v->vm;
	bool run;

	if (!stop && !v->parked)
		return true;
	spin_lock(&vm->lock);
	if (!v->parked) {
		v->parked = true;
		vm->nr_parked++;
	}
	if (READ_ONCE(vm->requests) && all_parked(vm)) {
		if (v->id == 0)
			serve_requests(vm);
		else
			vcpu_request(vm->vcpu[0], VREQ_STOP);
	}
	run = vm->state == VM_RUNNING && !READ_ONCE(vm->requests) && !vm->serving;
	if (run) {
		v->parked = false;
		vm->nr_parked--;
	}
	spin_unlock(&vm->lock);
	return run;
}

int vm_start(struct vm *vm, char *err, size_t err_size)
{
	bool done = false;

	request(vm, VMREQ_START, 0);
	while (!done) {
		thread_yield();
		spin_lock(&vm->lock);
		done = !vm->serving && !(READ_ONCE(vm->requests) & VMREQ_START);
		spin_unlock(&vm->lock);
	}
	if (!vm->load_failed)
		return 0;
	snprintf(err, err_size, "vm %s: %s", vm->cfg.name, vm->why);
	return -EINVAL;
}

const char *vm_state_name(const struct vm *vm)
{
	static const char *const names[] = {
		[VM_STOPPED] = "off",
		[VM_RUNNING] = "running",
		[VM_PAUSED] = "paused",
		[VM_DEAD] = "dead",
	};

	return names[READ_ONCE(vm->state)];
}
