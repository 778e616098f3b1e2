/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The word in which hardware takes an event for a guest, and reports one whose delivery an exit
 * interrupted. It is the same on both vendors' CPUs. Source: AMD APM 2 "Event Injection"; Intel SDM
 * 3C "VM-Entry Controls for Event Injection", "Information for VM Exits That Occur During Event
 * Delivery".
 */
#pragma once

#include "lib/types.h"

#include "arch/regs.h"
#include "vm/exit.h"

#define EVENTINJ_VECTOR    0xffU
#define EVENTINJ_TYPE(e)   (((e) >> 8) & 7)
#define EVENTINJ_TYPE_INTR 0U
#define EVENTINJ_TYPE_NMI  2U
#define EVENTINJ_TYPE_EXC  3U
#define EVENTINJ_TYPE_SOFT 4U /* INTn */
#define EVENTINJ_HAS_ERROR BIT32(11)
#define EVENTINJ_VALID     BIT32(31)

static inline u32 event_encode(const struct vcpu_event *e)
{
	static const u8 type[] = {
		[EVENT_IRQ] = EVENTINJ_TYPE_INTR,
		[EVENT_NMI] = EVENTINJ_TYPE_NMI,
		[EVENT_EXC] = EVENTINJ_TYPE_EXC,
		[EVENT_SOFT] = EVENTINJ_TYPE_SOFT,
	};

	return EVENTINJ_VALID | (u32)type[e->type] << 8 | (e->has_error ? EVENTINJ_HAS_ERROR : 0) |
	       e->vector;
}

/*
 * False: nothing to inject again, the guest repeats the instruction. That is so for INTn, INT3 and
 * INTO, of which AMD's CPUs call the last two exceptions; INT1 on Intel's has another type.
 */
static inline bool event_decode(u32 info, u32 error, struct vcpu_event *e)
{
	u8 vector = info & EVENTINJ_VECTOR;
	u8 type;

	if (!(info & EVENTINJ_VALID))
		return false;
	switch (EVENTINJ_TYPE(info)) {
	case EVENTINJ_TYPE_INTR:
		type = EVENT_IRQ;
		break;
	case EVENTINJ_TYPE_NMI:
		type = EVENT_NMI;
		vector = EXC_NMI;
		break;
	case EVENTINJ_TYPE_EXC:
		if (vector == EXC_BP || vector == EXC_OF)
			return false;
		type = EVENT_EXC;
		break;
	default:
		return false;
	}
	*e = (struct vcpu_event){ .type = type, .vector = vector };
	if (type == EVENT_EXC && (info & EVENTINJ_HAS_ERROR)) {
		e->has_error = true;
		e->error = error;
	}
	return true;
}
