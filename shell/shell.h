/* SPDX-License-Identifier: BSD-2-Clause */
/* The debug shell: a thread of the boot CPU that reads lines from the console and runs commands. */
#pragma once

#include "lib/types.h"

struct vm;

/*
 * Boot CPU, when interrupts, timers and threads work: starts the console's interrupt and the shell
 * thread. escape: see mux_init(). Also registers the post-mortem prompt.
 */
void shell_start(u8 escape);

/* For commands, which run on the shell's thread. */

/* Waits; true when a key was pressed meanwhile (and taken). */
bool shell_sleep(u64 ms);

/* For shell/mux.c. */

/* A byte for the shell; boot CPU, no lock held. */
void shell_input(u8 c);
/* The line is the shell's again: show prompt and text anew. */
void shell_redraw(void);
void shell_wake(void);
