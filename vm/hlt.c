/* SPDX-License-Identifier: BSD-2-Clause */
/* HLT and PAUSE: the guest has nothing to do here. */
#include "arch/percpu.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/vm.h"

/* The thread blocks in vcpu_serve() until event_wakes(). With IF = 0 only NMI, INIT or a reset ends
 * it, as on a real CPU. */
void exit_hlt(struct vcpu *v)
{
	u8 len = fetch_insn_len(v, OP_HLT);

	if (!len)
		return;
	vcpu_skip(v, len);
	v->stat.halts++;
	v->state = VCPU_HALTED;
	vcpu_request_self(v, VREQ_EVENT);
}

/* The guest spins, perhaps for a vCPU that waits for this CPU. */
void exit_pause(struct vcpu *v)
{
	u8 len = fetch_insn_len(v, OP_PAUSE);

	if (!len)
		return;
	vcpu_skip(v, len);
	thread_yield();
	vcpu_resumed(v);
}
