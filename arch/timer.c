/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timer queues: one sorted list per CPU (a VM has a handful of timers, most of them unarmed), its
 * head programmed into the local APIC timer.
 */
#include "arch/timer.h"

#include <errno.h>

#include "arch/lapic.h"
#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/spinlock.h"
#include "arch/timerq.h"
#include "arch/trap.h"

struct timerq {
	struct spinlock lock;
	struct list head;
};

void timer_init(struct timer *t, void (*fn)(struct timer *t))
{
	list_init(&t->node);
	t->deadline = 0;
	t->fn = fn;
	t->cpu = NULL;
}

/* Takes t off whatever queue it is on. */
static void dequeue(struct timer *t)
{
	struct cpu *c;

	while ((c = t->cpu)) {
		struct timerq *q = c->timers;

		spin_lock(&q->lock);
		if (t->cpu == c) {
			list_del(&t->node);
			t->cpu = NULL;
		}
		spin_unlock(&q->lock);
	}
}

void timer_set(struct timer *t, u64 deadline_tsc)
{
	struct cpu *c = this_cpu();
	struct timerq *q = c->timers;
	struct list *pos;

	if (t->cpu && t->cpu != c)
		dequeue(t);
	spin_lock(&q->lock);
	list_del(&t->node);
	t->deadline = deadline_tsc;
	for (pos = q->head.next; pos != &q->head; pos = pos->next)
		if (list_entry(pos, struct timer, node)->deadline > deadline_tsc)
			break;
	list_add_before(&t->node, pos);
	t->cpu = c;
	if (q->head.next == &t->node)
		lapic_timer_arm(deadline_tsc);
	spin_unlock(&q->lock);
}

void timer_cancel(struct timer *t)
{
	/* The hardware timer is left alone: if it fires for nothing, the handler arms the next.
	 * */
	if (t->cpu)
		dequeue(t);
}

static struct timer *pop_expired(struct timerq *q)
{
	struct timer *t = NULL;

	spin_lock(&q->lock);
	if (!list_empty(&q->head)) {
		t = list_first(&q->head, struct timer, node);
		if (t->deadline > rdtsc()) {
			lapic_timer_arm(t->deadline);
			t = NULL;
		} else {
			list_del(&t->node);
			t->cpu = NULL;
		}
	}
	spin_unlock(&q->lock);
	return t;
}

static void timer_irq(u8 vector)
{
	struct timer *t;

	(void)vector;
	while ((t = pop_expired(this_cpu()->timers)))
		t->fn(t);
}

int timerq_init(struct cpu *c)
{
	struct timerq *q = kzalloc(sizeof(*q));

	if (!q)
		return -ENOMEM;
	spin_init(&q->lock, RANK_TIMER);
	list_init(&q->head);
	c->timers = q;
	trap_set_irq(VEC_TIMER, timer_irq);
	return 0;
}
