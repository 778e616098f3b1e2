/* SPDX-License-Identifier: BSD-2-Clause */
/* Which values the control registers take. Source: AMD APM 2 "System-Control Registers". */
#pragma once

#include "lib/types.h"

#include "vm/cpuid.h"

struct vcpu;

struct cr_state {
	u64 cr0, cr3, cr4, efer;
	bool cs_long; /* runs 64-bit code */
	const struct guest_caps *caps;
};

/* False: MOV to the register raises #GP(0). */
bool cr0_valid(const struct cr_state *s, u64 val);
bool cr3_valid(const struct cr_state *s, u64 val);
bool cr4_valid(const struct cr_state *s, u64 val);
/* MOV to CR3 by other means than the instruction. False: #GP(0) is due. */
bool vcpu_write_cr3(struct vcpu *v, u64 val);
/* EFER after CR0 is written: PG and LME together make LMA. */
u64 cr0_efer(u64 efer, u64 cr0);
