/* SPDX-License-Identifier: BSD-2-Clause */
/* From the reason of an exit to its handler. */
#include "vm/exit.h"

#include "lib/log.h"
#include "lib/out.h"

#include "arch/regs.h"
#include "arch/x86.h"
#include "vm/event.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

/* What is pending comes in as soon as it may. Whom an interrupt woke may go first. */
static void irq(struct vcpu *v)
{
	take_irqs();
	if (v->cpu->slice_end)
		vcpu_yield(v);
}

static void nmi_window(struct vcpu *v)
{
	vcpu_request_self(v, VREQ_EVENT);
}

/* One that is intercepted for the hypervisor's sake, but is the guest's. */
static void exception(struct vcpu *v)
{
	u8 vector = v->exit.exc.vector;
	bool has_error =
		vector == EXC_DF || (vector >= EXC_TS && vector <= EXC_PF) || vector == EXC_AC;

	if (vector == EXC_PF)
		hv->set_sreg(v, SR_CR2, v->exit.exc.cr2);
	vcpu_inject(v, vector, has_error, has_error ? v->exit.exc.error : 0);
}

/* The backend has put the guest's debug registers in place, and the access is repeated. */
static void nothing(struct vcpu *v)
{
	(void)v;
}

static void ud(struct vcpu *v)
{
	vcpu_inject_ud(v);
}

static void gp(struct vcpu *v)
{
	vcpu_inject_gp(v);
}

/* Guest RAM is the host's cacheable memory and DMA is coherent, so there is nothing to write back;
 * and nothing may be thrown away. */
static void wbinvd(struct vcpu *v)
{
	u8 len = fetch_insn_len(v, v->exit.reason == EXIT_INVD ? OP_INVD : OP_WBINVD);

	if (len)
		vcpu_skip(v, len);
}

static void log_bytes(void *arg, const char *s, size_t n)
{
	struct vm *vm = arg;

	while (n && (s[n - 1] == '\n' || s[n - 1] == '\r'))
		n--;
	if (n)
		vm_log(vm, "%.*s", (int)n, s);
}

static __noinline void fail(struct vcpu *v)
{
	struct out o;

	out_init(&o, log_bytes, v->vm, false);
	hv->check(v, &o);
	vcpu_kill(v, "the CPU refused to enter the guest (code %llx)",
		  (unsigned long long)v->exit.code);
}

static void unknown(struct vcpu *v)
{
	vcpu_kill(v, "exit for a reason that nobody asked for (%s, code %llx)",
		  exit_names[v->exit.reason], (unsigned long long)v->exit.code);
}

void (*const exit_handlers[EXIT_NR])(struct vcpu *v) = {
	[EXIT_IRQ] = irq,
	[EXIT_NMI] = nothing,
	[EXIT_IRQ_WINDOW] = event_window,
	[EXIT_NMI_WINDOW] = nmi_window,
	[EXIT_CPUID] = exit_cpuid,
	[EXIT_HLT] = exit_hlt,
	[EXIT_PAUSE] = exit_pause,
	[EXIT_PIO] = exit_pio,
	[EXIT_RDMSR] = exit_rdmsr,
	[EXIT_WRMSR] = exit_wrmsr,
	[EXIT_NPF] = exit_npf,
	[EXIT_PF] = exit_pf,
	[EXIT_INVLPG] = exit_invlpg,
	[EXIT_INVPCID] = exit_invpcid,
	[EXIT_CR] = exit_cr,
	[EXIT_LTR] = exit_ltr,
	[EXIT_DR] = nothing,
	[EXIT_EXCEPTION] = exception,
	[EXIT_HYPERCALL] = exit_hypercall,
	[EXIT_XSETBV] = exit_xsetbv,
	[EXIT_WBINVD] = wbinvd,
	[EXIT_INVD] = wbinvd,
	[EXIT_MONITOR] = ud,
	[EXIT_MWAIT] = ud,
	[EXIT_RDPMC] = gp,
	[EXIT_VIRT_INSN] = ud,
	[EXIT_TASK_SWITCH] = exit_task_switch,
	[EXIT_TRIPLE] = vm_triple_fault,
	[EXIT_INIT] = nothing,
	[EXIT_SMI] = nothing,
	[EXIT_EMULATE] = exit_emulate,
	[EXIT_NONE] = nothing,
	[EXIT_FAIL] = fail,
	[EXIT_UNKNOWN] = unknown,
};
