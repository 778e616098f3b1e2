/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's serial console: a ring of output in front of COM1, so that a slow line never stalls a
 * guest. Life: polled while booting (no locks, one CPU), then a ring drained by the port's
 * interrupt, then polled again after a panic.
 *
 * When the ring is full the oldest text in it is lost, and a mark in the output says how much.
 */
#pragma once

#include "lib/log.h"
#include "lib/types.h"

#define CONSOLE_RING    (64 * 1024)
#define CONSOLE_BACKLOG (4 * 1024) /* a third of a second at 115200 baud */

/* First thing at boot: finds and programs COM1. Output before that is lost. */
void console_init(void);
/*
 * Boot CPU, once interrupts and timers work: from now on output goes through the ring, input() is
 * called for each byte received, and ready() when console_busy() has said true and that is over;
 * both on the boot CPU with no lock held.
 */
void console_start(void (*input)(u8 c), void (*ready)(void));
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
/* The same with the time in front; a sink for log_set_sink(). */
void console_log(enum log_level level, u64 tsc, const char *line);
/*
 * What stands on the unfinished last line of the screen (prompt and typed text), and how many
 * columns the cursor stands before its end. n = 0: nothing that must be shown again.
 */
void console_prompt(const char *s, size_t n, size_t back);

/*
 * For those who have much to say and can wait: true while more than CONSOLE_BACKLOG bytes wait, and
 * then ready() will be called.
 */
bool console_busy(void);
/* Sends what is in the ring, polled, for at most about a second. Before reset and power-off. */
void console_flush(void);
/* The next byte received, or -1; only when console_start() was not called, or after a panic. */
int console_getc(void);
