/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmx/check.h"

#include <stdio.h>

#include "vmx/check_priv.h"

const struct check_section *const vmx_check_sections[] = {
	&check_exec_ctl,     &check_exit_ctl,  &check_entry_ctl,   &check_host_regs,
	&check_host_segs,    &check_host_size, &check_guest_regs,  &check_guest_segs,
	&check_guest_tables, &check_guest_rip, &check_guest_state, &check_guest_pdptes,
	&check_msr_loads,
};

const u32 vmx_check_nr_sections = ARRAY_SIZE(vmx_check_sections);

u32 check_word(const struct check *c, enum check_word w)
{
	static const enum vmcs_field fields[WORD_NR] = {
		[WORD_PIN] = VMCS_PIN_CTL,     [WORD_PROC] = VMCS_PROC_CTL,
		[WORD_PROC2] = VMCS_PROC2_CTL, [WORD_EXIT] = VMCS_EXIT_CTL,
		[WORD_ENTRY] = VMCS_ENTRY_CTL,
	};

	if (w == WORD_PROC2 && !(check_read(c, VMCS_PROC_CTL) & PROC_SECONDARY))
		return 0;
	return (u32)check_read(c, fields[w]);
}

u64 vmx_check_value(const struct check *c, const struct check_rule *r)
{
	if (r->value)
		return r->value(c, r);
	return r->field == VMCS_PROC2_CTL ? check_word(c, WORD_PROC2) : check_read(c, r->field);
}

static bool applies(const struct check *c, const struct check_rule *r)
{
	if (r->word && (check_word(c, (enum check_word)r->word) & r->set) != r->set)
		return false;
	return !r->when || r->when(c, r);
}

static struct check_bits bits_of(const struct check *c, const struct check_rule *r)
{
	return r->cpu_bits ? r->cpu_bits(c, r) : r->bits;
}

bool vmx_check_holds(const struct check *c, const struct check_rule *r)
{
	struct check_bits b;
	u64 val;

	if (!applies(c, r))
		return true;
	if (r->ok)
		return r->ok(c, r);
	b = bits_of(c, r);
	val = vmx_check_value(c, r);
	return !(~val & b.ones) && !(val & b.zeros);
}

static u64 width_mask(enum vmcs_field f)
{
	switch (vmcs_width(f)) {
	case VMCS_16:
		return MASK(15, 0);
	case VMCS_32:
		return MASK(31, 0);
	case VMCS_64:
	case VMCS_NATURAL:
		return ~0ULL;
	}
	return 0;
}

void vmx_check_allowed(const struct check *c, const struct check_rule *r, char *text, size_t size)
{
	struct check_bits b = bits_of(c, r);
	unsigned long long ones = b.ones, zeros = b.zeros & width_mask(r->field);

	if (r->ok)
		snprintf(text, size, "%s", r->allowed);
	else if (!zeros)
		snprintf(text, size, "0x%llx = 1", ones);
	else if (!ones)
		snprintf(text, size, "0x%llx = 0", zeros);
	else
		snprintf(text, size, "0x%llx = 1, 0x%llx = 0", ones, zeros);
}

struct check_bits check_phys(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ .zeros = ~MASK(c->cpu->phys_bits - 1, 0) };
}

struct check_bits check_page(const struct check *c, const struct check_rule *r)
{
	struct check_bits b = check_phys(c, r);

	b.zeros |= PAGE_SIZE - 1;
	return b;
}

struct check_bits check_cr4(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ c->cpu->cr4_fixed0, ~c->cpu->cr4_fixed1 };
}

/* For the linear addresses that the CPU can have, whatever CR4.LA57 says. */
static bool canonical(const struct check *c, u64 addr)
{
	u32 shift = 64 - c->cpu->linear_bits;

	return (u64)((s64)(addr << shift) >> shift) == addr;
}

bool check_canonical(const struct check *c, const struct check_rule *r)
{
	return canonical(c, check_read(c, r->field));
}

bool check_s_cet(const struct check *c, const struct check_rule *r)
{
	u64 val = check_read(c, r->field);

	return canonical(c, val) && (val & S_CET_STATE) != S_CET_STATE;
}

/* Eight fields of three bits; memory types 2 and 3 do not exist. */
bool check_pat(const struct check *c, const struct check_rule *r)
{
	u64 pat = check_read(c, r->field);

	for (u32 i = 0; i < 64; i += 8) {
		u64 type = pat >> i & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

struct check_bits check_perf(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ .zeros = ~c->cpu->perf_global_known };
}

struct check_bits check_efer_known(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return (struct check_bits){ .zeros = ~c->cpu->efer_known };
}
