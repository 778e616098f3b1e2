/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Real mode in software, for a backend whose CPU cannot run guests in it: what an approximation of
 * it by the hardware leaves over. Own thread, loaded, CR0.PE of the guest is 0.
 */
#pragma once

#include "lib/types.h"

struct vcpu;

/* An interrupt or exception through the table of vectors; rip is where the guest goes on behind it.
 * A vector that the table does not have becomes #GP, then #DF, then shutdown. */
void real_mode_deliver(struct vcpu *v, u8 vector, u64 rip);
