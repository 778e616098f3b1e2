/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What VM-entry injects and what an exit interrupted, which have one format. Source: Intel SDM 3C
 * "VM-Entry Controls for Event Injection", "Information for VM Exits That Occur During Event
 * Delivery".
 */
#pragma once

#include "lib/types.h"

#include "arch/regs.h"
#include "vm/exit.h"
#include "vmx/control.h"

/* Of an event but INTn. Without protection an exception pushes no error code, and VM-entry checks
 * that. */
static inline u32 event_encode(const struct vcpu_event *e, bool is_protected)
{
	static const u8 type[] = {
		[EVENT_IRQ] = EVENTINJ_TYPE_INTR,
		[EVENT_NMI] = EVENTINJ_TYPE_NMI,
		[EVENT_EXC] = EVENTINJ_TYPE_EXC,
		[EVENT_SOFT] = EVENTINJ_TYPE_SOFT,
	};

	return EVENTINJ_VALID | (u32)type[e->type] << 8 |
	       (e->has_error && is_protected ? EVENTINJ_HAS_ERROR : 0) | e->vector;
}

/* False: nothing to inject again, the guest repeats the instruction. */
static inline bool event_decode(u32 info, u32 error, struct vcpu_event *e)
{
	u8 type;

	if (!(info & EVENTINJ_VALID))
		return false;
	switch (EVENTINJ_TYPE(info)) {
	case EVENTINJ_TYPE_INTR:
		type = EVENT_IRQ;
		break;
	case EVENTINJ_TYPE_NMI:
		type = EVENT_NMI;
		break;
	case EVENTINJ_TYPE_EXC:
		type = EVENT_EXC;
		break;
	default:
		return false; /* INTn, INT1, INT3, INTO */
	}
	*e = (struct vcpu_event){ .type = type, .vector = info & EVENTINJ_VECTOR };
	if (type == EVENT_EXC && (info & EVENTINJ_HAS_ERROR)) {
		e->has_error = true;
		e->error = error;
	}
	return true;
}
