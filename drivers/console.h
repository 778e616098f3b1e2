/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's serial console: a ring of output in front of COM1, so that a slow line never stalls a
 * guest. Life: polled while booting (no locks, one CPU), then a ring drained by the port's interrupt,
 * then polled again after a panic.
 *
 * When the ring is full the oldest text in it is lost, and a mark in the output says how much.
 */
#pragma once

#include "lib/types.h"

#define CONSOLE_RING (64 * 1024)

/* First thing at boot: finds and programs COM1. Output before that is lost. */
void console_init(void);
/*
 * Boot CPU, once interrupts and timers work: from now on output goes through the ring, and input() is
 * called for each byte received, on the boot CPU, with no lock held.
 */
void console_start(void (*input)(u8 c));
/* From the panic path, with all other CPUs stopped: polled output for ever, no locks. */
void console_panic(void);

/* Raw bytes. Any CPU, any lock below RANK_CONSOLE; never blocks. */
void console_write(const char *s, size_t n);
/* Text of the hypervisor: a line feed becomes CR LF. */
void console_text(const char *s, size_t n);
/*
 * A line of its own, even while somebody edits a line at a prompt: the text given to
 * console_prompt() is wiped and shown again below.
 */
void console_line(const char *s);
/*
 * What stands on the unfinished last line of the screen (prompt and typed text), and how many
 * columns the cursor stands before its end. n = 0: nothing that must be shown again.
 */
void console_prompt(const char *s, size_t n, size_t back);

/* For a thread that has much to say: blocks until half of the ring is free. */
void console_wait(void);
/* Sends what is in the ring, polled, for at most about a second. Before reset and power-off. */
void console_flush(void);
/* The next byte received, or -1; only when console_start() was not called, or after a panic. */
int console_getc(void);
