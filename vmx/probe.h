/* SPDX-License-Identifier: BSD-2-Clause */
/* What this machine's VMX can do, and the sentence for one that cannot. */
#pragma once

#include "lib/out.h"
#include "lib/types.h"

#include "vmx/control.h"

/* What the capability MSRs describe. Source: Intel SDM 3D, appendix "VMX Capability Reporting
 * Facility". */
enum vmx_word {
	VMX_PIN,
	VMX_PROC,
	VMX_PROC2,
	VMX_EXIT,
	VMX_ENTRY,
	VMX_NR_CTLS,
	VMX_EPT_VPID = VMX_NR_CTLS, /* no controls, but bits that say what there is */
	VMX_NR_WORDS,
};

/* X(id, "name", word, bits, "what we do with it") */
#define VMX_FEATURES(X)                                                                           \
	X(EPT, "EPT", VMX_PROC2, PROC2_EPT, "guests walk their own tables")                       \
	X(UNRESTRICTED, "unrestricted guest", VMX_PROC2, PROC2_UNRESTRICTED,                      \
	  "guests without paging and in real mode")                                               \
	X(EPT_4_LEVELS, "EPT of 4 levels", VMX_EPT_VPID, BIT(6), "guest memory")                  \
	X(EPT_WB, "EPT in write-back memory", VMX_EPT_VPID, BIT(14), "guest memory")              \
	X(EPT_2M, "EPT pages of 2 MiB", VMX_EPT_VPID, BIT(16), "guest memory")                    \
	X(EPT_1G, "EPT pages of 1 GiB", VMX_EPT_VPID, BIT(17), "guest memory, else in 2 MiB")     \
	X(EPT_EXEC_ONLY, "EPT execute-only", VMX_EPT_VPID, BIT(0), "watches that let code run")   \
	X(EPT_AD, "EPT accessed and dirty", VMX_EPT_VPID, BIT(21), "for the log")                 \
	X(INVEPT, "INVEPT", VMX_EPT_VPID, BIT(20) | BIT(26), "flushes guest memory")              \
	X(INVEPT_CONTEXT, "INVEPT of one context", VMX_EPT_VPID, BIT(25), "of one VM, else all")  \
	X(VPID, "VPID", VMX_PROC2, PROC2_VPID, "entries and exits flush nothing")                 \
	X(INVVPID, "INVVPID", VMX_EPT_VPID, BIT(32) | BIT(42), "flushes linear addresses")        \
	X(INVVPID_CONTEXT, "INVVPID of one context", VMX_EPT_VPID, BIT(41), "of one vCPU")        \
	X(INVVPID_ADDRESS, "INVVPID of one address", VMX_EPT_VPID, BIT(40), "shadow paging")      \
	X(PREEMPTION_TIMER, "preemption timer", VMX_PIN, PIN_PREEMPTION_TIMER, "bounds each run") \
	X(ACK_INTR, "interrupts acknowledged", VMX_EXIT, EXIT_CTL_ACK_INTR,                       \
	  "their handlers run at exits, else in windows")                                         \
	X(PAUSE_LOOP, "pause loop exiting", VMX_PROC2, PROC2_PAUSE_LOOP,                          \
	  "PAUSE exits only in a loop")                                                           \
	X(RDTSCP, "RDTSCP", VMX_PROC2, PROC2_RDTSCP, "the guest's")                               \
	X(INVPCID, "INVPCID", VMX_PROC2, PROC2_INVPCID, "the guest's")                            \
	X(XSAVES, "XSAVES", VMX_PROC2, PROC2_XSAVES, "the guest's")                               \
	X(EXIT_EFER, "EFER and PAT at exit", VMX_EXIT,                                            \
	  EXIT_CTL_LOAD_PAT | EXIT_CTL_SAVE_EFER | EXIT_CTL_LOAD_EFER, "else a list of MSRs")     \
	X(ENTRY_EFER, "EFER and PAT at entry", VMX_ENTRY,                                         \
	  ENTRY_CTL_LOAD_PAT | ENTRY_CTL_LOAD_EFER, "else a list of MSRs")                        \
	X(MONITOR_TRAP, "monitor trap flag", VMX_PROC, PROC_MONITOR_TRAP, "unused")               \
	X(TPR_SHADOW, "TPR shadow", VMX_PROC, PROC_TPR_SHADOW, "unused")                          \
	X(APIC_REGS, "APIC registers", VMX_PROC2, PROC2_APIC_REGS, "unused")                      \
	X(POSTED_INTR, "posted interrupts", VMX_PIN, PIN_POSTED_INTR, "unused")                   \
	X(PML, "page modification log", VMX_PROC2, PROC2_PML, "dirty logs, else by faults")       \
	X(VMFUNC, "VM functions", VMX_PROC2, PROC2_VMFUNC, "unused")                              \
	X(SHADOWING, "VMCS shadowing", VMX_PROC2, PROC2_VMCS_SHADOWING, "unused")                 \
	X(TSC_SCALING, "TSC scaling", VMX_PROC2, PROC2_TSC_SCALING, "unused")

enum vmx_feature {
#define X(id, ...) VMX_HAS_##id,
	VMX_FEATURES(X)
#undef X
	VMX_NR_FEATURES,
};

/* All that the verdict depends on: the MSRs as they were read; 0 where one does not exist. */
struct vmx_facts {
	bool vmx; /* CPUID 1 ECX.VMX */
	u64 feature_control;
	u64 basic, misc;
	u64 ctl[VMX_NR_CTLS]; /* bits that must be 1; << 32: bits that may be 1 */
	u64 ept_vpid;
	u64 cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
	const char *vendor;
	const char *below; /* signature of the hypervisor that we run under, or "" */
};

extern struct vmx_facts vmx_facts;

/* What a VMXON region and a VMCS begin with. */
static inline u32 vmx_revision(const struct vmx_facts *f)
{
	return (u32)f->basic & 0x7fffffff;
}

/* Both bits, where a feature has two. */
bool vmx_has(const struct vmx_facts *f, enum vmx_feature feature);
/* EPT with all that we need of it, and unrestricted guest. Without, neither is used: all guests are
 * shadowed, and real mode is vmx/real/vm86.c's. */
bool vmx_nested(const struct vmx_facts *f);
/* VM-entry and VM-exit switch EFER and PAT, which else they do by a list of MSRs: EFER alone. */
bool vmx_switches_efer(const struct vmx_facts *f);
/* The CPU can log what its guests write under EPT. */
bool vmx_logs(const struct vmx_facts *f);
/* The value of a control word: what must be 1, what we need, what we like and the CPU has. */
u32 vmx_ctl(const struct vmx_facts *f, enum vmx_word word);
/* In the format of the preemption timer: so many ticks of the TSC. */
u32 vmx_timer_ticks(const struct vmx_facts *f, u64 tsc);

/* From here on the CPU has none of these (enum hv_without). */
void vmx_do_without(struct vmx_facts *f, u32 without);

/* 0, or with one sentence in why: -ENODEV: the CPU has no such thing; -ENOSYS: it cannot be used.
 * Looks at nothing but f. */
int vmx_judge(const struct vmx_facts *f, char *why, size_t size);
int vmx_probe(u32 without, char *why, size_t size);
void vmx_describe(struct out *o);
