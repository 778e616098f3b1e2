/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Binary trace: a ring per CPU of fixed 40-byte records. Events are declared once, in the list
 * below; recorder, shell printer and Perfetto export are generated from it.
 */
#pragma once

#include "lib/types.h"

/* X(id, "name", "a", "b", "c"): what the three arguments mean. A name ending in @ is hex. */
#define TRACE_EVENTS(X)                                        \
	X(EXIT, "exit", "vcpu", "reason", "rip@")              \
	X(ENTER, "enter", "vcpu", "flush", "rip@")             \
	X(INJECT, "inject", "vcpu", "vector", "error@")        \
	X(SWITCH, "switch", "cpu", "from", "to")               \
	X(MMU_FAULT, "mmu_fault", "gpa@", "error@", "verdict") \
	X(MMU_SLOT, "mmu_slot", "gfn@", "pages", "kind")       \
	X(MMU_SPLIT, "mmu_split", "gfn@", "level", "reason")   \
	X(MMU_FLUSH, "mmu_flush", "class", "stamp", "cpus@")   \
	X(MMU_SPTE, "mmu_spte", "gfn@", "old@", "new@")

enum trace_event {
#define X(id, ...) TRACE_##id,
	TRACE_EVENTS(X)
#undef X
	TRACE_NR,
};

struct trace_rec {
	u64 tsc; /* at the moment of the event, not of the recording */
	u64 event;
	u64 a, b, c;
};

extern bool trace_on;

void trace_record(enum trace_event ev, u64 tsc, u64 a, u64 b, u64 c);

/* The whole cost when tracing is off is one load and one branch. */
#define trace_event(ev, tsc, a, b, c)                                                  \
	do {                                                                           \
		if (unlikely(trace_on))                                                \
			trace_record(TRACE_##ev, (tsc), (u64)(a), (u64)(b), (u64)(c)); \
	} while (0)
