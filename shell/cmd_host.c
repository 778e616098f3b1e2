/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about the machine below: CPUs, MSRs, memory, reset, power. */

#include <stdio.h>

#include "lib/cmd.h"

#include "arch/cpufeat.h"
#include "arch/mem.h"
#include "arch/panic.h"
#include "arch/percpu.h"
#include "arch/thread.h"
#include "arch/timer.h"
#include "arch/x86.h"
#include "drivers/reset.h"
#include "mmu/mmu.h"
#include "vm/hv_ops.h"
#include "vm/vm.h"

/* --- cpu -------------------------------------------------------------------------------------- */

/* "linux.0" while a vCPU's state is on the CPU. */
static const char *vcpu_name(const struct vcpu *v, char *buf, size_t size)
{
	if (!v)
		return "-";
	snprintf(buf, size, "%s.%u", v->vm->cfg.name, v->id);
	return buf;
}

static void run_cpu_list(struct out *o, int argc, char **argv)
{
	char name[CFG_NAME_MAX + 12];

	(void)argc;
	(void)argv;
	out_heading(o);
	for_each_cpu(i) {
		const struct cpu *c = cpus[i];
		const struct thread *t = READ_ONCE(c->current);

		out_begin(o);
		out_dec(o, "cpu", 4, c->idx);
		out_dec(o, "apic_id", 7, c->apic_id);
		out_str(o, "thread", -16, t ? t->name : "-");
		out_str(o, "loaded", -16, vcpu_name(READ_ONCE(c->vcpu), name, sizeof(name)));
		out_dec(o, "runnable", 8, READ_ONCE(c->runnable));
		out_dec(o, "irqs", 10, READ_ONCE(c->irqs));
		out_end(o);
	}
}

static void feature_record(struct out *o, const char *name, const char *value)
{
	out_begin(o);
	out_str(o, "feature", -16, name);
	out_str(o, "value", -1, value);
	out_end(o);
}

static void run_cpu_features(struct out *o, int argc, char **argv)
{
	char num[24];

	(void)argc;
	(void)argv;
	feature_record(o, "vendor", cpu_vendor);
	feature_record(o, "below us", cpu_hypervisor[0] ? cpu_hypervisor : "-");
	snprintf(num, sizeof(num), "%u", cpu_maxphyaddr);
	feature_record(o, "physical bits", num);
	snprintf(num, sizeof(num), "%lu.%03lu MHz", tsc_khz / 1000, tsc_khz % 1000);
	feature_record(o, "TSC", num);
	for (u32 i = 0; i < CPU_FEATURE_NR; i++)
		feature_record(o, cpu_feature_name((enum cpu_feature)i),
			       cpu_has((enum cpu_feature)i) ? "yes" : "no");
}

static void run_cpu_backend(struct out *o, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (hv)
		hv->describe(o);
	else
		out_error(o, "no virtualisation backend is in use; log says why");
}

SHELL_CMD(cmd_cpu_list, "cpu", "list", "", "Lists the CPUs and what runs on them", "cpu list",
	  run_cpu_list, NULL);
SHELL_CMD(cmd_cpu_features, "cpu", "features", "", "Shows what the CPU has of what matters here",
	  "cpu features", run_cpu_features, NULL);
SHELL_CMD(cmd_cpu_backend, "cpu", "backend", "",
	  "Shows what the CPU has for hypervisors, and what is used", "cpu backend",
	  run_cpu_backend, NULL);

/* --- msr -------------------------------------------------------------------------------------- */

static bool parse_msr(struct out *o, const char *text, u32 *msr)
{
	u64 v;

	if (cmd_parse_u64(text, &v) != 0 || v > 0xffffffff) {
		out_error(o, "%s is not the number of an MSR, such as 0xc0000080", text);
		return false;
	}
	*msr = (u32)v;
	return true;
}

static void run_msr_read(struct out *o, int argc, char **argv)
{
	u32 msr;
	u64 val;

	(void)argc;
	if (!parse_msr(o, argv[0], &msr))
		return;
	if (rdmsr_safe(msr, &val) != 0) {
		out_error(o, "reading MSR 0x%x faults on this CPU", msr);
		return;
	}
	out_begin(o);
	out_hex(o, "msr", -10, msr);
	out_hex(o, "value", -1, val);
	out_end(o);
}

static void run_msr_write(struct out *o, int argc, char **argv)
{
	u32 msr;
	u64 val;

	(void)argc;
	if (!parse_msr(o, argv[0], &msr))
		return;
	if (cmd_parse_u64(argv[1], &val) != 0)
		out_error(o, "%s is not a 64-bit number", argv[1]);
	else if (wrmsr_safe(msr, val) != 0)
		out_error(o, "writing 0x%lx to MSR 0x%x faults on this CPU", val, msr);
}

SHELL_CMD(cmd_msr_read, "msr", "read", "MSR", "Reads an MSR of the boot CPU", "msr read 0xc0000080",
	  run_msr_read, NULL);
SHELL_CMD(cmd_msr_write, "msr", "write", "MSR VALUE",
	  "Writes an MSR of the boot CPU, whatever follows from it", "msr write 0xc0000103 0",
	  run_msr_write, NULL);

/* --- mem -------------------------------------------------------------------------------------- */

static void mem_record(struct out *o, const char *what, u64 total, u64 left)
{
	out_begin(o);
	out_str(o, "what", -24, what);
	out_dec(o, "total_kib", 12, total / 1024);
	out_dec(o, "free_kib", 12, left / 1024);
	out_end(o);
}

static void run_mem(struct out *o, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	out_heading(o);
	mem_record(o, "host RAM", frames_total() * PAGE_SIZE, frames_free_count() * PAGE_SIZE);
	mem_record(o, "its longest free run", frames_largest_run() * PAGE_SIZE,
		   frames_largest_run() * PAGE_SIZE);
	mem_record(o, "MMU page pool", mmu_pool_total() * PAGE_SIZE, mmu_pool_free() * PAGE_SIZE);
	for (u32 i = 0; i < nr_vms; i++) {
		mem_record(o, vms[i]->cfg.name, vms[i]->cfg.memory, 0);
		mem_record(o, "  beside its RAM", vms[i]->overhead, 0);
	}
}

SHELL_CMD(cmd_mem, "mem", "", "", "Shows how the host's memory is used", "mem", run_mem, NULL);

/* --- reset and power -------------------------------------------------------------------------- */

static void run_reboot(struct out *o, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	out_text(o, "Rebooting the host.");
	machine_reboot();
}

static void run_poweroff(struct out *o, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	out_text(o, "Powering the host off.");
	out_error(o, "%s", machine_poweroff());
}

static void run_panic(struct out *o, int argc, char **argv)
{
	(void)o;
	(void)argc;
	(void)argv;
	panic("asked for at the shell");
}

SHELL_CMD(cmd_panic, "panic", "", "",
	  "Stops the hypervisor, to try what follows a broken invariant", "panic", run_panic, NULL);
SHELL_CMD(cmd_reboot, "reboot", "", "", "Restarts the host, guests and all", "reboot", run_reboot,
	  NULL);
SHELL_CMD(cmd_poweroff, "poweroff", "", "", "Switches the host off, guests and all", "poweroff",
	  run_poweroff, NULL);
