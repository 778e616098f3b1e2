/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Binary trace: a ring per CPU of fixed 40-byte records. Events are declared once, in the list
 * below; recorder, shell printer and Perfetto export are generated from it. Recording is for code
 * that runs with interrupts off; not from NMI or machine-check handlers.
 */
#pragma once

#include "lib/types.h"

/*
 * X(id, "name", "a", "b", "c"): what the three arguments mean. A name ending in @ is hex, one
 * ending in $ is the address of static text, or 0. Those of the MMU come last, from MMU_FAULT on.
 */
#define TRACE_EVENTS(X)                                               \
	X(EXIT, "exit", "vcpu", "reason", "rip@")                     \
	X(ENTER, "enter", "vcpu", "reason", "rip@")                   \
	X(INJECT, "inject", "vcpu", "vector", "error@")               \
	X(SWITCH, "switch", "cpu", "from", "to")                      \
	X(MMU_FAULT, "mmu_fault", "gpa@", "error@", "verdict$")       \
	X(MMU_SLOT, "mmu_slot", "gfn@", "pages", "kind")              \
	X(MMU_SPLIT, "mmu_split", "gfn@", "level", "reason")          \
	X(MMU_FLUSH, "mmu_flush", "class", "stamp", "cpus@")          \
	X(MMU_SPTE, "mmu_spte", "gfn@", "old@", "new@")               \
	X(SHADOW_FAULT, "shadow_fault", "gva@", "error@", "verdict$") \
	X(SHADOW_WHY, "shadow_why", "gva@", "gpa@", "reason$")        \
	X(SHADOW_ROOT, "root", "key@", "hw@", "how$")                 \
	X(SHADOW_UNSYNC, "unsync", "gfn@", "page", "level")           \
	X(SHADOW_SYNC, "sync", "gfn@", "page", "level")               \
	X(SHADOW_ZAP, "zap", "gfn@", "page", "level")                 \
	X(SHADOW_STORE, "table_write", "gpa@", "bytes", "shadows")    \
	X(WATCH, "watch", "vcpu", "gpa@", "access$")

enum trace_event {
#define X(id, ...) TRACE_##id,
	TRACE_EVENTS(X)
#undef X
	TRACE_NR,
};

struct trace_rec {
	u64 tsc; /* at the moment of the event, not of the recording */
	u32 event;
	u32 vm; /* number of the machine, or TRACE_NO_VM */
	u64 a, b, c;
};

#define TRACE_NO_VM (~0U)

/* For printers: the event's name and those of its arguments, with @ and $ as above. */
struct trace_desc {
	const char *name;
	const char *arg[3];
};

extern const struct trace_desc trace_descs[TRACE_NR];

#define TRACE_MAX_CPUS 64

extern bool trace_on;

/*
 * Set-up, before trace_on: cpu_idx() tells the number of the CPU it runs on, and each CPU gets
 * room for nr records (a power of two, at least 2) in zeroed memory that stays its own. A CPU
 * without room records nothing.
 */
void trace_init(u32 (*cpu_idx)(void));
void trace_set_ring(u32 cpu, struct trace_rec *room, u64 nr);

void trace_record(enum trace_event ev, u32 vm, u64 tsc, u64 a, u64 b, u64 c);

/* From now on only events whose bit is set are recorded, and only this machine's (TRACE_NO_VM:
 * those of all, and those that are of none). At first everything is. */
void trace_select(u64 events, u32 vm);

/* Forgets what was recorded so far. */
void trace_clear(void);

/*
 * Calls fn for the records of all CPUs, merged by time, oldest first; at most those that were
 * there at the call. No lock is held, so fn may take its time; records that are overwritten
 * meanwhile are left out and counted in the return value. One caller at a time (the shell).
 */
u64 trace_for_each(void (*fn)(void *arg, u32 cpu, const struct trace_rec *rec), void *arg);

/* The whole cost when tracing is off is one load and one branch. */
#define trace_vm_event(vm, ev, tsc, a, b, c)                                                 \
	do {                                                                                 \
		if (unlikely(trace_on))                                                      \
			trace_record(TRACE_##ev, (vm), (tsc), (u64)(a), (u64)(b), (u64)(c)); \
	} while (0)
#define trace_event(ev, tsc, a, b, c) trace_vm_event(TRACE_NO_VM, ev, tsc, a, b, c)
