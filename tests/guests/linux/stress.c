/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usage: stress [SECONDS]
 * A Linux program that leans on what a hypervisor may lose: on every CPU it forks and executes,
 * sleeps on timers, and makes other CPUs interrupt each other: a futex hand-over between threads on
 * two CPUs needs a reschedule interrupt, unmapping memory in a process that runs everywhere needs a
 * TLB-flush interrupt. A step that takes longer than LOST_SECONDS counts as a lost interrupt.
 * Prints one line of totals and ends with 0 if nothing was lost.
 */

#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOST_SECONDS 10
#define MAX_CPUS     64

static atomic_bool stop;
static atomic_long forks, timers, pings, flushes, lost;
static atomic_long worst_timer_us, worst_ping_us;

/* The ball of the pair (n, n + 1): whose turn it is, 0 or 1. */
static _Atomic unsigned int ball[MAX_CPUS];

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void note_worst(atomic_long *worst, long us)
{
	long old = *worst;

	while (us > old && !atomic_compare_exchange_weak(worst, &old, us))
		;
}

static void report_lost(const char *what, int cpu)
{
	lost++;
	printf("stress: lost: %s on CPU %d took more than %d s\n", what, cpu, LOST_SECONDS);
	fflush(stdout);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *fork_loop(void *arg)
{
	int cpu = (int)(long)arg;

	pin(cpu);
	while (!stop) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			execl("/bin/true", "true", NULL);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
			printf("stress: fork or exec failed on CPU %d\n", cpu);
			lost++;
			return NULL;
		}
		forks++;
	}
	return NULL;
}

static void *timer_loop(void *arg)
{
	pin((int)(long)arg);
	while (!stop) {
		struct timespec ms = { 0, 1000000 };
		long start = now_us(), took;

		nanosleep(&ms, NULL);
		took = now_us() - start;
		note_worst(&worst_timer_us, took);
		if (took > LOST_SECONDS * 1000000L)
			report_lost("a timer", (int)(long)arg);
		timers++;
	}
	return NULL;
}

/* Waits until it is side's turn at the ball; false if that takes too long. */
static bool await_ball(int pair, unsigned int side)
{
	struct timespec limit = { LOST_SECONDS, 0 };
	long start = now_us();

	while (ball[pair] != side && !stop) {
		syscall(SYS_futex, &ball[pair], FUTEX_WAIT, !side, &limit, NULL, 0);
		if (now_us() - start > LOST_SECONDS * 1000000L)
			return false;
	}
	note_worst(&worst_ping_us, now_us() - start);
	return true;
}

static void play(int cpu, int pair, unsigned int side)
{
	pin(cpu);
	while (!stop) {
		if (!await_ball(pair, side)) {
			report_lost("a wake-up", cpu);
			return;
		}
		ball[pair] = !side;
		syscall(SYS_futex, &ball[pair], FUTEX_WAKE, 1, NULL, NULL, 0);
		pings++;
	}
}

static void *ping_loop(void *arg)
{
	play((int)(long)arg, (int)(long)arg, 0);
	return NULL;
}

static void *pong_loop(void *arg)
{
	int pair = (int)(long)arg;

	play((pair + 1) % (int)sysconf(_SC_NPROCESSORS_ONLN), pair, 1);
	return NULL;
}

static void *flush_loop(void *arg)
{
	pin((int)(long)arg);
	while (!stop) {
		char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0);
		long start;

		if (p == MAP_FAILED)
			continue;
		memset(p, 1, 65536);
		start = now_us();
		munmap(p, 65536);
		if (now_us() - start > LOST_SECONDS * 1000000L)
			report_lost("a TLB flush", (int)(long)arg);
		flushes++;
		usleep(2000);
	}
	return NULL;
}

static void on_alarm(int sig)
{
	static const char text[] = "stress: lost: did not end in time\n";

	(void)sig;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) > 0)
		_exit(2);
	_exit(3);
}

int main(int argc, char **argv)
{
	void *(*const loops[])(void *) = { fork_loop, timer_loop, ping_loop, pong_loop,
					   flush_loop };
	const int nr_loops = sizeof(loops) / sizeof(loops[0]);
	unsigned int seconds = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 10;
	int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[MAX_CPUS * sizeof(loops) / sizeof(loops[0])];
	int nr = 0;

	if (cpus > MAX_CPUS)
		cpus = MAX_CPUS;
	signal(SIGALRM, on_alarm);
	alarm(seconds + 6 * LOST_SECONDS);
	for (int i = 0; i < cpus * nr_loops; i++)
		nr += pthread_create(&threads[nr], NULL, loops[i % nr_loops],
				     (void *)(long)(i / nr_loops)) == 0;
	sleep(seconds);
	stop = true;
	for (int i = 0; i < cpus; i++)
		syscall(SYS_futex, &ball[i], FUTEX_WAKE, 2, NULL, NULL, 0);
	for (int i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	printf("stress: %s seconds=%u cpus=%d forks=%ld timers=%ld pings=%ld flushes=%ld "
	       "worst_timer_us=%ld worst_ping_us=%ld\n",
	       lost || nr != cpus * nr_loops ? "FAILED" : "ok", seconds, cpus, forks, timers, pings,
	       flushes, worst_timer_us, worst_ping_us);
	return lost != 0;
}
