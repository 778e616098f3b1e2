/* SPDX-License-Identifier: BSD-2-Clause */
/* Birth, requests and end of a vCPU; which vCPU's state a CPU holds. */
#include "vm/vcpu.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/trace.h"

#include "arch/mem.h"
#include "arch/percpu.h"
#include "vm/cpuid.h"
#include "vm/dev/vlapic.h"
#include "vm/fpu.h"
#include "vm/hv_ops.h"
#include "vm/msr.h"
#include "vm/paging.h"
#include "vm/vm.h"

bool vcpu_stat_cycles;

/*
 * A vCPU on another CPU gets an interrupt whenever its state is loaded there, in guest mode or not:
 * one that is about to enter has perhaps looked at its requests already, and then leaves the guest
 * at once. Who loads a vCPU or is about to block looks at the requests after it has said so.
 */
void vcpu_request(struct vcpu *v, u32 bits)
{
	struct cpu *here = this_cpu();

	/* Also when they are set already: perhaps by the vCPU itself, on its way into the guest. */
	__atomic_fetch_or(&v->requests, bits, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&v->waiting, __ATOMIC_SEQ_CST)) {
		thread_wake(v->thread);
		/* It goes before the thread that runs here, if that thread is a vCPU's. */
		if (v->cpu == here && here->vcpu && here->vcpu != v)
			vcpu_request_self(here->vcpu, VREQ_RESCHED);
	} else if (v->cpu != here && __atomic_load_n(&v->cpu->vcpu, __ATOMIC_SEQ_CST) == v) {
		cpu_request(v->cpu, CPU_REQ_KICK);
	}
}

void vcpu_load(struct vcpu *v)
{
	struct cpu *c = v->cpu;
	struct vcpu *prev = c->vcpu;

	if (prev == v)
		return;
	if (prev)
		hv->unload(prev);
	/* Pairs with vcpu_request(): full fence between this and the next look at v->requests. */
	(void)__atomic_exchange_n(&c->vcpu, v, __ATOMIC_SEQ_CST);
	trace_event(SWITCH, rdtsc(), c->idx, prev ? prev->vm->id << 8 | prev->id : ~0u,
		    v->vm->id << 8 | v->id);
	fpu_load(v);
	msr_load(v);
	hv->load(v);
}

void vcpu_unload(struct vcpu *v)
{
	struct cpu *c = v->cpu;

	if (c->vcpu == v) {
		hv->unload(v);
		__atomic_store_n(&c->vcpu, NULL, __ATOMIC_SEQ_CST);
	}
	if (c->fpu_owner == v)
		c->fpu_owner = NULL;
}

void vcpu_update_tsc(struct vcpu *v)
{
	v->tsc_offset = v->tsc_adjust - v->vm->tsc_base;
	hv->set_tsc_offset(v, v->tsc_offset);
	vlapic_tsc_changed(v);
}

void vcpu_reset(struct vcpu *v, bool init)
{
	v->regs = (struct vcpu_regs){ .rip = 0xfff0, .rflags = RFLAGS_ONE };
	v->regs.gpr[R_DX] = cpuid_signature(v->vm->cpuid);
	v->pending.type = EVENT_NONE;
	v->redelivery = false;
	v->nmi_pending = 0;
	__atomic_store_n(&v->nmis_sent, 0, __ATOMIC_RELAXED);
	v->irq_window = false;
	v->state = v->id == 0 ? VCPU_RUNNING : VCPU_WAIT_SIPI;
	hv->vcpu_reset(v);
	paging_reset(v);
	if (!init) {
		v->why = NULL;
		fpu_reset(v);
		msr_reset(v);
		vcpu_update_tsc(v);
	}
	msr_load(v);
	vlapic_reset(v, init);
	hv->flush(v);
}

void vcpu_kill(struct vcpu *v, const char *fmt, ...)
{
	va_list ap;
	int n;

	n = snprintf(v->why_buf, sizeof(v->why_buf), "vCPU %u at rip %llx: ", (unsigned)v->id,
		     (unsigned long long)v->regs.rip);
	va_start(ap, fmt);
	vsnprintf(v->why_buf + n, sizeof(v->why_buf) - (size_t)n, fmt, ap);
	va_end(ap);
	v->why = v->why_buf;
	v->state = VCPU_DEAD;
	vm_kill(v->vm, v->why);
}

static void call_done(struct vcpu_call *call)
{
	struct thread *t = call->caller; /* call is gone once done is set */

	__atomic_store_n(&call->done, true, __ATOMIC_RELEASE);
	thread_wake(t);
}

void vcpu_serve_call(struct vcpu *v)
{
	struct vcpu_call *call = __atomic_exchange_n(&v->call, NULL, __ATOMIC_ACQUIRE);

	if (!call)
		return;
	call->fn(v, call->arg);
	call_done(call);
}

void vcpu_call(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg), void *arg)
{
	struct vcpu_call call = { .fn = fn, .arg = arg, .caller = thread_current() };
	struct vcpu_call *none = NULL;

	while (!__atomic_compare_exchange_n(&v->call, &none, &call, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED)) {
		none = NULL;
		thread_yield();
	}
	vcpu_request(v, VREQ_CALL);
	while (!__atomic_load_n(&call.done, __ATOMIC_ACQUIRE))
		thread_block();
}

int vcpu_create(struct vm *vm, u32 id, struct cpu *cpu)
{
	struct vcpu *v = kzalloc(sizeof(*v));
	int ret;

	if (!v)
		return -ENOMEM;
	vm->vcpu[id] = v;
	v->vm = vm;
	v->id = id;
	v->cpu = cpu;
	v->requests = VREQ_STOP;
	ret = fpu_create(v);
	if (!ret)
		ret = vlapic_create(v);
	if (!ret)
		ret = hv->vcpu_init(v);
	if (!ret)
		ret = paging_create(v);
	return ret;
}

void vcpu_destroy(struct vcpu *v)
{
	paging_destroy(v);
	if (v->backend)
		hv->vcpu_fini(v);
	if (v->lapic)
		vlapic_destroy(v);
	fpu_destroy(v);
	v->vm->vcpu[v->id] = NULL;
	kfree(v, sizeof(*v));
}
