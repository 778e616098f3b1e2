/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about guests that need the console or the backend; the others are in vm/. */

#include "lib/cmd.h"

#include "shell/mux.h"
#include "vm/hv_ops.h"
#include "vm/target.h"
#include "vm/vm.h"

static void run_console(struct out *o, int argc, char **argv)
{
	struct vm *vm;

	(void)argc;
	vm = target_vm(o, argv[0]);
	if (vm)
		mux_attach(vm);
}

static void dump(struct vcpu *v, struct out *o)
{
	hv->dump(v, o);
}

/* Before the first entry, the control block may lack what entries put into it. */
static bool has_run(const struct vcpu *v)
{
	for (u32 i = 0; i < EXIT_NR; i++)
		if (v->stat.exits[i])
			return true;
	return false;
}

static void check(struct vcpu *v, struct out *o)
{
	if (!has_run(v))
		out_text(o, "it has not run yet");
	else if (hv->check(v, o) == 0)
		out_text(o, "every rule for entering the guest is met");
}

static void run_dump(struct out *o, int argc, char **argv)
{
	struct vcpu *v = target_vcpu(o, argv[0]);

	(void)argc;
	if (v)
		target_call(o, v, dump);
}

static void run_check(struct out *o, int argc, char **argv)
{
	struct vcpu *v = target_vcpu(o, argv[0]);

	(void)argc;
	if (v)
		target_call(o, v, check);
}

SHELL_CMD(cmd_vm_console, "vm", "console", "NAME",
	  "Gives the serial line to a machine's console; the escape key returns",
	  "vm console linux", run_console, target_complete_vm);
SHELL_CMD(cmd_vcpu_dump, "vcpu", "dump", "VM[.N]",
	  "Shows the control block of a virtual CPU as the hardware has it", "vcpu dump linux.0",
	  run_dump, target_complete_vcpu);
SHELL_CMD(cmd_vcpu_check, "vcpu", "check", "VM[.N]",
	  "Checks a virtual CPU against the rules for entering a guest", "vcpu check linux.0",
	  run_check, target_complete_vcpu);
