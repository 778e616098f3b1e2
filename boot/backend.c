/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/backend.h"

#include <errno.h>

#include "lib/bug.h"
#include "lib/log.h"
#include "lib/out.h"

#include "arch/percpu.h"
#include "arch/thread.h"

#define MAX_BACKENDS 2

const struct hv_ops *hv;

struct enable_job {
	struct thread *waiter;
	int rc;
	bool done;
};

static void enable_here(void *arg)
{
	struct enable_job *job = arg;

	job->rc = hv->cpu_enable();
	__atomic_store_n(&job->done, true, __ATOMIC_RELEASE);
	thread_wake(job->waiter);
}

/* Runs hv->cpu_enable() on c. */
static int enable_on(struct cpu *c)
{
	struct enable_job job = { .waiter = thread_current() };
	struct thread *t = thread_create(c, "enable", enable_here, &job);

	if (!t)
		return -ENOMEM;
	while (!__atomic_load_n(&job.done, __ATOMIC_ACQUIRE))
		thread_block();
	while (READ_ONCE(t->state) != THREAD_DEAD)
		thread_yield();
	thread_free(t);
	return job.rc;
}

/*
 * The first that can run guests here. If none can, each says why, and the error is of one that the
 * CPU has, but cannot be used.
 */
static const struct hv_ops *choose(const struct hv_ops *const *backends, u32 nr, u32 without)
{
	char why[MAX_BACKENDS][200];
	u32 error = 0;

	for (u32 i = 0; i < nr; i++) {
		int rc = backends[i]->probe(without, why[i], sizeof(why[i]));

		if (!rc)
			return backends[i];
		if (rc != -ENODEV)
			error = i;
	}
	pr_err("boot: %s", why[error]);
	for (u32 i = 0; i < nr; i++) {
		if (i != error)
			pr_info("boot: %s", why[i]);
	}
	return NULL;
}

struct log_line {
	char text[LOG_LINE_MAX];
	size_t n;
};

/* Text becomes lines of the log. */
static void log_text(void *arg, const char *s, size_t n)
{
	struct log_line *l = arg;

	for (size_t i = 0; i < n; i++) {
		if (s[i] != '\n') {
			l->text[l->n] = s[i];
			l->n += l->n < sizeof(l->text) - 1;
			continue;
		}
		l->text[l->n] = 0;
		l->n = 0;
		pr_info("%s: %s", hv->name, l->text);
	}
}

/* What the CPU has and what is used of it, as cpu backend shows it. */
static __noinline void log_facts(void)
{
	struct log_line line = { .n = 0 };
	struct out o;

	out_init(&o, log_text, &line, false);
	hv->describe(&o);
}

int backend_start(const struct hv_ops *const *backends, u32 nr, u32 without)
{
	int rc;

	BUG_ON(nr > MAX_BACKENDS); /* boot/main.c has that many */
	hv = choose(backends, nr, without);
	if (!hv)
		return -ENOSYS;
	rc = hv->init();
	log_facts();
	for_each_cpu(i) {
		if (!rc)
			rc = enable_on(cpus[i]);
		if (rc) {
			pr_err("boot: %s does not start on CPU %u (error %d)", hv->name, i, -rc);
			hv = NULL;
			return rc;
		}
	}
	pr_info("boot: %s on %u CPU%s%s", hv->name, nr_cpus, nr_cpus == 1 ? "" : "s",
		hv->nested_paging() ? "" : ", and all guests under shadow paging");
	return 0;
}
