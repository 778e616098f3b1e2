/* SPDX-License-Identifier: BSD-2-Clause */
/* SOURCES: shell/cmd_trace.c shell/cmd_log.c shell/exec.c shell/parse.c lib/out.c lib/cmd.c */
/* SOURCES: lib/trace.c lib/log.c vm/exit_names.c tests/host/fake/mem.c tests/host/fake/clock.c */
/* SOURCES: tests/host/fake/bug.c vm/target.c */
/* LIBS: -Wl,--defsym=shell_cmds_start=__start_shell_cmds */
/* LIBS: -Wl,--defsym=shell_cmds_end=__stop_shell_cmds */
/* The commands trace and log over what was recorded and logged. */

#include "shell_type.h"

#include "lib/log.h"
#include "lib/trace.h"

#include "arch/percpu.h"
#include "arch/timer.h"
#include "vm/exit.h"
#include "vm/vm.h"

struct cpu *cpus[MAX_CPUS] = { &fake_cpu };
u32 nr_cpus = 1;

static struct vm linux_vm = { .id = 1, .cfg.name = "linux", .mmu.id = 1 };
struct vm *vms[CFG_MAX_VMS] = { &linux_vm };
u32 nr_vms = 1;

struct vm *vm_find(const char *name)
{
	return strcmp(name, "linux") == 0 ? &linux_vm : NULL;
}

void vcpu_call(struct vcpu *v, void (*fn)(struct vcpu *v, void *arg), void *arg)
{
	fn(v, arg);
}

static void nothing_is_recorded_until_trace_on(void **state)
{
	(void)state;
	assert_string_equal(run("trace dump"), "nothing is recorded; trace on begins\n");
	trace_event(EXIT, 1, 0, EXIT_CPUID, 0);
	assert_string_equal(run("trace on"), "");
	trace_event(EXIT, tsc_boot + 5000, 0x102, EXIT_CPUID, 0xabc);
	assert_string_equal(run("trace dump -j"),
			    "{\"ns\": 5000, \"cpu\": 0, \"event\": \"exit\", \"vcpu\": 258, "
			    "\"reason\": \"cpuid\", \"rip\": \"0xabc\"}\n");
	run("trace off");
	trace_event(EXIT, 2, 0, EXIT_CPUID, 0);
	assert_non_null(strstr(run("trace dump"), " vcpu=258 reason=cpuid rip=0xabc\n"));
	run("trace clear");
	assert_non_null(strstr(run("trace dump"), "nothing is recorded"));
}

static void last_records_are_shown_oldest_first(void **state)
{
	(void)state;
	run("trace on");
	for (u64 i = 0; i < 50; i++)
		trace_event(MMU_FAULT, tsc_boot + i, i, 7, "fixed");
	run("trace dump 2");
	assert_non_null(strstr(text, "mmu_fault    gpa=0x30 error=0x7 verdict=fixed\n"));
	assert_null(strstr(text, "gpa=0x2f"));
	assert_true(strstr(text, "gpa=0x30") < strstr(text, "gpa=0x31"));
	assert_string_equal(run("trace dump x"), "error: x is not a number of records\n");
}

static void reason_that_does_not_exist_is_a_number(void **state)
{
	char want[32];

	(void)state;
	run("trace clear");
	trace_event(ENTER, tsc_boot, 0, EXIT_NR, 0);
	snprintf(want, sizeof(want), " reason=%u ", EXIT_NR);
	assert_non_null(strstr(run("trace dump"), want));
}

static void mmu_events_of_one_machine_can_be_had_alone(void **state)
{
	(void)state;
	run("trace clear");
	assert_string_equal(run("mmu trace linux on"), "");
	trace_event(EXIT, tsc_boot, 0x100, EXIT_CPUID, 0xabc);
	trace_vm_event(0, MMU_FAULT, tsc_boot, 0x1000, 7, "mmio");
	trace_vm_event(1, SHADOW_WHY, tsc_boot + 7, 0x400000, 0x1000, "write to ROM");
	trace_vm_event(1, SHADOW_ROOT, tsc_boot + 8, 0x1000, 0, 0);
	assert_string_equal(run("trace dump -j"),
			    "{\"ns\": 7, \"cpu\": 0, \"vm\": \"linux\", \"event\": \"shadow_why\", "
			    "\"gva\": \"0x400000\", \"gpa\": \"0x1000\", "
			    "\"reason\": \"write to ROM\"}\n"
			    "{\"ns\": 8, \"cpu\": 0, \"vm\": \"linux\", \"event\": \"root\", "
			    "\"key\": \"0x1000\", \"hw\": \"0x0\", \"how\": \"-\"}\n");
	run("mmu trace linux off");
	trace_vm_event(1, SHADOW_ROOT, tsc_boot + 9, 0x1000, 0, 0);
	assert_null(strstr(run("trace dump"), " 9 "));
	run("trace on");
	trace_event(EXIT, tsc_boot, 0x100, EXIT_CPUID, 0xabc);
	assert_non_null(strstr(run("trace dump"), "reason=cpuid"));
	assert_non_null(strstr(run("mmu trace linux maybe"),
			       "error: maybe is neither on nor off; trace dump shows"));
	assert_non_null(strstr(run("mmu trace bsd on"), "error: there is no machine named bsd"));
}

static void log_is_shown_up_to_a_level(void **state)
{
	(void)state;
	pr_warn("a: warned");
	pr_dbg("b: detail");
	assert_non_null(strstr(run("log"), "] debug b: detail\n"));
	assert_null(strstr(run("log warn"), "detail"));
	assert_non_null(
		strstr(run("log warn -j"), "\"level\": \"warn\", \"line\": \"a: warned\"}"));
	assert_non_null(strstr(run("log loud"), "error: no such level: loud"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_recorded_until_trace_on),
		cmocka_unit_test(last_records_are_shown_oldest_first),
		cmocka_unit_test(reason_that_does_not_exist_is_a_number),
		cmocka_unit_test(mmu_events_of_one_machine_can_be_had_alone),
		cmocka_unit_test(log_is_shown_up_to_a_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
