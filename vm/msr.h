/* SPDX-License-Identifier: BSD-2-Clause */
/* Model-specific registers that exit: a policy for each, in the table of msr.c. */
#pragma once

#include "lib/types.h"

struct vcpu;

/*
 * Own thread. 0; -EINVAL for #GP; -ENOENT for an MSR that the policy does not know (the caller
 * decides what the machine's configuration says about those).
 */
int msr_read(struct vcpu *v, u32 msr, u64 *val) __must_check;
int msr_write(struct vcpu *v, u32 msr, u64 val) __must_check;

/* Power-on values. */
void msr_reset(struct vcpu *v);
/* Own CPU: MSRs that the guest reads directly and the backend does not switch. */
void msr_load(struct vcpu *v);
