/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit handlers: each on the vCPU's own thread, with its state loaded. Only exit.c calls them. */
#pragma once

#include "lib/types.h"

struct vcpu;
struct vm;

void exit_cpuid(struct vcpu *v);
void exit_cr(struct vcpu *v);
void exit_emulate(struct vcpu *v);
void exit_hlt(struct vcpu *v);
void exit_invlpg(struct vcpu *v);
void exit_invpcid(struct vcpu *v);
void exit_pf(struct vcpu *v);
void exit_hypercall(struct vcpu *v);
void exit_ltr(struct vcpu *v);
void exit_npf(struct vcpu *v);
void exit_pause(struct vcpu *v);
void exit_pio(struct vcpu *v);
void exit_rdmsr(struct vcpu *v);
void exit_task_switch(struct vcpu *v);
void exit_wrmsr(struct vcpu *v);
void exit_xsetbv(struct vcpu *v);

/* One access to the machine's ports, by the handlers. */
u32 pio_read(struct vm *vm, u16 port, u8 size);
void pio_write(struct vm *vm, u16 port, u8 size, u32 val);

/* XCR0 may hold val where the CPU and we have what supported says. */
bool xcr0_valid(u64 val, u64 supported);
