/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end: the hypervisor's own state cannot be trusted. Stops the other CPUs by NMI, prints
 * registers and a backtrace with function names, and hands over to the post-mortem prompt.
 */
#pragma once

#include "lib/bug.h"
#include "lib/types.h"

struct trap_frame;

void panic(const char *fmt, ...) __printf(1, 2) __noreturn __cold;
void panic_trap(const struct trap_frame *f) __noreturn __cold;
/* True while another CPU has asked this one to stop, which it then never returns from; or when
 * the NMI was only a wake-up. */
bool panic_nmi(void);

/* Set by the console: makes output synchronous. Set by the shell: the post-mortem prompt; may
 * return. */
extern void (*panic_console_hook)(void);
extern void (*panic_shell_hook)(void);

/* Prints the call chain that starts at frame pointer rbp, one line per frame. */
void backtrace(u64 rip, u64 rbp);
