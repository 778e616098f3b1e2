/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace rings. Each has one writer, its CPU, which never waits. The reader copies a record, then
 * looks at the writer's position: if the writer may have come round to that record meanwhile, the
 * copy is dropped.
 *
 *	       first            next                end          head
 *	   ------+----------------+------------------+-------------+----> records ever written
 *	   gone  |   given to fn  |  still to give   | came later  | being written
 */

#include "lib/trace.h"

struct trace_ring {
	struct trace_rec *room;
	u64 nr;   /* records that fit; a power of two */
	u64 head; /* records ever written */
	u64 base; /* those before are cleared */
	/* The reader's own. */
	u64 next, end;
	struct trace_rec rec; /* number next, if full */
	bool full;
};

bool trace_on;

static u64 wanted_events = ~0ULL;
static u32 wanted_vm = TRACE_NO_VM;

_Static_assert(TRACE_NR <= 64, "a bit for each event");

static struct trace_ring rings[TRACE_MAX_CPUS];
static u32 (*this_cpu_idx)(void);

const struct trace_desc trace_descs[TRACE_NR] = {
#define X(id, name, a, b, c) { name, { a, b, c } },
	TRACE_EVENTS(X)
#undef X
};

void trace_init(u32 (*cpu_idx)(void))
{
	this_cpu_idx = cpu_idx;
}

void trace_set_ring(u32 cpu, struct trace_rec *room, u64 nr)
{
	rings[cpu].nr = nr;
	/* Release: the CPU that sees the room sees its size. */
	__atomic_store_n(&rings[cpu].room, room, __ATOMIC_RELEASE);
}

void trace_select(u64 events, u32 vm)
{
	WRITE_ONCE(wanted_events, events);
	WRITE_ONCE(wanted_vm, vm);
}

static bool wanted(enum trace_event ev, u32 vm)
{
	u32 only = READ_ONCE(wanted_vm);

	return (READ_ONCE(wanted_events) >> ev & 1) && (only == TRACE_NO_VM || only == vm);
}

void trace_record(enum trace_event ev, u32 vm, u64 tsc, u64 a, u64 b, u64 c)
{
	struct trace_ring *r = &rings[this_cpu_idx()];
	struct trace_rec *rec = __atomic_load_n(&r->room, __ATOMIC_ACQUIRE);

	if (!rec || !wanted(ev, vm))
		return;
	rec += r->head & (r->nr - 1);
	WRITE_ONCE(rec->tsc, tsc);
	WRITE_ONCE(rec->event, ev);
	WRITE_ONCE(rec->vm, vm);
	WRITE_ONCE(rec->a, a);
	WRITE_ONCE(rec->b, b);
	WRITE_ONCE(rec->c, c);
	/* Release: pairs with the acquires in fetch() and trace_for_each(). */
	__atomic_store_n(&r->head, r->head + 1, __ATOMIC_RELEASE);
}

void trace_clear(void)
{
	for (u32 i = 0; i < TRACE_MAX_CPUS; i++)
		rings[i].base = READ_ONCE(rings[i].head);
}

/* The oldest record that the writer does not touch when it has written head records. */
static u64 oldest(const struct trace_ring *r, u64 head)
{
	u64 first = head >= r->nr ? head - r->nr + 1 : 0;

	return MAX(first, r->base);
}

/* Makes r->rec the next record to give. Returns how many were lost on the way. */
static u64 fetch(struct trace_ring *r)
{
	u64 start = r->next;

	while (!r->full && r->next < r->end) {
		const struct trace_rec *rec = &r->room[r->next & (r->nr - 1)];
		u64 first;

		r->rec.tsc = READ_ONCE(rec->tsc);
		r->rec.event = READ_ONCE(rec->event);
		r->rec.vm = READ_ONCE(rec->vm);
		r->rec.a = READ_ONCE(rec->a);
		r->rec.b = READ_ONCE(rec->b);
		r->rec.c = READ_ONCE(rec->c);
		/* Acquire fence: the copy is made before the writer's position is read. */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		first = oldest(r, READ_ONCE(r->head));
		if (first <= r->next)
			r->full = true;
		else
			r->next = MIN(first, r->end);
	}
	return r->next - start;
}

static struct trace_ring *earliest(void)
{
	struct trace_ring *best = NULL;

	for (u32 i = 0; i < TRACE_MAX_CPUS; i++)
		if (rings[i].full && (!best || rings[i].rec.tsc < best->rec.tsc))
			best = &rings[i];
	return best;
}

u64 trace_for_each(void (*fn)(void *arg, u32 cpu, const struct trace_rec *rec), void *arg)
{
	struct trace_ring *r;
	u64 lost = 0;

	for (u32 i = 0; i < TRACE_MAX_CPUS; i++) {
		r = &rings[i];
		r->end = __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);
		r->next = oldest(r, r->end);
		r->full = false;
		lost += fetch(r);
	}
	while ((r = earliest())) {
		fn(arg, (u32)(r - rings), &r->rec);
		r->full = false;
		r->next++;
		lost += fetch(r);
	}
	return lost;
}
