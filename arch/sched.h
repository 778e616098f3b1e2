/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPU's side of arch/thread.h. */
#pragma once

#include "lib/types.h"

struct cpu;

/* Makes c's run queue; the context that runs on c now becomes its idle thread. 0 or -ENOMEM. */
int sched_init(struct cpu *c);
/* The idle thread's life. */
void sched_idle(void) __noreturn;
/* Another CPU has put a thread on this CPU's queue. Interrupt context. */
void sched_poke(void);
