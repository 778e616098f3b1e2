/* SPDX-License-Identifier: BSD-2-Clause */
/* arch/timer.h on a clock that the test moves. */
#include "tests/host/fake/clock.h"

#include "lib/bug.h"

#include "arch/percpu.h"
#include "arch/timer.h"

u64 fake_tsc;
u64 tsc_khz = 1000000;
u64 tsc_boot;

static struct list queue = LIST_INIT(queue);

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	*t = (struct timer){ .fn = fn };
	list_init(&t->node);
}

void timer_cancel(struct timer *t)
{
	list_del(&t->node);
	t->cpu = NULL;
}

void timer_set(struct timer *t, u64 deadline_tsc)
{
	struct list *pos;

	timer_cancel(t);
	pos = queue.next;
	while (pos != &queue && list_entry(pos, struct timer, node)->deadline <= deadline_tsc)
		pos = pos->next;
	t->deadline = deadline_tsc;
	t->cpu = this_cpu();
	list_add_before(&t->node, pos);
}

u64 fake_clock_next(void)
{
	return list_empty(&queue) ? UINT64_MAX : list_first(&queue, struct timer, node)->deadline;
}

void fake_clock_run(u64 until)
{
	/* A callback that arms itself in the past fires again: bound it, the test would hang. */
	for (u32 fired = 0; fake_clock_next() <= until; fired++) {
		struct timer *t = list_first(&queue, struct timer, node);

		BUG_ON(fired > 10000000); /* no test needs so many in one step */
		fake_tsc = MAX(fake_tsc, t->deadline);
		timer_cancel(t);
		t->fn(t);
	}
	fake_tsc = MAX(fake_tsc, until);
}
