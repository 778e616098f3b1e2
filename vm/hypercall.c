/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hypercalls: VMMCALL, without prefixes, with the number in RAX. An unknown number is #UD, as if
 * there were no hypervisor.
 *
 *	0	ping: does nothing but set RAX to 0. Measures the way here and back; anybody may.
 */
#include "arch/regs.h"
#include "vm/exit_priv.h"
#include "vm/vm.h"

enum {
	HYPERCALL_PING,
};

#define VMMCALL_LEN 3

void exit_hypercall(struct vcpu *v)
{
	u64 *rax = &v->regs.gpr[R_AX];

	if (unlikely(*rax != HYPERCALL_PING)) {
		vcpu_inject_ud(v);
		return;
	}
	*rax = 0;
	vcpu_skip(v, VMMCALL_LEN);
}
