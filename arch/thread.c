/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cooperative round robin, one queue per CPU.
 *
 * A thread that blocks while nothing else is ready idles in place, on its own stack: when its
 * wake-up comes it goes on without a switch. That makes HLT of a lone vCPU cheap.
 *
 * Every thread has a quantum. While some of it is left, a thread that wakes goes to the head of the
 * queue and preempts, and one that is preempted follows directly behind: whoever waited for an
 * event is served before whoever computes, which is what makes interrupts between vCPUs of one CPU
 * fast. A thread that has used up its quantum gets a new one and goes to the tail, so two that
 * keep waking each other cannot starve a third.
 */
#include "arch/thread.h"

#include <errno.h>
#include <stdio.h>

#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/sched.h"
#include "arch/spinlock.h"
#include "arch/timer.h"
#include "arch/x86.h"

#define QUANTUM_US 5000

/* cpu.slice_end of the past: give way now, to a thread that woke. */
#define SLICE_PREEMPT 1

struct sched {
	struct spinlock lock;
	struct timer slice; /* forces an exit at the end of the slice */
};

void thread_switch(u64 *save_rsp, u64 load_rsp);

static struct sched *sched_of(struct cpu *c)
{
	return c->sched;
}

struct thread *thread_current(void)
{
	return this_cpu()->current;
}

/* Ends the running thread's slice when its quantum does, if somebody waits. Lock held. */
static void slice_update(struct cpu *c)
{
	if (list_empty(&c->run_queue))
		c->slice_end = 0;
	else if (!c->slice_end)
		c->slice_end = c->current->since + c->current->quantum;
}

/* Takes what the running thread has used from its quantum. */
static void charge(struct thread *t)
{
	u64 used = rdtsc() - t->since;

	t->quantum = used < t->quantum ? t->quantum - used : 0;
	t->since += used;
}

static void slice_timer(struct timer *t)
{
	(void)t; /* the interrupt itself was the purpose: the guest has exited */
}

/* head: ahead of all others, and of who runs now, if it has quantum left. Lock held. */
static void enqueue(struct cpu *c, struct thread *t, bool head)
{
	if (!t->quantum) {
		t->quantum = QUANTUM_US * tsc_khz / 1000;
		head = false;
	}
	t->state = THREAD_READY;
	if (head)
		list_add_head(&t->node, &c->run_queue);
	else
		list_add_tail(&t->node, &c->run_queue);
	c->runnable++;
	if (head && t != c->current)
		c->slice_end = SLICE_PREEMPT;
	slice_update(c);
}

static struct thread *dequeue_first(struct cpu *c)
{
	struct thread *t = list_first(&c->run_queue, struct thread, node);

	list_del(&t->node);
	c->runnable--;
	return t;
}

/* Lock held on entry, released by whoever runs next. */
static void switch_to(struct cpu *c, struct thread *next)
{
	struct thread *prev = c->current;

	next->state = THREAD_RUNNING;
	next->since = rdtsc();
	c->current = next;
	c->slice_end = 0;
	slice_update(c);
	thread_switch(&prev->rsp, next->rsp);
	spin_unlock(&sched_of(this_cpu())->lock);
}

static void slice_arm(struct cpu *c)
{
	if (c->slice_end > SLICE_PREEMPT)
		timer_set(&sched_of(c)->slice, c->slice_end);
}

void thread_yield(void)
{
	struct cpu *c = this_cpu();
	struct sched *s = sched_of(c);
	struct thread *next;

	spin_lock(&s->lock);
	if (list_empty(&c->run_queue)) {
		c->slice_end = 0;
		spin_unlock(&s->lock);
		return;
	}
	next = dequeue_first(c);
	charge(c->current);
	enqueue(c, c->current, c->slice_end == SLICE_PREEMPT);
	switch_to(c, next);
	slice_arm(this_cpu());
}

/* Interrupts come in while the CPU waits; STI takes effect after HLT, so no wake-up falls
 * between. */
static void idle_wait(struct cpu *c, struct thread *t)
{
	struct sched *s = sched_of(c);

	while (t->state == THREAD_BLOCKED && list_empty(&c->run_queue)) {
		spin_unlock(&s->lock);
		__asm__ volatile("sti; hlt; cli" : : : "memory");
		spin_lock(&s->lock);
	}
}

void thread_block(void)
{
	struct cpu *c = this_cpu();
	struct sched *s = sched_of(c);
	struct thread *t = c->current;

	spin_lock(&s->lock);
	if (t->wakeup) {
		t->wakeup = 0;
		spin_unlock(&s->lock);
		return;
	}
	charge(t);
	t->state = THREAD_BLOCKED;
	idle_wait(c, t);
	if (t->state == THREAD_READY) {
		/* Woken in place: never left the CPU. */
		t->state = THREAD_RUNNING;
		t->since = rdtsc();
		c->slice_end = 0;
		slice_update(c);
		spin_unlock(&s->lock);
		slice_arm(c);
		return;
	}
	switch_to(c, dequeue_first(c));
	slice_arm(this_cpu());
}

void thread_wake(struct thread *t)
{
	struct cpu *c = t->cpu;
	struct sched *s = sched_of(c);
	bool remote = c != this_cpu(), kick = false;

	spin_lock(&s->lock);
	if (t->state == THREAD_BLOCKED) {
		kick = remote;
		if (c->current == t) {
			t->state = THREAD_READY; /* idles in place */
		} else {
			enqueue(c, t, true);
		}
	} else if (t->state != THREAD_DEAD) {
		t->wakeup = 1;
	}
	spin_unlock(&s->lock);
	if (kick)
		cpu_request(c, CPU_REQ_RESCHED);
	else if (!remote)
		slice_arm(c); /* a tail of the queue waits for the end of the slice */
}

static __noreturn void thread_exit(void)
{
	struct cpu *c = this_cpu();

	spin_lock(&sched_of(c)->lock);
	c->current->state = THREAD_DEAD;
	/* The idle thread is always there to run, at the very least. */
	switch_to(c, list_empty(&c->run_queue) ? c->idle : dequeue_first(c));
	for (;;)
		;
}

static void thread_start(void)
{
	struct cpu *c = this_cpu();
	struct thread *t = c->current;

	spin_unlock(&sched_of(c)->lock);
	slice_arm(c);
	t->fn(t->arg);
	thread_exit();
}

struct thread *thread_create(struct cpu *cpu, const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread *t = kzalloc(sizeof(*t));
	struct sched *s = sched_of(cpu);
	u64 *sp;

	if (!t)
		return NULL;
	t->stack = stack_alloc();
	if (!t->stack) {
		kfree(t, sizeof(*t));
		return NULL;
	}
	t->cpu = cpu;
	t->fn = fn;
	t->arg = arg;
	snprintf(t->name, sizeof(t->name), "%s", name);
	/* What thread_switch() pops: six registers and the return address; then a zero return
	 * address, which ends backtraces and keeps the stack aligned as after a call. */
	sp = (u64 *)((char *)t->stack + STACK_SIZE) - 8;
	sp[6] = (u64)thread_start;
	t->rsp = (u64)sp;
	spin_lock(&s->lock);
	enqueue(cpu, t, false);
	spin_unlock(&s->lock);
	if (cpu != this_cpu())
		cpu_request(cpu, CPU_REQ_RESCHED);
	else
		slice_arm(cpu);
	return t;
}

void thread_free(struct thread *t)
{
	/* The dying thread's CPU has switched away once its lock can be taken. */
	spin_lock(&sched_of(t->cpu)->lock);
	spin_unlock(&sched_of(t->cpu)->lock);
	stack_free(t->stack);
	kfree(t, sizeof(*t));
}

void sched_poke(void)
{
	slice_arm(this_cpu());
}

void sched_idle(void)
{
	struct cpu *c = this_cpu();
	struct sched *s = sched_of(c);

	for (;;) {
		spin_lock(&s->lock);
		c->idle->state = THREAD_BLOCKED;
		idle_wait(c, c->idle);
		switch_to(c, dequeue_first(c));
	}
}

int sched_init(struct cpu *c)
{
	struct sched *s = kzalloc(sizeof(*s));
	struct thread *t = kzalloc(sizeof(*t));

	if (!s || !t)
		return -ENOMEM;
	spin_init(&s->lock, RANK_SCHED);
	timer_init(&s->slice, slice_timer);
	list_init(&c->run_queue);
	snprintf(t->name, sizeof(t->name), "idle%u", c->idx);
	t->cpu = c;
	t->state = THREAD_RUNNING;
	c->sched = s;
	c->idle = t;
	c->current = t;
	return 0;
}
