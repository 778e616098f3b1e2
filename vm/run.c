/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a vCPU's thread: enter, exit, handle. The hot path is the loop in vcpu_thread(); one
 * load and test before each entry covers everything that may have to be done first.
 *
 * Who sets a request for a vCPU that is in guest mode on another CPU also interrupts it there. On
 * the vCPU's own CPU requests come only from its handlers and from interrupts that come at exits,
 * thus before that test.
 */
#include "lib/trace.h"

#include "arch/percpu.h"
#include "arch/x86.h"
#include "vm/event.h"
#include "vm/exit.h"
#include "vm/hv_ops.h"
#include "vm/paging.h"
#include "vm/vcpu.h"
#include "vm/vm.h"

void vcpu_resumed(struct vcpu *v)
{
	vcpu_load(v);
	hv->pause_exits(v, v->cpu->slice_end != 0);
}

void vcpu_yield(struct vcpu *v)
{
	u64 end = v->cpu->slice_end;

	if (!end || rdtsc() < end)
		return;
	thread_yield();
	vcpu_resumed(v);
}

/* Blocks until a request among mask has come. */
static void vcpu_wait(struct vcpu *v, u32 mask)
{
	/* Full fence: see vcpu_request(). */
	(void)__atomic_exchange_n(&v->waiting, 1, __ATOMIC_SEQ_CST);
	if (!(READ_ONCE(v->requests) & mask))
		thread_block();
	__atomic_store_n(&v->waiting, 0, __ATOMIC_SEQ_CST);
	vcpu_resumed(v);
}

/* Requests of the hypervisor. True when the vCPU may go on to what concerns its guest. */
static bool serve_host(struct vcpu *v)
{
	u32 req = __atomic_fetch_and(&v->requests, ~VREQ_HOST, __ATOMIC_ACQ_REL);

	if (req & VREQ_CALL)
		vcpu_serve_call(v);
	if (req & VREQ_RESCHED)
		vcpu_yield(v);
	return vm_rendezvous(v, req & VREQ_STOP);
}

/* Signals that change the vCPU as a whole, in the order of their strength. */
static void serve_signals(struct vcpu *v, u32 req)
{
	if (req & VREQ_RESET)
		vcpu_reset(v, false);
	if (req & VREQ_INIT)
		event_init(v);
	if (req & VREQ_SIPI)
		event_sipi(v);
	if (req & VREQ_NMI)
		event_nmi(v);
}

bool vcpu_serve(struct vcpu *v)
{
	for (;;) {
		u32 req = READ_ONCE(v->requests);

		if (unlikely(req & VREQ_END))
			return false;
		if (unlikely((req & VREQ_HOST) || v->parked)) {
			if (!serve_host(v))
				vcpu_wait(v, VREQ_HOST);
			continue;
		}
		req = __atomic_fetch_and(&v->requests, VREQ_HOST, __ATOMIC_ACQ_REL);
		if (unlikely(req & (VREQ_RESET | VREQ_INIT | VREQ_SIPI | VREQ_NMI)))
			serve_signals(v, req);
		if (v->state == VCPU_HALTED && event_wakes(v))
			v->state = VCPU_RUNNING;
		if (v->state != VCPU_RUNNING) {
			vcpu_wait(v, ~0u);
		} else if (likely(!(READ_ONCE(v->requests) & VREQ_HOST))) {
			event_queue(v);
			/* Its delivery in software may have been its end. */
			if (likely(v->state == VCPU_RUNNING))
				return true;
		}
	}
}

/* The same as the last lines of vcpu_thread(), with a record of it. */
static __noinline enum exit_reason step_observed(struct vcpu *v, enum exit_reason last)
{
	u32 name = v->vm->id << 8 | v->id;
	enum exit_reason reason;
	u64 exit_tsc;

	trace_event(ENTER, rdtsc(), name, last, v->regs.rip);
	reason = v->mmu ? paging_enter(v) : hv->enter(v);
	exit_tsc = rdtsc();
	v->stat.exits[reason]++;
	trace_event(EXIT, exit_tsc, name, reason, v->regs.rip);
	exit_handlers[reason](v);
	if (vcpu_stat_cycles)
		v->stat.cycles[reason] += rdtsc() - exit_tsc;
	return reason;
}

void vcpu_thread(void *arg)
{
	struct vcpu *v = arg;
	enum exit_reason (*const enter)(struct vcpu *) = v->mmu ? paging_enter : hv->enter;
	enum exit_reason reason = EXIT_NR; /* none yet */

	vcpu_load(v);
	for (;;) {
		if (unlikely(READ_ONCE(v->requests)) && !vcpu_serve(v))
			break;
		if (unlikely((u32)READ_ONCE(trace_on) | (u32)READ_ONCE(vcpu_stat_cycles))) {
			reason = step_observed(v, reason);
			continue;
		}
		reason = enter(v);
		v->stat.exits[reason]++;
		exit_handlers[reason](v);
	}
	vcpu_unload(v);
}
