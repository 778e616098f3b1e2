/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMMCALL. RAX holds the number; only the kernel may call. An unknown number is #UD, as if there
 * were no hypervisor.
 *
 *	0	ping: does nothing, RAX becomes 0. Measures the way here and back.
 */
#include "arch/regs.h"
#include "vm/exit_priv.h"
#include "vm/fetch.h"
#include "vm/vm.h"

enum {
	HYPERCALL_PING,
};

void exit_hypercall(struct vcpu *v)
{
	u64 *rax = &v->regs.gpr[R_AX];
	u8 len;

	if (unlikely(*rax != HYPERCALL_PING)) {
		vcpu_inject_ud(v);
		return;
	}
	len = fetch_insn_len(v, OP_VMMCALL);
	if (unlikely(!len))
		return;
	*rax = 0;
	vcpu_skip(v, len);
}
