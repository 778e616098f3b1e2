/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tables of rules in this folder share. */
#pragma once

#include "arch/regs.h"
#include "vmx/check.h"

#define HIGH_HALF MASK(63, 32)

/* Columns of a row: the rule applies only under a control bit; the bits that it wants. */
#define IF(w, b)  .word = VMX_##w, .set = (b)
#define ONES(b)   .bits = { .ones = (b) }
#define ZEROS(b)  .bits = { .zeros = (b) }
#define CANONICAL .ok = check_canonical, .allowed = "canonical"
#define PAT       .ok = check_pat, .allowed = "0, 1, 4, 5, 6 or 7 in each byte"
#define S_CET     .ok = check_s_cet, .allowed = "canonical, not both bits 10 and 11"

/* Source: Intel SDM 3A "Control Registers", IA32_S_CET. */
#define S_CET_RESERVED MASK(9, 6)
#define S_CET_STATE    MASK(11, 10) /* suppress, tracker: not both */

#define SECTION(id, name, table) const struct check_section id = { name, table, ARRAY_SIZE(table) }

extern const struct check_section check_exec_ctl, check_exit_ctl, check_entry_ctl;
extern const struct check_section check_host_regs, check_host_segs, check_host_size;
extern const struct check_section check_guest_regs, check_guest_segs, check_guest_tables,
	check_guest_rip, check_guest_state, check_guest_pdptes, check_msr_loads;

static inline u64 check_read(const struct check *c, enum vmcs_field f)
{
	return c->read(c->arg, f);
}

/* The bits of a control word that may be 1. */
static inline u32 check_may(const struct check *c, u32 w)
{
	return (u32)(c->cpu->facts->ctl[w] >> 32);
}

/* A control word as the CPU takes it: without primary controls that activate them, the secondary
 * ones are 0. */
u32 check_word(const struct check *c, enum vmx_word w);

static inline bool check_has(const struct check *c, enum vmx_word w, u32 bit)
{
	return check_word(c, w) & bit;
}

static inline bool guest_64(const struct check *c)
{
	return check_has(c, VMX_ENTRY, ENTRY_CTL_GUEST_64);
}

static inline bool unrestricted(const struct check *c)
{
	return check_has(c, VMX_PROC2, PROC2_UNRESTRICTED);
}

static inline bool guest_cr0(const struct check *c, u64 bits)
{
	return check_read(c, VMCS_GUEST_CR0) & bits;
}

/* An event of this type will be injected. */
static inline bool injects(const struct check *c, u32 type)
{
	u32 e = (u32)check_read(c, VMCS_ENTRY_EVENT);

	return (e & EVENTINJ_VALID) && EVENTINJ_TYPE(e) == type;
}

/* Rules that several tables use. */
struct check_bits check_phys(const struct check *c, const struct check_rule *r);
struct check_bits check_page(const struct check *c, const struct check_rule *r);
struct check_bits check_cr4(const struct check *c, const struct check_rule *r);
bool check_canonical(const struct check *c, const struct check_rule *r);
bool check_pat(const struct check *c, const struct check_rule *r);
bool check_s_cet(const struct check *c, const struct check_rule *r);
struct check_bits check_perf(const struct check *c, const struct check_rule *r);
struct check_bits check_efer_known(const struct check *c, const struct check_rule *r);
