/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest FP and SIMD state. The hypervisor uses none of it, so the registers keep the state of the
 * vCPU that ran last; it is saved only when another vCPU takes the CPU.
 */
#pragma once

#include "lib/types.h"

struct vcpu;

int fpu_create(struct vcpu *v) __must_check;
void fpu_destroy(struct vcpu *v);
/* Own CPU: the registers hold v's state afterwards. */
void fpu_load(struct vcpu *v);
/*
 * Own CPU, loaded: the guest's XCR0. Not every CPU lets us see it change (QEMU TCG does not
 * intercept XSETBV), so it is read and not remembered.
 */
u64 fpu_xcr0(const struct vcpu *v);
/* Own CPU: state as after RESET. */
void fpu_reset(struct vcpu *v);
