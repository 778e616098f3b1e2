/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of real mode in software share. Own thread, as vm/real_mode.h. */
#pragma once

#include "vm/fetch.h"
#include "vm/vcpu.h"

/* The instruction that is being executed. */
struct real_step {
	struct vcpu *v;
	struct fetch f;
	struct insn in;
};

/* What a stack has become; it is the guest's when real_stack_done() says so. */
struct real_stack {
	u64 base;
	u32 mask, sp;
};

struct real_stack real_stack(struct vcpu *v);
void real_stack_done(struct vcpu *v, const struct real_stack *s);
/* size is 2 or 4. False: the stack is not in RAM, and the guest is dead. */
bool real_push(struct vcpu *v, struct real_stack *s, u32 val, u32 size);
bool real_pop(struct vcpu *v, struct real_stack *s, u32 *val, u32 size);
/* ret: of mmu_read() or mmu_write(). False: failed, and the guest is dead. */
bool real_in_ram(struct vcpu *v, gpa_t gpa, int ret);

/* The guest goes on at sel:ip. */
void real_jump(struct vcpu *v, u32 sel, u32 ip);
/* Executes a jump, call or return. False: it is something else. */
bool real_branch(struct real_step *s);
