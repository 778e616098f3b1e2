/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt messages between APICs: who is meant, and what arrives there. */
#pragma once

#include "lib/types.h"

#include "vm/dev/virq.h"

struct vm;
struct vcpu;

/* Delivery modes, as in the ICR, LVT and redirection entries. */
enum apic_mode {
	APIC_FIXED = 0,
	APIC_LOWEST = 1,
	APIC_SMI = 2,
	APIC_NMI = 4,
	APIC_INIT = 5,
	APIC_SIPI = 6,
	APIC_EXTINT = 7,
};

struct apic_msg {
	u32 dest;
	u8 vector;
	u8 mode; /* enum apic_mode */
	bool logical;
	bool level; /* trigger mode */
	bool wide;  /* dest is an x2APIC's: 32 bits, broadcast is all of them */
};

/* Any CPU. Delivers to every vCPU that the message means (lowest priority: to one of them). */
enum virq_result apic_send(struct vm *vm, const struct apic_msg *m);
/* To all vCPUs but one (NULL: to all). */
enum virq_result apic_send_all(struct vm *vm, const struct apic_msg *m, const struct vcpu * not );
/* Delivers to v, whatever m->dest says. */
enum virq_result apic_deliver(struct vcpu *v, const struct apic_msg *m);
bool apic_matches(const struct vcpu *v, const struct apic_msg *m);
