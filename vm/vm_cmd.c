/* SPDX-License-Identifier: BSD-2-Clause */
/* Shell commands for whole machines. */
#include "lib/cmd.h"
#include "lib/fmt.h"

#include "vm/console.h"
#include "vm/target.h"
#include "vm/vm.h"

static void show(struct out *o, const struct vm *vm)
{
	char size[FMT_SIZE_MAX];

	out_begin(o);
	out_str(o, "name", -12, vm->cfg.name);
	out_str(o, "state", -8, vm_state_name(vm));
	out_dec(o, "vcpus", 5, vm->nr_vcpus);
	out_str(o, "memory", 8, fmt_size(size, vm->cfg.memory));
	out_dec(o, "overhead_kib", 12, vm->overhead / 1024);
	out_dec(o, "resets", 6, vm->resets);
	out_dec(o, "unread", 6, vm->console->total - vm->console->shown);
	out_str(o, "why", 0, vm->why);
	out_end(o);
}

static void run_list(struct out *o, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	if (nr_vms == 0)
		out_text(o, "there are no machines");
	out_heading(o);
	for (u32 i = 0; i < nr_vms; i++)
		show(o, vms[i]);
}

static void run_pause(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);

	(void)argc;
	if (!vm)
		return;
	if (vm->state != VM_RUNNING)
		out_error(o, "%s is not running (%s)", vm->cfg.name, vm_state_name(vm));
	else
		vm_pause(vm);
}

static void run_resume(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);

	(void)argc;
	if (!vm)
		return;
	if (vm->state != VM_PAUSED)
		out_error(o, "%s is not paused (%s); vm reset starts a machine that is off or dead",
			  vm->cfg.name, vm_state_name(vm));
	else
		vm_resume(vm);
}

static void run_reset(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);

	(void)argc;
	if (vm)
		vm_reset(vm);
}

static void run_kill(struct out *o, int argc, char **argv)
{
	struct vm *vm = target_vm(o, argv[0]);

	(void)argc;
	if (!vm)
		return;
	if (vm->state == VM_DEAD)
		out_error(o, "%s is dead already; vm reset starts it again", vm->cfg.name);
	else
		vm_kill(vm, "asked for at the shell");
}

SHELL_CMD(cmd_vm_list, "vm", "list", "", "Shows all machines, their state and what they cost",
	  "vm list", run_list, NULL);
SHELL_CMD(cmd_vm_pause, "vm", "pause", "NAME", "Stops a machine's virtual CPUs until vm resume",
	  "vm pause linux", run_pause, target_complete_vm);
SHELL_CMD(cmd_vm_resume, "vm", "resume", "NAME", "Lets a paused machine run on", "vm resume linux",
	  run_resume, target_complete_vm);
SHELL_CMD(cmd_vm_reset, "vm", "reset", "NAME",
	  "Resets a machine and loads its files again, whatever state it is in", "vm reset linux",
	  run_reset, target_complete_vm);
SHELL_CMD(cmd_vm_kill, "vm", "kill", "NAME",
	  "Ends a machine but keeps its memory and registers for inspection", "vm kill linux",
	  run_kill, target_complete_vm);
