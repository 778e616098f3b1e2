/* SPDX-License-Identifier: BSD-2-Clause */
/* Verdict lines on COM1, and the end of the program. */

#include "tests/guests/lib/guest.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COM1       0x3f8
#define LSR        5
#define LSR_EMPTY  0x20
#define DEBUG_EXIT 0xf4

static u32 nr_ok, nr_bad, nr_skip;

static void put(const char *s)
{
	for (; *s; s++) {
		while (!(inb(COM1 + LSR) & LSR_EMPTY))
			cpu_pause();
		outb(COM1, (u8)*s);
	}
}

static void __printf(1, 0) say_list(const char *fmt, va_list ap)
{
	char line[256];

	vsnprintf(line, sizeof(line), fmt, ap);
	put(line);
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say_list(fmt, ap);
	va_end(ap);
}

bool check(bool holds, const char *name, const char *reason, ...)
{
	va_list ap;

	if (holds) {
		nr_ok++;
		say("ok %s\n", name);
		return true;
	}
	nr_bad++;
	say("not ok %s: ", name);
	va_start(ap, reason);
	say_list(reason, ap);
	va_end(ap);
	put("\n");
	return false;
}

void skip(const char *name, const char *reason)
{
	nr_skip++;
	say("skip %s: %s\n", name, reason);
}

bool check_known(u32 broken, bool holds, const char *name, const char *reason)
{
	char text[128];

	if (holds || !runs_on(broken))
		return check(holds, name, "%s", reason);
	snprintf(text, sizeof(text), "erratum: %s: %s", cpu_is_tcg() ? "QEMU TCG" : "Bochs",
		 reason);
	skip(name, text);
	return false;
}

bool check_erratum(bool holds, const char *name, const char *reason)
{
	return check_known(BARE_TCG, holds, name, reason);
}

bool check_cpu_erratum(bool holds, const char *name, const char *reason)
{
	return check_known(CPU_TCG, holds, name, reason);
}

void guest_exit(u8 status)
{
	while ((inb(COM1 + LSR) & 0x40) == 0)
		cpu_pause();
	outl(DEBUG_EXIT, status);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void fatal(const char *fmt, ...)
{
	va_list ap;

	put("not ok program: ");
	va_start(ap, fmt);
	say_list(fmt, ap);
	va_end(ap);
	put("\n");
	guest_exit(2);
}

static bool hypervisor_is(const char *signature)
{
	struct cpuid_regs r = cpuid(0x40000000, 0);
	char text[13] = { 0 };

	if (!(cpuid(1, 0).ecx & BIT32(31)))
		return false;
	memcpy(text, &r.ebx, 4);
	memcpy(text + 4, &r.ecx, 4);
	memcpy(text + 8, &r.edx, 4);
	return strncmp(text, signature, strlen(signature)) == 0;
}

bool on_tcg(void)
{
	return hypervisor_is("TCGTCGTCGTCG");
}

bool cpu_is_tcg(void)
{
	return on_tcg() || strstr(boot_args(), "host=tcg");
}

bool runs_on(u32 emulators)
{
	u32 here = 0;

	if (on_tcg())
		here |= BARE_TCG;
	if (cpu_is_tcg())
		here |= CPU_TCG;
	if (strstr(boot_args(), "host=bochs"))
		here |= on_umbra() ? CPU_BOCHS : CPU_BOCHS | BARE_BOCHS;
	if (strstr(boot_args(), "host=bochs-svm") && on_umbra())
		here |= BOCHS_SVM;
	return here & emulators;
}

bool int_n_lost(void)
{
	return runs_on(BOCHS_SVM) && strstr(boot_args(), "paging=shadow");
}

bool on_umbra(void)
{
	return hypervisor_is("Umbra");
}

const char *boot_args(void)
{
	const char *line = at(*(u32 *)at(boot_info + 16ULL));
	const char *space = strchr(line, ' ');

	return space ? space + 1 : "";
}

/* Called by main code of CPU 0 when guest_main() returns. */
void report_end(void);

void report_end(void)
{
	say("done: %u ok, %u not ok, %u skip\n", nr_ok, nr_bad, nr_skip);
	guest_exit(nr_bad != 0);
}
