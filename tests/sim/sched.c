/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/sim/sched.h"

#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "tests/sim/sim.h"

#define STACK      (128 * 1024)
#define MAX_POINTS 4000
#define MAX_WAITS  10000

struct actor {
	ucontext_t context;
	void (*fn)(void);
	bool done;
	const struct env_lock *wants; /* blocked by it */
	u32 cpu, ranks;               /* of env_sim, while others run */
};

static struct {
	const struct sched_scene *scene;
	struct actor actor[SCHED_ACTORS];
	u32 nr, cur, budget, waits;
	ucontext_t home;
	/* The schedule: at each point, which of how many; the first `fixed` are given. */
	u8 choice[MAX_POINTS], options[MAX_POINTS];
	u32 point, fixed;
	u64 runs;
} run;

static u8 stacks[SCHED_ACTORS][STACK] __aligned(64);

static bool runnable(const struct actor *a)
{
	return !a->done && !(a->wants && a->wants->held);
}

/* One of n, by the schedule; 0 where it does not say. */
static u32 decide(u32 n)
{
	u32 c = 0;

	if (n < 2)
		return 0;
	sim_check(run.point < MAX_POINTS, "the run is too long to explore");
	if (run.point < run.fixed)
		c = run.choice[run.point];
	run.choice[run.point] = (u8)c;
	run.options[run.point++] = (u8)n;
	return c;
}

static void switch_to(u32 next)
{
	struct actor *old = &run.actor[run.cur], *new = &run.actor[next];

	if (next == run.cur)
		return;
	old->cpu = env_sim.cpu;
	old->ranks = env_sim.ranks_held;
	run.cur = next;
	env_sim.cpu = new->cpu;
	env_sim.ranks_held = new->ranks;
	swapcontext(&old->context, &new->context);
}

/* The actors that can run, the current one first if it is among them. */
static u32 candidates(u32 *list)
{
	u32 n = 0;

	if (runnable(&run.actor[run.cur]))
		list[n++] = run.cur;
	for (u32 i = 0; i < run.nr; i++)
		if (i != run.cur && runnable(&run.actor[i]))
			list[n++] = i;
	return n;
}

/* The current actor could go on, and it costs a preemption if it does not. */
static void point(void)
{
	u32 list[SCHED_ACTORS], n = candidates(list), c;

	if (run.budget == 0)
		return;
	c = decide(n);
	if (c == 0)
		return;
	run.budget--;
	switch_to(list[c]);
}

/* The current actor cannot go on, or has nothing to do but wait. */
static void give_way(void)
{
	u32 list[SCHED_ACTORS], n = candidates(list);
	u32 skip = n > 1 && list[0] == run.cur;

	sim_check(n > 0, "nobody can go on");
	sim_check(++run.waits < MAX_WAITS, "somebody waits for ever");
	switch_to(list[skip + decide(n - skip)]);
}

static void blocked(struct env_lock *l)
{
	run.actor[run.cur].wants = l;
	give_way();
	run.actor[run.cur].wants = NULL;
}

static bool at_hook(enum mmu_hook h)
{
	(void)h;
	point();
	return false;
}

static void at_store(u64 *p, u64 v)
{
	(void)p;
	(void)v;
	point();
}

static void body(void)
{
	u32 list[SCHED_ACTORS];

	run.actor[run.cur].fn();
	run.actor[run.cur].done = true;
	if (candidates(list) == 0) {
		for (u32 i = 0; i < run.nr; i++)
			sim_check(run.actor[i].done, "nobody can go on");
		setcontext(&run.home);
	}
	give_way();
}

/* --- one run ---------------------------------------------------------------------------------- */

static void describe(void)
{
	fprintf(stderr, "  scene %s, run %llu, schedule", run.scene->name,
		(unsigned long long)run.runs);
	for (u32 i = 0; i < run.point; i++)
		if (run.choice[i])
			fprintf(stderr, " %u:%u", i, run.choice[i]);
	fprintf(stderr, "\n");
}

static void prepare(const struct sched_scene *s, u32 preemptions)
{
	sim_rand_seed(1);
	s->setup();
	sim.describe = describe;
	sim.keep = SIM_KEEP_ALL;
	sim.any_hook = at_hook;
	sim.yield = point;
	env_sim.storing = at_store;
	env_sim.locking = point;
	env_sim.unlocked = point;
	env_sim.published = point;
	env_sim.relax = give_way;
	env_sim.blocked = blocked;
	run.point = run.cur = run.waits = 0;
	run.budget = preemptions;
	for (run.nr = 0; run.nr < SCHED_ACTORS && s->actor[run.nr]; run.nr++) {
		struct actor *a = &run.actor[run.nr];

		*a = (struct actor){ .fn = s->actor[run.nr], .cpu = s->cpu[run.nr] };
		getcontext(&a->context);
		a->context.uc_stack.ss_sp = stacks[run.nr];
		a->context.uc_stack.ss_size = STACK;
		makecontext(&a->context, body, 0);
	}
}

static void run_once(const struct sched_scene *s, u32 preemptions)
{
	prepare(s, preemptions);
	run.runs++;
	env_sim.cpu = run.actor[0].cpu;
	swapcontext(&run.home, &run.actor[0].context);
	env_sim.ranks_held = 0;
	sim.yield = NULL;
	sim.any_hook = NULL;
	env_sim.storing = NULL;
	env_sim.locking = env_sim.unlocked = env_sim.published = env_sim.relax = NULL;
	env_sim.blocked = NULL;
	s->finish();
}

/* The next schedule in order: the last choice that has another option takes it. */
static bool next_schedule(void)
{
	while (run.point > 0 && run.choice[run.point - 1] + 1 >= run.options[run.point - 1])
		run.point--;
	if (run.point == 0)
		return false;
	run.choice[run.point - 1]++;
	run.fixed = run.point;
	return true;
}

struct sched_result sched_explore(const struct sched_scene *s, u32 preemptions, u64 max_runs)
{
	struct sched_result r = { 0 };

	memset(&run, 0, sizeof(run));
	run.scene = s;
	do {
		run_once(s, preemptions);
		r.runs++;
		r.points = MAX(r.points, run.point);
		r.all = !next_schedule();
	} while (!r.all && r.runs < max_runs);
	return r;
}
