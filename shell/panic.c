/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Post-mortem prompt. Only commands that read memory of the hypervisor run here: locks may be held
 * for ever by CPUs that were stopped, and no thread runs. The list is short on purpose.
 */

#include "shell/panic.h"

#include <string.h>

#include "arch/panic.h"
#include "arch/x86.h"
#include "drivers/console.h"
#include "drivers/reset.h"
#include "shell/exec.h"
#include "shell/line.h"

/* Commands that take no lock, wait for nobody and change nothing (but for the last two). */
static const char *const allowed[] = { "help",       "log",     "trace dump", "cpu",
				       "msr read",   "vm list", "mmu slots",  "mmu stat",
				       "vcpu exits", "reboot",  "poweroff" };

static struct {
	struct line line;
	struct out out;
} pm;

static void write_raw(void *arg, const char *s, size_t n)
{
	(void)arg;
	console_write(s, n);
}

static void write_text(void *arg, const char *s, size_t n)
{
	(void)arg;
	console_text(s, n);
}

static void shown(void *arg, const char *text, size_t n, size_t back)
{
	(void)arg;
	(void)text;
	(void)n;
	(void)back;
}

static const struct line_ops ops = {
	.write = write_raw,
	.complete = shell_complete,
	.shown = shown,
};

static bool is_allowed(const char *line)
{
	for (u32 i = 0; i < ARRAY_SIZE(allowed); i++) {
		size_t n = strlen(allowed[i]);

		if (strncmp(line, allowed[i], n) == 0 && (line[n] == '\0' || line[n] == ' '))
			return true;
	}
	return *line == '\0';
}

static void run(char *line)
{
	out_init(&pm.out, write_text, NULL, false);
	if (is_allowed(line))
		shell_exec(&pm.out, line);
	else
		out_error(&pm.out,
			  "after a panic only these work: help, log, trace dump, cpu, msr read, "
			  "vm list, mmu slots, mmu stat, vcpu exits, reboot, poweroff");
}

static void prompt(void)
{
	static const char banner[] = "\nThe hypervisor has stopped. Look around, then: reboot\n";

	line_init(&pm.line, &ops, "panic> ");
	console_text(banner, sizeof(banner) - 1);
	line_start(&pm.line);
	for (;;) {
		int c = console_getc();
		enum line_event ev = c < 0 ? LINE_NONE : line_feed(&pm.line, (u8)c);

		if (c < 0)
			cpu_pause();
		if (ev == LINE_ENTER)
			run(pm.line.buf);
		if (ev != LINE_NONE)
			line_start(&pm.line);
	}
}

void shell_panic_init(void)
{
	panic_shell_hook = prompt;
}
