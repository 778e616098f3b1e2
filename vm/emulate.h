/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

struct vcpu;

/* Executes the instruction at RIP, whose access to memory exited, with the emulator. Own thread. */
void emulate(struct vcpu *v);
