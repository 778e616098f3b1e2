/* SPDX-License-Identifier: BSD-2-Clause */
/* The shell's thread: keys to the line editor, lines to the command table. */

#include "shell/shell.h"

#include <string.h>

#include "lib/log.h"
#include "lib/ring.h"

#include "arch/percpu.h"
#include "arch/thread.h"
#include "arch/timer.h"
#include "arch/x86.h"
#include "drivers/console.h"
#include "shell/exec.h"
#include "shell/line.h"
#include "shell/mux.h"
#include "shell/panic.h"

static u8 keys[4096];
static struct ring in = RING(keys);

static struct {
	struct thread *thread;
	bool redraw; /* set by shell_redraw(), taken by the thread */
	struct line line;
	struct out out;
	struct timer timer;
} sh;

void shell_wake(void)
{
	if (sh.thread)
		thread_wake(sh.thread);
}

void shell_input(u8 c)
{
	ring_put(&in, c); /* a person who types ahead of 4096 keys loses the rest */
	shell_wake();
}

void shell_redraw(void)
{
	WRITE_ONCE(sh.redraw, true);
	shell_wake();
}

static void timer_fired(struct timer *t)
{
	(void)t;
	shell_wake();
}

bool shell_sleep(u64 ms)
{
	u64 end = rdtsc() + ns_to_tsc(ms * 1000000);
	u8 c;

	timer_set(&sh.timer, end);
	while (!ring_get(&in, &c)) {
		if (rdtsc() >= end)
			return false;
		thread_block();
	}
	timer_cancel(&sh.timer);
	return true;
}

static void write_raw(void *arg, const char *s, size_t n)
{
	(void)arg;
	mux_write(s, n);
}

static void write_text(void *arg, const char *s, size_t n)
{
	(void)arg;
	mux_text(s, n);
}

static void show_prompt(void *arg, const char *text, size_t n, size_t back)
{
	(void)arg;
	console_prompt(text, n, back);
}

static const struct line_ops line_ops = {
	.write = write_raw,
	.complete = shell_complete,
	.shown = show_prompt,
};

/* A redraw that was asked for while the prompt waited for the line has been done by that prompt. */
static void start_line(void)
{
	line_start(&sh.line);
	WRITE_ONCE(sh.redraw, false);
}

static void feed(u8 c)
{
	enum line_event ev = line_feed(&sh.line, c);

	if (ev == LINE_NONE)
		return;
	if (ev == LINE_ENTER) {
		out_init(&sh.out, write_text, NULL, false);
		shell_exec(&sh.out, sh.line.buf);
	}
	start_line();
}

static void shell_main(void *arg)
{
	u8 c;

	(void)arg;
	start_line();
	for (;;) {
		if (READ_ONCE(sh.redraw)) {
			WRITE_ONCE(sh.redraw, false);
			line_redraw(&sh.line);
		}
		if (ring_get(&in, &c))
			feed(c);
		else
			thread_block();
	}
}

void shell_start(u8 escape)
{
	mux_init(escape);
	line_init(&sh.line, &line_ops, "umbra> ");
	timer_init(&sh.timer, timer_fired);
	shell_panic_init();
	console_start(mux_input, mux_ready);
	sh.thread = thread_create(cpus[0], "shell", shell_main, NULL);
	if (!sh.thread)
		pr_err("shell: out of memory for the shell's thread; there is no prompt");
}
