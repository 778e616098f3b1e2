/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's output always goes to its scroll-back first (vm/console.c). For the guest that has the
 * line, pump() copies from there to the host's console, but never more than the line is behind by
 * CONSOLE_BACKLOG: so switching is quick on a slow line, and what waits waits in the scroll-back.
 */

#include "shell/mux.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"

#include "arch/spinlock.h"
#include "arch/thread.h"
#include "drivers/console.h"
#include "shell/shell.h"
#include "vm/console.h"
#include "vm/vm.h"

#define REPLAY_BYTES 1024 /* of what was seen before, shown again at a switch */

static struct {
	struct spinlock lock;
	struct vm *vm;            /* has the line; NULL: the shell */
	bool booting;             /* nobody has the line: mux_begin() comes later */
	struct vm *last;          /* where the escape key goes */
	enum log_level log_level; /* of the shell's screen, while a guest has the line */
	u8 escape;
	char escape_name[8];
} mux = { .lock = SPINLOCK(RANK_MUX), .booting = true };

/* Copies what the guest wrote: all of it, or as much as the line should be behind by. Lock held. */
static void pump(bool all)
{
	char buf[256];

	while (mux.vm && (all || !console_busy())) {
		u64 *pos = &mux.vm->console->shown, before = *pos;
		size_t n = vm_console_read(mux.vm, pos, buf, sizeof(buf));

		if (n == 0)
			return;
		if (*pos - n != before) {
			char mark[48];
			int len = snprintf(mark, sizeof(mark), "\r\n[%lu bytes lost]\r\n",
					   *pos - n - before);

			console_write(mark, (size_t)len);
		}
		console_write(buf, n);
	}
}

static void guest_wrote(struct vm *vm, const char *s, size_t n)
{
	(void)s;
	(void)n;
	if (READ_ONCE(mux.vm) != vm)
		return;
	spin_lock(&mux.lock);
	pump(false);
	spin_unlock(&mux.lock);
}

void mux_ready(void)
{
	spin_lock(&mux.lock);
	pump(false);
	spin_unlock(&mux.lock);
	shell_wake();
}

/* Moves the position back over some lines that were seen before. Lock held. */
static void rewind_lines(struct vm *vm)
{
	u64 *pos = &vm->console->shown, shown = *pos, start = shown - REPLAY_BYTES;
	char c;

	if (shown <= REPLAY_BYTES) {
		*pos = 0;
		return;
	}
	*pos = start;
	for (u32 i = 1; i <= REPLAY_BYTES; i++) {
		vm_console_read(vm, pos, &c, 1);
		if (*pos != start + i) { /* gone: begin where the guest was left, and say so */
			*pos = shown;
			return;
		}
		if (c == '\n')
			return;
	}
}

void mux_attach(struct vm *vm)
{
	char text[96];

	snprintf(text, sizeof(text), "\n[console of %s; %s returns to the shell]\n", vm->cfg.name,
		 mux.escape_name);
	spin_lock(&mux.lock);
	if (mux.vm != vm) {
		console_prompt("", 0, 0);
		console_text(text, strlen(text));
		/* A person works in the guest: only what matters. */
		mux.log_level = mux.vm ? mux.log_level : log_set_level(LOG_WARN);
		rewind_lines(vm);
		mux.vm = mux.last = vm;
		pump(false);
	}
	spin_unlock(&mux.lock);
}

void mux_detach(const char *what)
{
	char text[224];
	int n = snprintf(text, sizeof(text), "\n[shell%s%s]\n", what ? ": " : "", what ? what : "");

	spin_lock(&mux.lock);
	if (mux.vm) {
		/* Of a guest that has ended nobody will come back to read the rest. */
		if (what)
			pump(true);
		mux.vm = NULL;
		console_text(text, MIN((size_t)n, sizeof(text) - 1));
		log_set_level(mux.log_level);
	}
	spin_unlock(&mux.lock);
	shell_redraw();
}

static void guest_ended(struct vm *vm)
{
	char text[sizeof(vm->why) + CFG_NAME_MAX + 8];

	snprintf(text, sizeof(text), "%s is %s: %s", vm->cfg.name, vm_state_name(vm), vm->why);
	if (READ_ONCE(mux.vm) == vm)
		mux_detach(text);
}

static void end_boot(void)
{
	WRITE_ONCE(mux.booting, false);
	shell_wake();
}

void mux_begin(struct vm *vm)
{
	bool untouched = READ_ONCE(mux.booting);

	if (vm && untouched)
		mux_attach(vm);
	end_boot();
}

/* The escape key: to the shell, or to the guest that had the line last, or the first one. */
static void toggle(void)
{
	struct vm *to = mux.last ? mux.last : nr_vms ? vms[0] : NULL;

	if (READ_ONCE(mux.vm))
		mux_detach(NULL);
	else if (to)
		mux_attach(to);
}

void mux_input(u8 c)
{
	struct vm *vm = READ_ONCE(mux.vm);
	char byte = (char)c;

	if (READ_ONCE(mux.booting))
		end_boot();
	if (c == mux.escape)
		toggle();
	else if (vm)
		vm_console_input(vm, &byte, 1);
	else
		shell_input(c);
}

static void wait_for_line(void)
{
	while (READ_ONCE(mux.booting) || READ_ONCE(mux.vm) || console_busy())
		thread_block();
}

void mux_write(const char *s, size_t n)
{
	wait_for_line();
	console_write(s, n);
}

void mux_text(const char *s, size_t n)
{
	wait_for_line();
	console_text(s, n);
}

const char *mux_escape_name(void)
{
	return mux.escape_name;
}

void mux_init(u8 escape)
{
	mux.escape = escape;
	snprintf(mux.escape_name, sizeof(mux.escape_name), "Ctrl-%c", escape + '@');
	vm_console_sink = guest_wrote;
	vm_console_ended = guest_ended;
}
