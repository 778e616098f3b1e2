/* SPDX-License-Identifier: BSD-2-Clause */
/* How commands name machines and virtual CPUs: "linux", "linux.1". */
#pragma once

#include "lib/out.h"
#include "lib/types.h"

struct vm;
struct vcpu;

/* NULL after a sentence in o. */
struct vm *target_vm(struct out *o, const char *name);
/* Without ".N" it is vCPU 0. NULL after a sentence in o. */
struct vcpu *target_vcpu(struct out *o, const char *name);

/* struct cmd.complete for a first argument of that kind. */
void target_complete_vm(int idx, void (*add)(void *arg, const char *word), void *arg);
void target_complete_vcpu(int idx, void (*add)(void *arg, const char *word), void *arg);

/*
 * Runs fn on the vCPU's own thread with its state loaded, and then writes to o what fn wrote to the
 * output it was given (which cannot block there). Text beyond 24 KiB is cut, with a remark.
 */
void target_call(struct out *o, struct vcpu *v, void (*fn)(struct vcpu *v, struct out *o));
