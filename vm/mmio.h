/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses to device memory. Own thread. */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct vcpu;

/* size is 1, 2, 4 or 8 and the access lies in one page. What no device claims reads as ones. */
u64 mmio_read(struct vcpu *v, gpa_t gpa, u8 size);
void mmio_write(struct vcpu *v, gpa_t gpa, u8 size, u64 val);

/*
 * The guest has accessed (MMU_R, W, X) device memory or a hole. It can only be the data of an
 * instruction, which is emulated; anything else kills the vCPU.
 */
void mmio_fault(struct vcpu *v, gpa_t gpa, u32 access, bool table_walk);
