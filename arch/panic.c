/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/panic.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/ksym.h"
#include "lib/log.h"

#include "arch/lapic.h"
#include "arch/mem.h"
#include "arch/percpu.h"
#include "arch/trap.h"
#include "arch/x86.h"

void (*panic_console_hook)(void);
void (*panic_shell_hook)(void);

static u32 panicking; /* 1 + index of the CPU that panicked first */

static __noreturn void stop_for_ever(void)
{
	for (;;) {
		irq_disable();
		__asm__ volatile("hlt");
	}
}

bool panic_nmi(void)
{
	u32 p = __atomic_load_n(&panicking, __ATOMIC_ACQUIRE);

	if (p && p != this_cpu()->idx + 1)
		stop_for_ever();
	return !p;
}

/* The first CPU goes on; every other one stops here. A second panic of the same CPU ends it. */
static bool panic_enter(void)
{
	u32 none = 0, me = this_cpu()->idx + 1;

	irq_disable();
	if (!__atomic_compare_exchange_n(&panicking, &none, me, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		if (none == me)
			return false;
		stop_for_ever();
	}
	lapic_nmi_others();
	log_break_lock();
	if (panic_console_hook)
		panic_console_hook();
	return true;
}

static __noreturn void panic_end(void)
{
	if (panic_shell_hook)
		panic_shell_hook();
	pr_err("panic: halted; reset the machine to start again");
	stop_for_ever();
}

static void print_frame(u64 rip)
{
	u64 off;
	const char *name = ksym_lookup(rip, &off);

	pr_err("  %016llx %s+0x%llx", (unsigned long long)rip, name ? name : "?",
	       (unsigned long long)(name ? off : 0));
}

/* A frame pointer is followed only inside the 16 KiB region that it started in. */
void backtrace(u64 rip, u64 rbp)
{
	u64 limit = rbp + STACK_SIZE;

	print_frame(rip);
	for (int i = 0; i < 32 && rbp >= DIRECT_MAP && rbp < limit && IS_ALIGNED(rbp, 8); i++) {
		const u64 *f = (const u64 *)rbp;

		if (!f[1] || f[0] <= rbp)
			break;
		print_frame(f[1] - 1);
		rbp = f[0];
	}
}

/* The caller of panic() or bug(), whose frame this is: { its rbp, where it goes on }. */
static void print_caller(const u64 *frame)
{
	pr_err("  rip %016llx rsp %016llx rbp %016llx", (unsigned long long)frame[1],
	       (unsigned long long)(uintptr_t)(frame + 2), (unsigned long long)frame[0]);
	pr_err("  cr2 %016llx cr3 %016llx cr4 %016llx", (unsigned long long)read_cr2(),
	       (unsigned long long)read_cr3(), (unsigned long long)read_cr4());
	backtrace(frame[1] - 1, frame[0]);
}

void panic(const char *fmt, ...)
{
	char text[200];
	va_list ap;

	if (!panic_enter())
		stop_for_ever();
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pr_err("panic: CPU %u: %s", this_cpu()->idx, text);
	print_caller(__builtin_frame_address(0));
	panic_end();
}

void bug(const char *file, int line, const char *expr)
{
	if (!panic_enter())
		stop_for_ever();
	pr_err("panic: CPU %u: %s:%d: this must never be true: %s", this_cpu()->idx, file, line,
	       expr);
	print_caller(__builtin_frame_address(0));
	panic_end();
}

void panic_trap(const struct trap_frame *f)
{
	static const char *const names[] = { "rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8",
					     "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };

	if (!panic_enter())
		stop_for_ever();
	pr_err("panic: CPU %u: exception %llu, error code 0x%llx, cr2 %016llx", this_cpu()->idx,
	       (unsigned long long)f->vector, (unsigned long long)f->error,
	       (unsigned long long)read_cr2());
	pr_err("  rip %016llx rsp %016llx rflags %08llx cs %llx", (unsigned long long)f->rip,
	       (unsigned long long)f->rsp, (unsigned long long)f->rflags,
	       (unsigned long long)f->cs);
	for (u32 i = 0; i < ARRAY_SIZE(names); i += 3)
		pr_err("  %3s %016llx %3s %016llx %3s %016llx", names[i],
		       (unsigned long long)f->gpr[i], names[i + 1],
		       (unsigned long long)f->gpr[i + 1], names[i + 2],
		       (unsigned long long)f->gpr[i + 2]);
	backtrace(f->rip, f->gpr[4]);
	panic_end();
}
