/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who has the serial line: the shell, or the console of one guest. The escape key switches. A guest
 * in the background writes to its scroll-back only, of which the last part is shown when it gets
 * the line.
 */
#pragma once

#include "lib/types.h"

struct vm;
struct thread;

/* escape: the control character that switches (0x1d = Ctrl-]). Before console_start(). */
void mux_init(u8 escape);
/* The key as people write it: "Ctrl-]". */
const char *mux_escape_name(void);

/* console_start()'s callbacks: boot CPU, no lock held. */
void mux_input(u8 c);
void mux_ready(void);

/*
 * Until one of these is called, or a key is pressed, the shell's text waits, so that a machine that
 * boots into a guest's console shows no prompt first. vm: who gets the line; NULL = the shell.
 */
void mux_begin(struct vm *vm);
/* Gives the line to vm's console. Any context without locks. */
void mux_attach(struct vm *vm);
/* The shell takes the line back; what: one sentence for the screen, or NULL. */
void mux_detach(const char *what);
/*
 * The shell's output, raw and as text (drivers/console.h). They wait until the shell has the line
 * and the line keeps up. Shell thread only.
 */
void mux_write(const char *s, size_t n);
void mux_text(const char *s, size_t n);
