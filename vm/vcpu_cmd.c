/* SPDX-License-Identifier: BSD-2-Clause */
/* Shell commands for virtual CPUs. */
#include <stdio.h>

#include "lib/cmd.h"

#include "arch/regs.h"
#include "mmu/mmu.h"
#include "vm/fpu.h"
#include "vm/hv_ops.h"
#include "vm/record.h"
#include "vm/target.h"
#include "vm/vm.h"

static const char *const state_names[] = {
	[VCPU_OFF] = "off",         [VCPU_WAIT_SIPI] = "waits for SIPI",
	[VCPU_RUNNING] = "running", [VCPU_HALTED] = "halted",
	[VCPU_DEAD] = "dead",
};

/* One row: what a register is called and what it holds. */
static void reg(struct out *o, const char *name, u64 val)
{
	out_begin(o);
	out_str(o, "register", -10, name);
	out_hex(o, "value", 16, val);
	out_end(o);
}

static void show_general(struct vcpu *v, struct out *o)
{
	static const char *const names[] = {
		"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
		"r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"
	};

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		reg(o, names[i], v->regs.gpr[i]);
	reg(o, "rip", v->regs.rip);
	reg(o, "rflags", v->regs.rflags);
}

static void show_system(struct vcpu *v, struct out *o)
{
	static const struct {
		const char *name;
		enum vcpu_sreg reg;
	} rows[] = {
		{ "cr0", SR_CR0 },        { "cr2", SR_CR2 },
		{ "cr3", SR_CR3 },        { "cr4", SR_CR4 },
		{ "efer", SR_EFER },      { "dr6", SR_DR6 },
		{ "dr7", SR_DR7 },        { "gdtr", SR_GDTR_BASE },
		{ "idtr", SR_IDTR_BASE }, { "star", SR_STAR },
		{ "lstar", SR_LSTAR },    { "kernel_gs", SR_KERNEL_GS_BASE },
		{ "pat", SR_PAT },        { "sysenter", SR_SYSENTER_EIP },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		reg(o, rows[i].name, hv->get_sreg(v, rows[i].reg));
	reg(o, "xcr0", fpu_xcr0(v));
	reg(o, "apic_base", v->apic_base);
	reg(o, "tsc_offset", v->tsc_offset);
}

static void show_segments(struct vcpu *v, struct out *o)
{
	static const char *const names[S_NR] = { "es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr" };
	struct segment s;

	out_heading(o);
	for (u32 i = 0; i < S_NR; i++) {
		hv->get_seg(v, i, &s);
		record_segment(o, names[i], &s);
	}
}

static void show_regs(struct vcpu *v, struct out *o)
{
	out_heading(o);
	show_general(v, o);
	show_system(v, o);
	show_segments(v, o);
}

static void run_regs(struct out *o, int argc, char **argv)
{
	struct vcpu *v = target_vcpu(o, argv[0]);

	(void)argc;
	if (v)
		target_call(o, v, show_regs);
}

static void run_exits(struct out *o, int argc, char **argv)
{
	struct vcpu *v = target_vcpu(o, argv[0]);

	(void)argc;
	if (!v)
		return;
	out_heading(o);
	for (u32 i = 0; i < EXIT_NR; i++) {
		if (!v->stat.exits[i])
			continue;
		out_begin(o);
		out_str(o, "exit", -10, exit_names[i]);
		out_dec(o, "count", 12, v->stat.exits[i]);
		out_dec(o, "cycles", 14, v->stat.cycles[i]);
		out_end(o);
	}
	out_heading(o);
	out_begin(o);
	out_dec(o, "injected", 10, v->stat.injected);
	out_dec(o, "reinjected", 10, v->stat.reinjected);
	out_dec(o, "emulated", 10, v->stat.emulated);
	out_dec(o, "halts", 10, v->stat.halts);
	out_end(o);
}

static void show_why(struct vcpu *v, struct out *o)
{
	out_heading(o);
	out_begin(o);
	out_str(o, "state", -14, state_names[v->state]);
	out_str(o, "exit", -10, exit_names[v->exit.reason]);
	out_hex(o, "code", 8, v->exit.code);
	out_hex(o, "rip", 16, v->regs.rip);
	out_str(o, "why", 0, v->why ? v->why : "");
	out_end(o);
	if (!v->last_result.reason)
		return;
	out_heading(o);
	out_begin(o);
	if (v->mmu)
		out_hex(o, "fault_gva", 18, v->last_pf.gva.v);
	else
		out_hex(o, "fault_gpa", 18, v->last_fault.gpa.v);
	out_hex(o, "error", 8, v->mmu ? v->last_pf.hw_error : v->last_fault.hw_error);
	out_str(o, "verdict", -10, mmu_verdict_name(v->last_verdict));
	out_str(o, "reason", 0, v->last_result.reason);
	out_end(o);
}

static void run_why(struct out *o, int argc, char **argv)
{
	struct vcpu *v = target_vcpu(o, argv[0]);

	(void)argc;
	if (v)
		target_call(o, v, show_why);
}

SHELL_CMD(cmd_vcpu_regs, "vcpu", "regs", "VM[.N]", "Shows the registers of a virtual CPU",
	  "vcpu regs linux.0", run_regs, target_complete_vcpu);
SHELL_CMD(cmd_vcpu_exits, "vcpu", "exits", "VM[.N]",
	  "Counts a virtual CPU's exits by reason (cycles while top runs) and its events",
	  "vcpu exits linux.0", run_exits, target_complete_vcpu);
SHELL_CMD(cmd_vcpu_why, "vcpu", "why", "VM[.N]",
	  "Says what state a virtual CPU is in, why, and the last verdict on a memory fault",
	  "vcpu why linux.0", run_why, target_complete_vcpu);
