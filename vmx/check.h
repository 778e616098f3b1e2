/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks that VM-entry makes, in software, so that a failed entry can say which rule was
 * broken. A rule is a row of a table; it looks at nothing but a VMCS, host memory and what the CPU
 * is, all through struct check, so it is the same on a running machine and in a test.
 * Source: Intel SDM 3C, chapter "VM Entries", by the section that each table names.
 *
 * Left out: what concerns a host outside IA-32e mode and entries in SMM, which do not exist here,
 * and the fields of features that Umbra never turns on (tertiary controls, Intel PT, LBR, FRED,
 * user interrupts, sub-page permissions, PASID).
 */
#pragma once

#include "lib/types.h"

#include "vmx/control.h"
#include "vmx/probe.h"

/* What depends on the CPU. */
struct check_cpu {
	const struct vmx_facts *facts;
	u64 vmfunc;                        /* IA32_VMX_VMFUNC */
	u64 efer_known, perf_global_known; /* bits that exist in the MSR */
	u8 phys_bits, linear_bits;
	bool sgx, rtm;
};

struct check {
	u64 (*read)(void *arg, enum vmcs_field f); /* 0: the CPU has no such field */
	/* 8 bytes of host memory; false: it is no RAM, and no rule is broken for what is there. */
	bool (*memory)(void *arg, u64 pa, u64 *val);
	void *arg;
	const struct check_cpu *cpu;
};

/* Bits that must be 1 and bits that must be 0. */
struct check_bits {
	u64 ones, zeros;
};

struct check_rule {
	const char *title;
	enum vmcs_field field;
	u8 arg;  /* segment (enum seg), control word or index: the functions' own */
	u8 word; /* enum vmx_word: the rule applies only if these of its bits are 1 */
	u32 set;
	/* and if this says so. */
	bool (*when)(const struct check *c, const struct check_rule *r);
	/* What is judged; NULL: the field. */
	u64 (*value)(const struct check *c, const struct check_rule *r);
	/* One of the three: bits, bits of this CPU or guest, or a function and words for it. */
	struct check_bits bits;
	struct check_bits (*cpu_bits)(const struct check *c, const struct check_rule *r);
	bool (*ok)(const struct check *c, const struct check_rule *r);
	const char *allowed;
};

/* The rules of one section of the manual. */
struct check_section {
	const char *title;
	const struct check_rule *rules;
	u32 nr;
};

/* In the order in which the CPU looks, as far as the manual has one. */
extern const struct check_section *const vmx_check_sections[];
extern const u32 vmx_check_nr_sections;

bool vmx_check_holds(const struct check *c, const struct check_rule *r);
u64 vmx_check_value(const struct check *c, const struct check_rule *r);
/* What would have been right, in words. */
void vmx_check_allowed(const struct check *c, const struct check_rule *r, char *text, size_t size);
