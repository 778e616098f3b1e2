/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of VM-entry for segments. Source: Intel SDM 3C "Checks on Guest Segment Registers". */
#include "vmx/check/rule_priv.h"

#define SEL_RPL(s) ((s)&3)
#define SEL_TI     BIT(2)

/* Of code and data; "accessed" and the like as in the descriptor. */
#define TYPE_DATA_RW    3 /* accessed */
#define TYPE_CONFORMING BIT32(2)
#define TYPE_CODE       BIT32(3)
#define TYPE_READABLE   BIT32(1)
#define TYPE_ACCESSED   BIT32(0)
/* Of the system. */
#define TYPE_LDT        2ULL
#define TYPE_TSS16      3 /* busy */
#define TYPE_TSS        11

#define VM86_LIMIT 0xffffULL
#define VM86_AR    0xf3ULL /* present, DPL 3, read and write, accessed */

static u64 sel(const struct check *c, u32 seg)
{
	return check_read(c, vmcs_sel(seg));
}

static u32 ar(const struct check *c, u32 seg)
{
	return (u32)check_read(c, vmcs_ar(seg));
}

static u32 type(const struct check *c, u32 seg)
{
	return ar(c, seg) & AR_TYPE;
}

static bool vm86(const struct check *c, const struct check_rule *r)
{
	(void)r;
	return check_read(c, VMCS_GUEST_RFLAGS) & RFLAGS_VM;
}

static bool usable(const struct check *c, const struct check_rule *r)
{
	return !(ar(c, r->arg) & AR_UNUSABLE);
}

/* Its access rights count as those of a descriptor. */
static bool in_use(const struct check *c, const struct check_rule *r)
{
	if (r->arg == S_TR)
		return true;
	if (r->arg == S_LDTR)
		return usable(c, r);
	return !vm86(c, r) && (r->arg == S_CS || usable(c, r));
}

static bool descriptor(const struct check *c, const struct check_rule *r)
{
	return !vm86(c, r);
}

static bool restricted(const struct check *c, const struct check_rule *r)
{
	return !vm86(c, r) && !unrestricted(c);
}

static bool vm86_base(const struct check *c, const struct check_rule *r)
{
	return check_read(c, r->field) == sel(c, r->arg) << 4;
}

static bool same_rpl(const struct check *c, const struct check_rule *r)
{
	return SEL_RPL(check_read(c, r->field)) == SEL_RPL(sel(c, S_CS));
}

static bool code_type(const struct check *c, const struct check_rule *r)
{
	u32 t = type(c, r->arg);

	return (t & (TYPE_CODE | TYPE_ACCESSED)) == (TYPE_CODE | TYPE_ACCESSED) ||
	       (t == TYPE_DATA_RW && unrestricted(c));
}

static bool stack_type(const struct check *c, const struct check_rule *r)
{
	u32 t = type(c, r->arg);

	/* Bit 2 of data: it expands down. */
	return t == TYPE_DATA_RW || t == (TYPE_DATA_RW | BIT32(2));
}

static bool data_type(const struct check *c, const struct check_rule *r)
{
	u32 t = type(c, r->arg);

	return (t & TYPE_ACCESSED) && (!(t & TYPE_CODE) || (t & TYPE_READABLE));
}

/* CS.DPL against SS.DPL, which is the privilege level. */
static bool code_dpl(const struct check *c, const struct check_rule *r)
{
	u32 t = type(c, S_CS), dpl = AR_DPL(ar(c, r->arg)), cpl = AR_DPL(ar(c, S_SS));

	if (!(t & TYPE_CODE))
		return t != TYPE_DATA_RW || dpl == 0;
	return t & TYPE_CONFORMING ? dpl <= cpl : dpl == cpl;
}

static bool stack_dpl(const struct check *c, const struct check_rule *r)
{
	return AR_DPL(ar(c, r->arg)) == SEL_RPL(sel(c, r->arg));
}

static bool real_mode(const struct check *c, const struct check_rule *r)
{
	return !vm86(c, r) && (type(c, S_CS) == TYPE_DATA_RW || !guest_cr0(c, CR0_PE));
}

static bool data_dpl(const struct check *c, const struct check_rule *r)
{
	bool conforming = type(c, r->arg) >= (TYPE_CODE | TYPE_CONFORMING);

	return unrestricted(c) || conforming || AR_DPL(ar(c, r->arg)) >= SEL_RPL(sel(c, r->arg));
}

static bool code_of_64(const struct check *c, const struct check_rule *r)
{
	return !vm86(c, r) && guest_64(c) && (ar(c, r->arg) & AR_L);
}

static bool granularity(const struct check *c, const struct check_rule *r)
{
	u64 limit = check_read(c, vmcs_limit(r->arg));

	if (ar(c, r->arg) & AR_G)
		return (limit & MASK(11, 0)) == MASK(11, 0);
	return !(limit & MASK(31, 20));
}

static bool tss_type(const struct check *c, const struct check_rule *r)
{
	u32 t = type(c, r->arg);

	return t == TYPE_TSS || (t == TYPE_TSS16 && !guest_64(c));
}

#define AR_FIELD(s)   VMCS_GUEST_##s##_AR, S_##s
#define BASE_FIELD(s) VMCS_GUEST_##s##_BASE, S_##s

#define DATA_SEGS(X) X(ES) X(DS) X(FS) X(GS)
#define CODE_SEGS(X) X(CS) X(SS) DATA_SEGS(X)
#define ALL_SEGS(X)  CODE_SEGS(X) X(LDTR) X(TR)

/* clang-format off */
#define VM86(s)                                                                                  \
	{ "the base is the selector's", BASE_FIELD(s), .when = vm86, .ok = vm86_base,            \
	  .allowed = "selector * 16 in virtual-8086 mode" },                                     \
	{ "the limit is that of a vm86 segment", VMCS_GUEST_##s##_LIMIT, S_##s, .when = vm86,    \
	  .bits = { VM86_LIMIT, ~VM86_LIMIT } },                                                 \
	{ "the rights are those of a vm86 segment", AR_FIELD(s), .when = vm86,                   \
	  .bits = { VM86_AR, ~VM86_AR } },

#define DATA(s)                                                                                  \
	{ "the type can be read", AR_FIELD(s), .when = in_use, .ok = data_type,                  \
	  .allowed = "accessed, and readable if code" },                                         \
	{ "the segment is of the selector's level", AR_FIELD(s), .when = in_use, .ok = data_dpl, \
	  .allowed = "DPL from the selector's RPL on, or conforming code" },

#define CODE_OR_DATA(s)                                                                          \
	{ "the segment is one of code or data", AR_FIELD(s), .when = in_use, ONES(AR_S) },

#define ANY(s)                                                                                   \
	{ "the segment is present", AR_FIELD(s), .when = in_use, ONES(AR_P) },                   \
	{ "the rights have no reserved bit", AR_FIELD(s), .when = in_use, ZEROS(AR_RESERVED) },  \
	{ "the granularity fits the limit", AR_FIELD(s), .when = in_use, .ok = granularity,      \
	  .allowed = "G = 0 if limit 11:0 has a 0, G = 1 if 31:20 has a 1" },

static const struct check_rule rules[] = {
	{ "the selector is of the GDT", VMCS_GUEST_TR_SEL, ZEROS(SEL_TI) },
	{ "the selector is of the GDT", VMCS_GUEST_LDTR_SEL, S_LDTR, .when = usable,
	  ZEROS(SEL_TI) },
	{ "SS and CS have the same RPL", VMCS_GUEST_SS_SEL, .when = restricted, .ok = same_rpl,
	  .allowed = "RPL of CS" },
	{ "the base is canonical", BASE_FIELD(TR), CANONICAL },
	{ "the base is canonical", BASE_FIELD(FS), CANONICAL },
	{ "the base is canonical", BASE_FIELD(GS), CANONICAL },
	{ "the base is canonical", BASE_FIELD(LDTR), .when = usable, CANONICAL },
	{ "the base has 32 bits", BASE_FIELD(CS), ZEROS(HIGH_HALF) },
	{ "the base has 32 bits", BASE_FIELD(SS), .when = usable, ZEROS(HIGH_HALF) },
	{ "the base has 32 bits", BASE_FIELD(DS), .when = usable, ZEROS(HIGH_HALF) },
	{ "the base has 32 bits", BASE_FIELD(ES), .when = usable, ZEROS(HIGH_HALF) },
	CODE_SEGS(VM86)
	{ "the type is one of code", AR_FIELD(CS), .when = in_use, .ok = code_type,
	  .allowed = "9, 11, 13, 15, or 3 in an unrestricted guest" },
	{ "the type is one of a stack", AR_FIELD(SS), .when = in_use, .ok = stack_type,
	  .allowed = "3 or 7" },
	{ "the code is of SS's level", AR_FIELD(CS), .when = descriptor, .ok = code_dpl,
	  .allowed = "SS.DPL; up to SS.DPL if conforming; 0 if type 3" },
	{ "the stack is of its selector's level", AR_FIELD(SS), .when = restricted,
	  .ok = stack_dpl, .allowed = "DPL = RPL of SS" },
	{ "real mode has level 0", AR_FIELD(SS), .when = real_mode, ZEROS(AR_DPL_BITS) },
	DATA_SEGS(DATA)
	CODE_SEGS(CODE_OR_DATA)
	ALL_SEGS(ANY)
	{ "a code segment has one default size", AR_FIELD(CS), .when = code_of_64, ZEROS(AR_DB) },
	{ "the task is a busy one", AR_FIELD(TR), .ok = tss_type,
	  .allowed = "type 11, or 3 outside IA-32e mode" },
	{ "the task is usable", AR_FIELD(TR), ZEROS(AR_UNUSABLE) },
	{ "the segment is one of the system", AR_FIELD(TR), ZEROS(AR_S) },
	{ "the segment is one of the system", AR_FIELD(LDTR), .when = in_use, ZEROS(AR_S) },
	{ "the type is that of an LDT", AR_FIELD(LDTR), .when = in_use,
	  .bits = { TYPE_LDT, AR_TYPE & ~TYPE_LDT } },
};
/* clang-format on */

SECTION(check_guest_segs, "Checks on Guest Segment Registers", rules);
