/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

struct cpu;

/* Makes the timer queue of c. 0 or -ENOMEM. */
int timerq_init(struct cpu *c);
