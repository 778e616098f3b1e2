/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other CPUs: each waits for work, with paging as it was at its start, and does it in the mode of
 * the scene.
 */

#include "tests/guests/paging/paging.h"

#define PATIENCE_US 20000000

static void (*volatile job)(void);
static volatile u32 job_nr, done_nr;
static u32 nr = 1;

static void wait_for_jobs(void)
{
	u32 seen = 0;

	for (;;) {
		while (job_nr == seen)
			cpu_pause();
		seen = job_nr;
		pg_join();
		job();
		pg_part();
		__atomic_add_fetch(&done_nr, 1, __ATOMIC_SEQ_CST);
	}
}

u32 pg_cpus_start(void)
{
	nr = cpu_count();
	for (u32 i = 1; i < nr; i++)
		if (!cpu_start(i, wait_for_jobs))
			fatal("CPU %u does not start", i);
	return nr;
}

void pg_others(void (*fn)(void))
{
	job = fn;
	done_nr = 0;
	__atomic_add_fetch(&job_nr, 1, __ATOMIC_SEQ_CST);
}

bool pg_others_done(void)
{
	u64 end = rdtsc() + tsc_us(PATIENCE_US);

	while (done_nr != nr - 1 && rdtsc() < end)
		cpu_pause();
	return done_nr == nr - 1;
}
