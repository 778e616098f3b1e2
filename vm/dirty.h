/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which frames of its RAM a machine writes. Called by a thread that is not a vCPU and holds no
 * lock.
 */
#pragma once

#include "lib/addr.h"
#include "lib/types.h"

struct vm;

/* Starts or ends the log for all of its RAM. -ENOMEM: there is none now. */
int vm_dirty_log(struct vm *vm, bool on) __must_check;
/* After this mmu_dirty_fetch() finds all that was written before. */
void vm_dirty_sync(struct vm *vm);
